"""A choice of training scans: as many as another design has, each domain's share kept.

Networks of two designs are compared fairly if they trained on equally many scans. The
choice is made among training scans only and by subject, in an order that depends on the
seed and the subject's name: a scan that tests cannot change it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from medinorm.errors import StageError
from medinorm.split.domains import DomainScan
from medinorm.split.shuffle import shuffle_subjects


def choose_training_scans(
    training: Sequence[DomainScan],
    count: int,
    seed: int,
    *,
    needed: Collection[str] = (),
) -> frozenset[str]:
    """Ids of `count` of the training scans, or of all if there are no more.

    The scans of a subject are taken one after the other, so that as few subjects as
    possible take part with some of their scans only.

    Args:
        training: scans that may train.
        count: how many to choose.
        seed: seed of the order of subjects.
        needed: domains of which at least one scan is chosen.
    """
    sizes = Counter(scan.domain for scan in training)
    shares = share_out(sizes, count, needed)
    order = shuffle_subjects({scan.subject for scan in training}, seed)
    place = {subject: position for position, subject in enumerate(order)}
    by_subject = sorted(training, key=lambda scan: (place[scan.subject], scan.scan))
    chosen: set[str] = set()
    for domain, share in shares.items():
        scans = [scan.scan for scan in by_subject if scan.domain == domain]
        chosen.update(scans[:share])
    return frozenset(chosen)


def share_out(
    sizes: Mapping[str, int], count: int, needed: Collection[str] = ()
) -> dict[str, int]:
    """Divide a number of scans among domains in proportion to their sizes.

    What rounding leaves goes to the domains with the largest remainders.

    Args:
        sizes: number of scans of each domain.
        count: number to divide.
        needed: domains that get at least one.

    Raises:
        StageError: there are fewer than the needed domains.

    Examples:
        >>> share_out({"A": 9, "B": 9, "C": 3}, 14)
        {'A': 6, 'B': 6, 'C': 2}
        >>> share_out({"A": 9, "B": 1}, 9, needed=["B"])
        {'A': 8, 'B': 1}
    """
    total = sum(sizes.values())
    count = min(count, total)
    if 0 < count < sum(sizes.get(name, 0) > 0 for name in set(needed)):
        raise StageError(
            "split.designs: size_matched needs as many training scans as domains; add "
            "subjects or leave the design out"
        )
    shares = {name: count * size // total for name, size in sorted(sizes.items())}
    rest = sorted(shares, key=lambda name: (-(count * sizes[name] % total), name))
    for name in rest[: count - sum(shares.values())]:
        shares[name] += 1
    for name in needed:
        if sizes.get(name) and not shares[name] and count:
            shares[max(shares, key=lambda other: shares[other])] -= 1
            shares[name] = 1
    return shares
