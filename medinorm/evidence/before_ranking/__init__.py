"""What is checked before variants are ranked: refusals, weaknesses, fairness."""
