"""How layers learn more than their input."""
