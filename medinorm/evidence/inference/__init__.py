"""How an estimate becomes a statement: variance, tests, predictions, power."""
