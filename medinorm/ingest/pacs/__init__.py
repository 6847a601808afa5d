"""Scans from a PACS: asked for over the network, kept in the private folder."""
