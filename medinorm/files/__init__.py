"""What a file is: tables, volumes, sidecars, and writing them all or nothing."""
