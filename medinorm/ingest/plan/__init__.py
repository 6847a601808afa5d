"""Which scans the input may hold."""
