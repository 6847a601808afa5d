"""Tables beyond means of a fabricated study, written beside its other tables."""

from medinorm.files.records import write_records
from medinorm.records.beyond_means import (
    ComponentRow,
    RankAgreementRow,
    RankProbabilityRow,
    RankRow,
    RecoveredRow,
    UnseenDomainRow,
    UnseenLabelRow,
    WorstDomainRow,
)
from medinorm.records.calibration import CalibrationSummaryRow, RetentionRow
from medinorm.records.evidence import FailureRow
from medinorm.report.sections.beyond_means.failures import name_kinds


def write_unseen(study, winner_first=True):
    """The best variant is first everywhere, or second on the first domain."""
    evidence = study.inputs().evidence
    ranked = [row.variant for row in study.inputs().findings.ranking]
    rows, worst = [], []
    for place, variant in enumerate(ranked):
        for number, domain in enumerate(study.scanners):
            swapped = not winner_first and number == 0 and place < 2
            rank = 2 - place if swapped else place + 1
            dice = 0.9 - 0.05 * rank
            rows.append(
                UnseenDomainRow(
                    *(variant, domain, dice, dice - 0.1, dice + 0.05, 4, 3, 5),
                    *(rank, len(ranked), 0.25, 0.03, 0.65, 0.5, number == 0),
                )
            )
        worst.append(WorstDomainRow(variant, study.scanners[0], 0.7, 0.6, 0.8))
    labels = [UnseenLabelRow(variant, 1, 0.8, 0.7, 0.9) for variant in ranked]
    write_records(evidence / "unseen_domains.tsv", rows, UnseenDomainRow)
    write_records(evidence / "worst_domains.tsv", worst, WorstDomainRow)
    write_records(evidence / "unseen_labels.tsv", labels, UnseenLabelRow)
    return ranked


def write_ranks(study, other_first=False):
    """Ranks by Dice by two rules; by the second another variant may be first."""
    evidence = study.inputs().evidence
    ranked = [row.variant for row in study.inputs().findings.ranking]
    count = len(ranked)
    rows, shares = [], []
    for place, variant in enumerate(ranked, start=1):
        second = 3 - place if other_first and place < 3 else place
        rows += [
            RankRow(variant, "dice", "mean_then_rank", place, 0.8, place, place, 1.0),
            RankRow(variant, "dice", "test_based", second, 2.0, None, None, None),
        ]
        shares += [
            RankProbabilityRow(
                *(variant, "dice", "mean_then_rank", rank, float(rank == place))
            )
            for rank in range(1, count + 1)
        ]
    main, tests = ("dice", "mean_then_rank"), ("dice", "test_based")
    agreement = [
        RankAgreementRow(*main, *main, 0.75, 0.5, 1.0),
        RankAgreementRow(*main, *tests, None, None, None),
    ]
    write_records(evidence / "ranks.tsv", rows, RankRow)
    write_records(evidence / "rank_probabilities.tsv", shares, RankProbabilityRow)
    write_records(evidence / "rank_agreement.tsv", agreement, RankAgreementRow)
    return ranked


def write_components(study, refused=""):
    """A mixed model, or why there is none; the shares that are recovered."""
    evidence = study.inputs().evidence
    best, reference, *_ = study.inputs().findings.variants
    rows = [
        ComponentRow("variant", 3, None, 1.7, 0.25, None),
        ComponentRow("domain", 2, 0.035, None, None, None),
        ComponentRow("variant x domain", 6, 0.073, None, None, None),
    ]
    if refused:
        rows = [ComponentRow("refused", None, None, None, None, refused)]
    shares = [RecoveredRow(best, reference, 0.76, 0.46, 1.06, 0.18, None)]
    write_records(evidence / "components.tsv", rows, ComponentRow)
    write_records(evidence / "recovered.tsv", shares, RecoveredRow)


KINDS = tuple(name_kinds(0.5))


def fail(study, counts=(0, 2, 1, 12), possible=40):
    """Each variant fails so often on scanners it never saw, once more on the first."""
    rows = [
        FailureRow(
            *(variant, design, scanner, known, kind),
            failures=int(kind in ("missed", "low"))
            if known
            else place + (place > 9 and scanner == study.scanners[0]),
            possible=0 if kind == "false_positive" and known else possible,
            predictions=1,
            volume_ml=0.25 if kind == "false_positive" and not known else None,
        )
        for variant in study.findings().variants
        for design, known in (("lodo", False), ("pooled", True))
        for scanner in study.scanners
        for kind, place in zip(KINDS, counts, strict=True)
    ]
    write_records(study.root / "evidence" / "failures.tsv", rows, FailureRow)


def measure(study, curves=True):
    """Each variant is off by 0.2 where unseen and by 0.05 where known."""
    evidence, places = study.root / "evidence", list(study.scanners)
    rows, points = [], []
    for variant in study.findings().variants:
        for design, known, off in (("lodo", False, 0.2), ("pooled", True, 0.05)):
            for scanner in places:
                key = variant, design, scanner, known
                rows.append(
                    CalibrationSummaryRow(
                        *key, 9, off, off / 2, 2 * off, off, off / 4, off / 3
                    )
                )
                points += [
                    RetentionRow(*key, step / 20, 2 * off * step / 20)
                    for step in range(1, 21)
                ]
    write_records(evidence / "calibration.tsv", rows, CalibrationSummaryRow)
    if curves:
        write_records(evidence / "error_retention.tsv", points, RetentionRow)
