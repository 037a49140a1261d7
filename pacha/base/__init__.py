"""Room 0: ids, canonical documents, names, files, clock, toml, progress; errors beneath all of them."""
