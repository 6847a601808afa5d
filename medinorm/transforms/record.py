"""Maps as they stand in the record of applied operations of a `MetaTensor`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from medinorm.intensity import IntensityMap, RegionMap, map_from_dict, map_to_dict


def record_map(intensity_map: IntensityMap) -> dict[str, Any]:
    """A map as text, numbers and arrays: these pass through MONAI's collation."""
    record: dict[str, Any] = {"map": json.dumps(map_to_dict(intensity_map))}
    if isinstance(intensity_map, RegionMap):
        record["regions"] = intensity_map.regions
    return record


def recorded_map(record: Mapping[str, Any]) -> IntensityMap:
    """The map that `record_map` recorded."""
    intensity_map = map_from_dict(json.loads(record["map"]))
    if isinstance(intensity_map, RegionMap):
        return replace(intensity_map, regions=record["regions"])
    return intensity_map
