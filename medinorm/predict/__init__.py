"""Trained networks segment the test scans."""
