"""The metrics that a prediction is scored by, as they are declared.

They are read from the text of `medinorm.score.metrics`, one file a metric: tables,
comparison and report know them without importing what computes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from medinorm.declarations import read_declarations

Unit = Literal["", "mm", "ml", "per scan"]
Better = Literal["higher", "lower", "zero"]

_PLACE = "medinorm.score.metrics"


@dataclass(frozen=True)
class Metric:
    """What a metric says about itself.

    Args:
        name: its column in the tables.
        text: what it measures, a part of a sentence.
        title: what a reader calls it.
        unit: of its values; empty for a share.
        better: whether higher or lower values are better, or those near zero.
        worst: score of a label that only one of the two maps has, and of each label
            without a prediction; the image's diagonal is in mm, border to border.
            ``None``: such a label has none, and is not in the mean.
        primary: whether variants are compared and ranked by it; exactly one is.
        module: where it is declared, dotted.
        shown: whether the report has a column of it, if it has values.
        always: whether it is computed wherever there is a prediction, also where only
            one of the maps, or neither, has the label.
        symmetric: whether swapping the maps changes nothing.
        of_lesions: whether it is only of labels that `score.lesions` names.
    """

    name: str
    text: str
    title: str
    unit: Unit
    better: Better
    worst: float | Literal["image diagonal"] | None
    primary: bool = False
    module: str = ""
    shown: bool = True
    always: bool = False
    symmetric: bool = True
    of_lesions: bool = False

    @property
    def best_score(self) -> float:
        """The score of a perfect prediction."""
        return 1.0 if self.better == "higher" else 0.0

    def worst_score(self, diagonal: float) -> float | None:
        """The score of a label that was missed.

        Args:
            diagonal: of the image, in mm.
        """
        return diagonal if isinstance(self.worst, str) else self.worst


def _read_metrics() -> Mapping[str, Metric]:
    """All metrics by name: the primary one, then shares, then distances."""
    declared = read_declarations(_PLACE, "metric").values()
    metrics = [Metric(d.name, d.text, module=d.module, **d.facts) for d in declared]
    metrics.sort(key=lambda metric: (not metric.primary, metric.better, metric.name))
    return MappingProxyType({metric.name: metric for metric in metrics})


METRICS = _read_metrics()
SHOWN_METRICS = tuple(
    name for name, metric in METRICS.items() if metric.shown and not metric.primary
)
OTHER_METRICS = tuple(name for name in METRICS if not METRICS[name].primary)
PRIMARY_METRIC = next(iter(METRICS))
