"""How layers get more than their input: style, regions, domain, mask."""
