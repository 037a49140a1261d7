"""Where packs and the log of refs lie outside this machine: folders, buckets, servers."""
