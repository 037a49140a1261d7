"""Room 2: what moves. Refs are small files, created once and never overwritten, and the transactions over them."""
