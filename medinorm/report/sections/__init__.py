"""The sections of the report, one file each: the page finds them by itself."""
