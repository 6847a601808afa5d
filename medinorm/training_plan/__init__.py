"""The training plan: what the scans and the budget say about patch, network, steps."""
