"""The files by which MONAI knows a bundle: `metadata.json` and `inference.json`.

References:
    MONAI Consortium, "MONAI Bundle Specification",
    https://docs.monai.io/en/stable/mb_specification.html.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from medinorm import __version__
from medinorm.bundle.contents import KEY, BundleContents
from medinorm.variant import Variant

_SCHEMA = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/"
    "meta_schema_20240725.json"
)


def describe_bundle(
    contents: BundleContents, variant: Variant, facts: Mapping[str, Any], licence: str
) -> dict[str, Any]:
    """The entries of `metadata.json`.

    Args:
        contents: what the bundle holds.
        variant: what was chosen.
        facts: what the study found of it, under the key of medinorm.
        licence: of the weights.
    """
    labels = ", ".join(contents.labels.values())
    return {
        "schema": _SCHEMA,
        "version": "1.0.0",
        "changelog": {"1.0.0": "made by medinorm bundle"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch"),
        "numpy_version": version("numpy"),
        "required_packages_version": {
            "medinorm": __version__,
            "safetensors": version("safetensors"),
        },
        "name": "medinorm segmentation",
        "task": f"segmentation of {labels}",
        "description": f"networks of the variant {variant.name}, one for each seed; "
        "their mean probabilities are used",
        "authorship": "whoever ran the study",
        "copyright": licence,
        "intended_use": "research; not a medical device",
        "network_data_format": _data_format(contents),
        KEY: {**contents.to_json(), **facts},
    }


def _data_format(contents: BundleContents) -> dict[str, Any]:
    """What goes into a network, and what comes out."""
    card = contents.card
    names = {0: "background", **contents.labels}
    shared = {"spatial_shape": list(card.patch), "dtype": "float32", "value_range": []}
    image = {
        "type": "image",
        "format": "magnitude",
        "modality": "any",
        "num_channels": len(card.channels),
        "is_patch_data": True,
        "channel_def": {str(n): name for n, name in enumerate(card.channels)},
        **shared,
    }
    prediction = {
        "type": "probabilities",
        "format": "segmentation",
        "num_channels": 1 + len(card.label_values),
        "is_patch_data": True,
        "channel_def": {
            str(n): names[value] for n, value in enumerate((0, *card.label_values))
        },
        **shared,
    }
    return {"inputs": {"image": image}, "outputs": {"pred": prediction}}


def write_inference(contents: BundleContents) -> dict[str, Any]:
    """The entries of `inference.json`: network and norm, and what segments images."""
    card = contents.card
    return {
        "bundle_root": ".",
        "images": [],
        "output_dir": "segmented",
        "private_dir": "private",
        "network_def": {
            "_target_": "medinorm.train.networks.build.build_network",
            "network": {
                "_target_": "medinorm.config.NetworkConfig",
                **card.network.model_dump(mode="json"),
            },
            "channels": len(card.channels),
            "classes": 1 + len(card.label_values),
            "norm": card.norm,
            "norm_options": card.norm_options,
            "domains": len(card.domains),
        },
        "segmenter": {
            "_target_": "medinorm.segment.stage.segment_scans",
            "_mode_": "callable",
            "bundle": "@bundle_root",
            "output": "@output_dir",
            "images": "@images",
            "private": "@private_dir",
            "ingest": {"_target_": "medinorm.config.IngestConfig"},
        },
        "run": ["$@segmenter()"],
    }
