"""Room 4: walking objects by what they reference, and the order of history."""
