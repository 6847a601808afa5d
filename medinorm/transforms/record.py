"""Maps as they stand in the record of applied operations of a `MetaTensor`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from medinorm.intensity import IntensityMap, RegionMap, map_from_dict, map_to_dict


def record_map(map_: IntensityMap) -> dict[str, Any]:
    """A map as text, numbers and arrays: these pass through MONAI's collation."""
    record: dict[str, Any] = {"map": json.dumps(map_to_dict(map_))}
    if isinstance(map_, RegionMap):
        record["regions"] = map_.regions
    return record


def recorded_map(record: Mapping[str, Any]) -> IntensityMap:
    """The map that `record_map` recorded."""
    map_ = map_from_dict(json.loads(record["map"]))
    if isinstance(map_, RegionMap):
        return replace(map_, regions=record["regions"])
    return map_
