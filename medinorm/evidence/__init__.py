"""What the scores say about domains that were never seen."""
