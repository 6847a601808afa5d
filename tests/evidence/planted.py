"""Scores with effects that are known."""

import numpy as np


def noisy(mean, seed=0, spread=0.02):
    """Scores around a mean, with effects of subject and seed."""
    rng = np.random.default_rng(seed)
    effects = {}

    def dice(case):
        keys = case.scan, (case.split, case.seed)
        person, network = (
            effects.setdefault(key, spread * rng.normal()) for key in keys
        )
        value = mean + person + network / 2 + spread / 2 * rng.normal()
        return float(np.clip(value, 0, 1))

    return dice
