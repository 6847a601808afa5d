"""What is measured of the foreground."""
