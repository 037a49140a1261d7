"""What `pacha demo` works on: a small public dataset and a script that trains on it. Data, not code of Pacha's."""
