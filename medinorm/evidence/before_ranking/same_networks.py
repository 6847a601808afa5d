"""Levels of an axis whose networks are the same in a study, as its records show.

Such levels differ by the order of random numbers at most: a difference between them is
chance.
"""

from collections.abc import Iterator, Mapping

from medinorm.evidence.before_ranking.run_records import RunRecord, RunRecords

# A level, and what it is the same as where its card says so.
_SAME = {"flip": "none", "style": "standard"}
_WHY = {
    "flip": "nothing was mirrored",
    "style": "there was one training domain, and no style of another",
}


def say_same_networks(trained: RunRecords) -> Iterator[str]:
    """Which augmentations made the same networks, as whole sentences.

    Args:
        trained: the records of all runs.
    """
    variants = {run.variant for run in trained.records}
    for level, other in _SAME.items():
        splits = {
            run.split
            for run, record in trained.known()
            if run.variant.augmentation == level
            and run.variant._replace(augmentation=other) in variants
            and _is_idle(level, record)
        }
        if splits:
            yield (
                f"The augmentations {level} and {other} are the same in "
                f"{', '.join(sorted(splits))}: {_WHY[level]}. A difference between "
                "them is chance there."
            )


def _is_idle(level: str, record: RunRecord) -> bool:
    """Whether the card of a network says that an augmentation did nothing of its own.

    A record without these entries, of an earlier version, says nothing.
    """
    card = record.get("card")
    if not isinstance(card, Mapping):
        return False
    if level == "flip":
        return "mirror_axes" in card and not card["mirror_axes"]
    domains = card.get("domains")
    return isinstance(domains, list) and len(domains) == 1
