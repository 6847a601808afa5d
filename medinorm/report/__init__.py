"""The comparison as one offline HTML page."""
