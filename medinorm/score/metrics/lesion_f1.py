"""The F1 of detected lesions."""

from medinorm.score.declare import MeasuredLabel, metric


@metric(
    "lesion_f1",
    "twice the lesions that were found over these, all lesions and all false pieces, "
    "0 to 1; of labels that are lesions",
    title="Lesion F1",
    unit="",
    better="higher",
    worst=0.0,
    always=True,
    of_lesions=True,
    symmetric=False,
)
def compute_lesion_f1(label: MeasuredLabel) -> float | None:
    r"""Twice the lesions found over this, those missed and the false pieces.

    .. math:: F_1 = 2 TP / (2 TP + FN + FP)

    with lesions found (TP), lesions missed (FN) and false pieces (FP); none where there
    are neither lesions nor pieces.
    """
    counts = label.lesions
    if counts is None or not (counts.lesions or counts.false):
        return None
    return 2.0 * counts.detected / (counts.detected + counts.lesions + counts.false)
