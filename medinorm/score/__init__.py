"""How well predicted label maps agree with the reference."""
