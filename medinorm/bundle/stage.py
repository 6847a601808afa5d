"""The bundle stage: a variant of a finished study as a MONAI Bundle."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medinorm.bundle.contents import (
    INFERENCE,
    INTENSITY_MAP,
    LICENCE,
    METADATA,
    MODELS,
    BundleContents,
)
from medinorm.bundle.model_card import write_model_card
from medinorm.bundle.monai_files import describe_bundle, write_inference
from medinorm.bundle.records import Chosen, choose_variant
from medinorm.bundle.reference import make_reference
from medinorm.damage import require_intact
from medinorm.errors import StageError
from medinorm.files.atomic import checksum, replacing, write_json
from medinorm.intensity import read_fitted
from medinorm.jobs.declare import stage
from medinorm.train.model import model_path

_OURS = "Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0."

_log = logging.getLogger(__name__)


@stage("bundle", after="qc")
def write_bundle(
    results: Path,
    bundle: Path,
    *,
    variant: str | None = None,
    split: str | None = None,
    licence: str = "not stated",
) -> None:
    """Write a variant of a finished study as a MONAI Bundle that stands alone.

    It holds the weights of all seeds, an ensemble, and all that a new scan needs:
    voxel grid, intensity method with its fitted map, network, labels. Nothing in it is
    pickled.

    Args:
        results: folder of the finished study.
        bundle: folder to write; it must not be there.
        variant: its levels, such as zscore/instance; the verdict's best if not given.
        split: whose networks are taken; if not given, the final one, or the first
            pooled one.
        licence: of the weights, in words.

    Raises:
        StageError: the study has no such variant or network, or `bundle` is there.
    """
    if bundle.exists():
        raise StageError("--bundle: the folder is there already; name another one")
    chosen = choose_variant(results, variant, split)
    card = chosen.card
    weights = {f"{run.name}.safetensors": model_path(run) for run in chosen.runs}
    fitted = chosen.fitted if chosen.fitted.is_file() else None
    predict = chosen.predict()
    contents = BundleContents(
        card=card,
        harmonize=chosen.harmonize(),
        predict=predict,
        labels={value: chosen.labels()[value] for value in card.label_values},
        weights={
            name: checksum(require_intact(path)) for name, path in weights.items()
        },
        domain=chosen.domain,
        fitted=read_fitted(fitted) if fitted else None,
        reference=make_reference(chosen, predict),
    )
    described = describe_bundle(contents, chosen.variant, _facts(chosen), licence)
    with _whole_folder(bundle) as folder:
        for inner in (MODELS, METADATA.parent):
            (folder / inner).mkdir(parents=True)
        for name, path in weights.items():
            shutil.copyfile(path, folder / MODELS / name)
        if fitted:
            shutil.copyfile(fitted, folder / INTENSITY_MAP)
        write_json(folder / INFERENCE, write_inference(contents))
        write_model_card(folder, contents, chosen.summary, licence, final=chosen.final)
        _write_licence(folder / LICENCE, licence)
        write_json(folder / METADATA, described)
    _log.info("%d networks of %s", len(weights), chosen.variant.name)


@contextmanager
def _whole_folder(target: Path) -> Iterator[Path]:
    """An empty folder that becomes `target` if all goes well, and is deleted if not.

    What a killed call left is deleted too, so that it can be called again.
    """
    unfinished = target.with_name(f".{target.name}-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _write_licence(path: Path, licence: str) -> None:
    """Write under which licence the bundle may be used, where MONAI looks for it."""
    text = (
        f"The networks in this bundle: {licence}.\nmedinorm, which runs them: {_OURS}"
    )
    with replacing(path) as temporary:
        temporary.write_text(f"{text}\n", encoding="utf-8")


def _facts(chosen: Chosen) -> dict[str, Any]:
    """What the study found of the variant, for `metadata.json`."""
    summary = chosen.summary
    return {
        "variant": chosen.variant._asdict(),
        "split": chosen.name,
        "training_domains": list(chosen.card.domains),
        "training_scans": sum(row.role == "train" for row in chosen.split),
        "expected_dice": {
            name: value
            for name, value in asdict(summary).items()
            if name in {"out_domain", "out_domain_low", "out_domain_high"}
            or name in {"new_low", "new_high", "worst_domain", "worst_dice"}
        },
    }
