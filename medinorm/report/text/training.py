"""How networks were trained and applied, in sentences for a paper."""

from collections.abc import Iterator, Mapping
from typing import Any

from medinorm.config import TrainConfig
from medinorm.report.findings import ReportFindings, distinct

_SELECTIONS = {
    "last": "The weights after the last step were kept.",
    "validation": "The weights with the best Dice on validation subjects of the "
    "training domains were kept.",
}
_OPTIMIZERS = {
    "adamw": "AdamW",
    "sgd": "stochastic gradient descent with Nesterov's momentum of 0.99",
}
_SCHEDULES = {
    "one_cycle": "a learning rate that rises to {rate} and falls again (one cycle)",
    "polynomial": "a learning rate that falls from {rate} to 0 with power 0.9",
    "cosine": "a learning rate that falls from {rate} to 0 along a cosine",
}
_MIRRORS = "mirrors, each allowed axis with probability 0.5"
_STANDARD = (
    f"{_MIRRORS}; rotation by up to 30° about each axis and scaling by 0.7 to 1.4, "
    "each with probability 0.2; Gaussian noise of up to 0.1 standard deviations (0.1); "
    "Gaussian blur of 0.5 to 1 voxel (0.2); brightness times 0.75 to 1.25 (0.15); "
    "contrast times 0.75 to 1.25 (0.15); resolution lowered to 0.5 to 1 (0.25); gamma "
    "of 0.7 to 1.5 on the negative image (0.1) and on the image (0.3)"
)
RANGES: Mapping[str, str] = {
    "none": "none",
    "flip": "left-right mirrors with probability 0.5, where they are allowed",
    "intensity": "left-right mirrors with probability 0.5, where they are allowed; "
    "intensities times 0.9 to 1.1, plus up to 0.1, and Gaussian noise of standard "
    "deviation up to 0.1, each with probability 0.5",
    "standard": _STANDARD,
    "scanner": f"{_STANDARD}; contrast, bias field, noise and slices of other "
    "scanners with probability 0.5",
    "style": f"{_STANDARD}; mean and standard deviation of patches of the other "
    "training domains",
}
"""What each augmentation does, with its ranges; in brackets: probabilities."""


def describe_training(
    findings: ReportFindings, train: TrainConfig | None
) -> Iterator[str]:
    """Seeds, and what all variants share.

    Args:
        findings: the tables.
        train: the settings of training, if they are known.
    """
    seeds = len(findings.seeds)
    yield (
        f"Each network was trained with {seeds} {'seed' if seeds == 1 else 'seeds'}, "
        "with the same data and settings for all variants."
    )
    if train is None:
        return
    yield from _describe_network(findings, train)
    yield (
        "The loss is the sum of soft Dice loss, background included, and cross-entropy."
    )
    if train.deep_supervision:
        yield "It counts at lower resolutions too, where the network has outputs there."
    yield from _describe_steps(findings, train)
    for name in distinct(variant.augmentation for variant in findings.variants):
        yield f"Augmentation {name}: {RANGES.get(name, name)}."
    yield f"Numbers were computed in precision {train.precision}."
    yield _SELECTIONS[train.selection]


def _describe_network(findings: ReportFindings, train: TrainConfig) -> Iterator[str]:
    """The network, and the groups of group norm."""
    levels = ", ".join(map(str, train.network.channels))
    yield f"Network: {train.network.name} with {levels} channels."
    if any(variant.norm == "group" for variant in findings.variants):
        yield (
            "Group normalization has as many groups as the largest divisor of the "
            "number of channels that is not above 8, unless the options of the norm "
            "say another number."
        )


def _describe_steps(findings: ReportFindings, train: TrainConfig) -> Iterator[str]:
    """Steps, patches, optimizer and learning rate."""
    patch = " x ".join(map(str, train.patch))
    rates = sorted({row.rate for row in findings.rates})
    rate = "the chosen one" if len(rates) > 1 else f"{train.learning_rate:g}"
    schedule = _SCHEDULES[train.schedule].format(rate=rate)
    yield (
        f"{train.steps:,} steps of {train.batch_size} patches of {patch} voxels, "
        f"{train.centred_share:.0%} of them centred on a labelled voxel; "
        f"{_OPTIMIZERS[train.optimizer]} with {schedule} and weight decay "
        f"{train.weight_decay:g}."
    )
    if len(rates) > 1:
        listed = ", ".join(f"{value:g}" for value in rates)
        yield (
            f"The learning rate of each variant and split was chosen among {listed} by "
            "the best mean Dice on validation scans of its training domains."
        )


def describe_prediction(configuration: Mapping[str, Any]) -> Iterator[str]:
    """How networks were applied, as far as the configuration says it.

    Args:
        configuration: of the study, as `environment.json` holds it.
    """
    predict = configuration.get("predict")
    if not isinstance(predict, Mapping):
        return
    overlap = predict.get("overlap")
    if isinstance(overlap, int | float):
        yield (
            "Scans were segmented by sliding windows of the size of the training patch "
            f"that overlap by {overlap:.0%}; the label maps were brought back to the "
            "grid of the scan before they were scored."
        )
    if predict.get("mirror") is True:
        yield "Predictions are means over mirrored scans."
