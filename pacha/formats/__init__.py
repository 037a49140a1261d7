"""Room 5: what kind of file this is. Looks at names and first bytes; never loads, never unpickles."""
