"""The statistics and the map that all norms share."""
