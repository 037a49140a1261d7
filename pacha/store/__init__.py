"""Room 2: where bytes live. DATA in packs, META in plain files; ids and links never depend on how they are stored."""
