"""The HTML pages: the report and the quality page."""
