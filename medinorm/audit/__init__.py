"""A search of anything that is to be shared for identifiers that are known."""
