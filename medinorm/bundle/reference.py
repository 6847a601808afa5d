"""What new scans will be judged by: the training scans, as the networks see them."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from medinorm.bundle.records import Chosen
from medinorm.config import PredictConfig
from medinorm.expected.likeness.deepest import DeepestFeatures
from medinorm.expected.likeness.distance import Numbers, TrainingDomains
from medinorm.expected.model import DiceModel
from medinorm.expected.reference import Reference
from medinorm.expected.summarize import (
    OTHER_ALARMS,
    choose_training,
    group_subjects,
    measure_ranges,
    read_model,
    summarize_acquisition,
    summarize_images,
)
from medinorm.files.nifti import read_volume
from medinorm.files.records import read_records
from medinorm.layout import harmonized_paths
from medinorm.method_names import ADAPTATION_DECLARATIONS
from medinorm.predict.stage import Prediction, infer
from medinorm.records.scans import ScanRow, read_scans
from medinorm.train.model import ModelCard
from medinorm.train.model import read_model as read_network

SCANS_SEGMENTED = 6  # of each domain, by each network: seconds of a small study


def make_reference(chosen: Chosen, predict: PredictConfig) -> Reference:
    """Summarize the training scans of the chosen networks.

    Args:
        chosen: the variant and the split.
        predict: how its networks are applied.

    Raises:
        DamagedError: a harmonized scan or a network is damaged.
    """
    layout = chosen.layout
    rows = choose_training(chosen.split)
    harmonized = chosen.harmonized
    intensities, textures = summarize_images(rows, harmonized)
    return Reference(
        model=read_model(Path(layout.evidence), chosen.variant),
        acquisition=summarize_acquisition(
            read_records(Path(layout.scans), ScanRow), chosen.split
        ),
        intensities=intensities,
        textures=textures,
        features=_summarize_features(chosen, predict),
        volumes=measure_ranges(rows, harmonized, chosen.card.label_values),
        adapted=_read_adapted_models(chosen),
    )


def _read_adapted_models(chosen: Chosen) -> Mapping[str, DiceModel]:
    """The lines of the same networks, adapted to a domain, where the study has them."""
    evidence = Path(chosen.layout.evidence)
    models = {
        name: read_model(evidence, chosen.variant._replace(adapt=name))
        for name in ADAPTATION_DECLARATIONS
        if name != chosen.variant.adapt
    }
    return {name: model for name, model in models.items() if model is not None}


def _summarize_features(
    chosen: Chosen, predict: PredictConfig
) -> Mapping[str, TrainingDomains]:
    """What the deepest layer of each network sees in some training scans."""
    layout = chosen.layout
    scans = read_scans(Path(layout.scans), Path(layout.canonical))
    summaries = {}
    rows = choose_training(chosen.split, SCANS_SEGMENTED)
    for run in chosen.runs:
        network, card = read_network(run)
        seen: dict[str, list[Numbers]] = {}
        for row in rows:
            image, _ = harmonized_paths(chosen.harmonized, row.scan)
            item = Prediction(
                scans[row.scan], image, run, 0, image, row.domain, (image,)
            )
            own = seen.setdefault(row.domain, [])
            own.append(_see(network, card, item, predict))
        summary = TrainingDomains.of(seen, group_subjects(rows), OTHER_ALARMS)
        if summary is not None:
            summaries[f"{run.name}.safetensors"] = summary
    return summaries


def _see(
    network: nn.Module, card: ModelCard, item: Prediction, predict: PredictConfig
) -> Numbers:
    """What the deepest layer of a network sees in one scan."""
    volume = read_volume(item.image)
    with DeepestFeatures(network) as deepest:
        infer(network, volume.array, card, item, predict)
        return deepest.take()
