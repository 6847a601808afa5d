"""The account of ingest: what became of every file and scan."""
