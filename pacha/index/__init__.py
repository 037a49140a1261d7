"""Room 7: a cache that one may delete at any moment without changing an answer."""
