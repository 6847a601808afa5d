"""Tables of columns: scores, of which a study may have millions."""
