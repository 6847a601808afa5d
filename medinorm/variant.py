"""What is compared: one way to normalize."""

from typing import NamedTuple


class Variant(NamedTuple):
    """One way to normalize: image level, network layer, test-time adaptation."""

    intensity: str
    norm: str
    adapt: str

    @property
    def name(self) -> str:
        """What it is called in the verdict and everywhere in the report.

        Examples:
            >>> Variant("zscore", "batch", "batch_statistics").name
            'zscore + batch + batch_statistics'
            >>> Variant("zscore", "instance", "none").name
            'zscore + instance'
        """
        return " + ".join(self[:2] if self.adapt == "none" else self)
