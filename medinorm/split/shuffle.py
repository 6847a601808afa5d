"""Subjects in a random order that new subjects do not disturb."""

import hashlib
from collections.abc import Iterable


def shuffle_subjects(subjects: Iterable[str], seed: int) -> list[str]:
    """Subjects in an order that depends on the seed and on each one's name only.

    Args:
        subjects: their names.
        seed: another one gives another order.
    """
    key = str(seed).encode()
    return sorted(
        subjects,
        key=lambda subject: hashlib.blake2b(subject.encode(), key=key).digest(),
    )
