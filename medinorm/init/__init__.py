"""A study file to start from: what the headers of some scans say, in comments."""
