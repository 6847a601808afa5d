"""Who trains and who tests."""
