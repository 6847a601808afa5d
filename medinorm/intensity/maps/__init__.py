"""What a fitted method becomes: a map that can be applied and stored."""
