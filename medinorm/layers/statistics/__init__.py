"""The statistics that all norms share, and how they are applied."""
