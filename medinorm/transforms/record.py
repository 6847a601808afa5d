"""Maps as they stand in the record of applied operations of a `MetaTensor`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from medinorm.intensity import IntensityMap, RegionMap, map_from_dict, map_to_dict


def record_map(map_: IntensityMap, channels: int) -> dict[str, Any]:
    """A map as text, numbers and arrays: these pass through MONAI's collation."""
    record = {"map": json.dumps(map_to_dict(map_)), "channels": channels}
    if isinstance(map_, RegionMap):
        record["regions"] = map_.regions
    return record


def recorded_map(record: Mapping[str, Any]) -> IntensityMap:
    """The map that `record_map` recorded."""
    map_ = map_from_dict(json.loads(record["map"]))
    if isinstance(map_, RegionMap):
        return replace(map_, regions=record["regions"])
    return map_


def can_be_restored(voxels: Tensor, record: Mapping[str, Any]) -> bool:
    """Whether data may be the image that was mapped, and not a prediction from it.

    Pipelines are inverted on predictions too (`monai.transforms.Invertd`), whose values
    are no intensities: label maps hold 0, 1, 2, ..., probabilities lie between 0 and 1,
    and there is often one channel for each class.
    """
    if len(voxels) != record["channels"] or not voxels.is_floating_point():
        return False
    if voxels.min() < 0:
        return True
    return bool(voxels.max() > 1) and bool((voxels != voxels.round()).any())
