"""What of a header may stay, and what replaces the rest."""
