"""Room 8: one verb a file. Each takes an open repository and values, returns values, and prints nothing."""
