"""Predictions, their scores, and what the scores say about new domains."""
