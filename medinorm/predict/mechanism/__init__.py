"""What norms do inside of a network: it describes networks and chooses nothing."""
