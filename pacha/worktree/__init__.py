"""Room 5: files of the user's work tree. What they are, reading them into the store, writing them back."""
