"""A trained network on disk: weights as safetensors, everything else as JSON.

Nothing is pickled, so a model from a stranger cannot run code when it is opened.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from safetensors import SafetensorError
from safetensors.torch import load_model, save_file
from torch import nn

from medinorm.config import NetworkConfig
from medinorm.config.section import parse_section
from medinorm.damage import require_intact
from medinorm.errors import RunError
from medinorm.files.atomic import read_json, replacing
from medinorm.files.sidecars import Provenance, sidecar_path, write_sidecar
from medinorm.layers.registry import DECLARATIONS
from medinorm.train.conditions import REGIONS
from medinorm.train.networks.build import build_network


@dataclass(frozen=True)
class ModelCard:
    """What is needed to build a trained network again and to give it input.

    Args:
        intensity: intensity method of its training scans.
        norm: normalization layer.
        norm_options: arguments of the layer.
        augmentation: what was done to its training patches at random.
        network: the network.
        channels: names of the image channels.
        label_values: value in a label map of class 1, 2, ...
        patch: training patch, in voxels.
        domains: training domains, in the order of their indices.
        shots: number of reference scans that show the style of a domain.
        ignored: value in a label map of voxels that count for nothing, if there are.
        batch_size: training patches in a mini-batch.
        foreground_ratio: share of training patches that were centred on a label.
        mirror_axes: along which training patches were mirrored, from 0.
    """

    intensity: str
    norm: str
    norm_options: dict[str, Any]
    augmentation: str
    network: NetworkConfig
    channels: tuple[str, ...]
    label_values: tuple[int, ...]
    patch: tuple[int, int, int]
    domains: tuple[str, ...]
    shots: int
    ignored: int | None = None
    batch_size: int = 2
    foreground_ratio: float = 0.5
    mirror_axes: tuple[int, ...] = ()

    @property
    def regions(self) -> int:
        """Number of regions that the norm distinguishes, or the default."""
        for option, number in DECLARATIONS[self.norm].from_study.items():
            if number == "regions":
                return int(self.norm_options.get(option, REGIONS))
        return REGIONS

    @property
    def needs(self) -> tuple[str, ...]:
        """The conditions that the norms are given."""
        return DECLARATIONS[self.norm].conditions

    def domain_index(self, domain: str) -> int:
        """Index of a training domain; -1 for one never seen."""
        return self.domains.index(domain) if domain in self.domains else -1

    def build(self, *, deep_supervision: bool = False) -> nn.Module:
        """The network with fresh weights.

        Args:
            deep_supervision: with the outputs that only training needs, if it can.
        """
        return build_network(
            self.network,
            channels=len(self.channels),
            classes=1 + len(self.label_values),
            norm=self.norm,
            norm_options=self.norm_options,
            domains=len(self.domains),
            deep_supervision=deep_supervision,
        )

    def to_json(self) -> dict[str, Any]:
        """The card as JSON values."""
        values = vars(self) | {"network": self.network.model_dump(mode="json")}
        if self.ignored is None:
            del values["ignored"]  # cards of studies without it stay as they were
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The card that `to_json` gave.

        Raises:
            ConfigError: the network has an option that it does not use, as cards of
                older versions may.
        """
        x, y, z = values["patch"]
        return cls(
            intensity=values["intensity"],
            norm=values["norm"],
            norm_options=values["norm_options"],
            augmentation=values["augmentation"],
            network=parse_section(NetworkConfig, values["network"]),
            channels=tuple(values["channels"]),
            label_values=tuple(values["label_values"]),
            patch=(x, y, z),
            domains=tuple(values["domains"]),
            shots=values["shots"],
            ignored=values.get("ignored"),
            batch_size=values["batch_size"],
            foreground_ratio=values["foreground_ratio"],
            mirror_axes=tuple(values.get("mirror_axes", ())),
        )


def model_path(run: Path) -> Path:
    """The path of the weights of a run; its card is in the sidecar."""
    return run / "model.safetensors"


def write_model(
    run: Path,
    network: nn.Module,
    card: ModelCard,
    provenance: Provenance,
    facts: dict[str, Any],
) -> None:
    """Write the weights, then the card: a run that has a card is finished.

    Args:
        run: folder of the run.
        network: the trained network.
        card: how to build it again.
        provenance: what it was trained from.
        facts: what training needed (`steps`, `seconds_per_step`, ...).
    """
    # Without the outputs that only deep supervision needs, and without second names of
    # the same weights, which DynUNet has.
    names, weights = card.build().state_dict().keys(), network.state_dict()
    first = {weights[name].data_ptr(): name for name in reversed(weights)}
    kept = {
        name: weights[name].contiguous() for name in first.values() if name in names
    }
    with replacing(model_path(run)) as temporary:
        save_file(kept, temporary)
    write_sidecar(model_path(run), provenance, facts | {"card": card.to_json()})


def read_model(run: Path, device: str = "cpu") -> tuple[nn.Module, ModelCard]:
    """The network of a run, in evaluation mode, and its card.

    Raises:
        DamagedError: the weights are not those that were written.
        RunError: there is no finished network, or it does not fit its card.
    """
    path = model_path(run)
    if not (path.exists() and sidecar_path(path).exists()):
        raise RunError("there is no trained network; its training failed")
    require_intact(path)
    card = ModelCard.from_json(read_json(sidecar_path(path))["card"])
    network = card.build()
    try:
        load_model(network, path, device="cpu")
    except (SafetensorError, RuntimeError):
        raise RunError("the weights do not fit the card; train again") from None
    return network.to(device).eval(), card
