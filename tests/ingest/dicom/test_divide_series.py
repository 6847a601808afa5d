from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.ingest.dicom.divide_series import divide_series
from medinorm.ingest.dicom.frame_keys import FrameKeys
from medinorm.ingest.dicom.frames import Frame

AXIAL = (1.0, 0, 0, 0, 1.0, 0)


def frame(height, *, directions=AXIAL, **keys):
    """A slice at a height."""
    return Frame(
        path=Path(f"{height}-{sorted(keys.items())}"),
        index=0,
        position=(0.0, 0.0, float(height)),
        directions=directions,
        spacing=(1.0, 1.0),
        shape=(8.0, 8.0),
        keys=FrameKeys(**keys),
    )


def heights(part):
    return sorted(frame.position[2] for frame in part.frames)


@given(
    echoes=st.integers(1, 3),
    times=st.integers(1, 3),
    kinds=st.integers(1, 2),
    seed=st.integers(0, 1000),
)
def test_every_frame_is_in_one_part_and_each_part_is_one_volume(
    echoes, times, kinds, seed
):
    frames = [
        frame(
            z,
            echo=5.0 + echo,
            temporal=float(time),
            image_type=("ORIGINAL", "PRIMARY", f"K{kind}"),
        )
        for z in range(4)
        for echo in range(echoes)
        for time in range(times)
        for kind in range(kinds)
    ]
    shuffled = [frames[n] for n in np.random.default_rng(seed).permutation(len(frames))]
    parts = divide_series(shuffled)
    assert len(parts) == echoes * times * kinds
    assert all(heights(part) == [0, 1, 2, 3] for part in parts)
    assert sorted(id(f) for p in parts for f in p.frames) == sorted(map(id, frames))
    assert len({part.name for part in parts}) == len(parts)
    names = [part.name for part in divide_series(frames)]
    assert sorted(names) == sorted(part.name for part in parts)
    for part in parts:
        assert len({replace(f.keys) for f in part.frames}) == 1
        assert (part.times, part.time is None) == (times, times == 1)


def test_time_points_are_in_the_order_of_their_time():
    frames = [frame(z, temporal=t) for z in range(3) for t in (10.0, 9.0, 100.0)]
    parts = divide_series(frames)
    assert [part.frames[0].keys.temporal for part in parts] == [9, 10, 100]
    assert [part.time for part in parts] == [0, 1, 2]


def test_a_key_that_only_varies_along_a_volume_divides_nothing():
    """As the numbers of interleaved acquisitions and trigger times of slices do."""
    frames = [frame(z, acquisition=float(z % 2), trigger=7.0 * z) for z in range(6)]
    (part,) = divide_series(frames)
    assert heights(part) == [0, 1, 2, 3, 4, 5]
    assert part.reason == part.name == ""


@pytest.mark.parametrize(
    ("numbers", "repeats", "expected"),
    [
        ((1, 2, 3, 4, 5, 6), 2, 2),
        ((1, 3, 5, 2, 4, 6), 2, 2),
        ((1, 2, 3, 4, 5, 6), 3, 1),
        ((1, 2, 3, 4, 5, 6), None, 1),
        ((1, 1, 1, 1, 1, 1), 2, 1),
        ((1, 2, 3, 4, 5, None), 2, 1),
    ],
)
def test_numbers_tell_time_only_if_the_series_counts_its_time_points(
    numbers, repeats, expected
):
    frames = [
        frame(z, number=number, repeats=repeats)
        for number, z in zip(numbers, (0, 1, 2, 0, 1, 2), strict=True)
    ]
    parts = divide_series(frames)
    assert len(parts) == expected
    if expected == 2:
        firsts = [min(f.keys.number for f in part.frames) for part in parts]
        assert firsts == sorted(firsts)
        assert all(heights(part) == [0, 1, 2] for part in parts)


def test_the_lesser_of_siblings_is_incomplete():
    frames = [frame(z, echo=5.0) for z in range(5)]
    frames += [frame(z, echo=9.0) for z in range(3)]
    whole, lesser = divide_series(frames)
    assert whole.reason == ""
    assert lesser.reason.startswith("missing_slices: 2 of the 5 slices")


@pytest.mark.parametrize(
    ("key", "values", "name"),
    [
        ("echo", (5.0, 10.0), "echo time"),
        ("inversion", (700.0, 2500.0), "inversion time"),
        ("b_value", (0.0, 1000.0), "b-value"),
        ("image_type", (("O", "P", "M"), ("O", "P", "M", "PHASE")), "image type"),
        ("image_type", (("O", "P", "WATER"), ("O", "P", "FAT")), "image type"),
        ("b_value", (0.0, 50.0), "b-value"),
        ("image_type", (("ORIGINAL", "P", "M"), ("DERIVED", "P", "M")), "image type"),
        ("temporal", (1.0, 2.0), "time point"),
        ("gradient", ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), "gradient"),
    ],
)
def test_halves_of_two_contrasts_are_no_volume(key, values, name):
    frames = [frame(z, **{key: values[z // 3]}) for z in range(6)]
    (part,) = divide_series(frames)
    assert part.reason.startswith(
        f"mixed_contrast: slices at different places differ in {name}"
    )


SETTINGS = [
    ("flip_angle", (3.0, 15.0), "flip angle"),
    ("flip_angle", (8.0, 9.0), "flip angle"),
    ("repetition", (500.0, 2500.0), "repetition time"),
    ("reconstruction", ("b30f", "b70f"), "reconstruction kernel"),
    ("voltage", (80.0, 140.0), "tube voltage"),
    ("voltage", (100.0, 110.0), "tube voltage"),
    ("echo_number", (1.0, 2.0), "echo number"),
    ("sequence", (frozenset({"SE"}), frozenset({"GR"})), "pulse sequence"),
    ("fat_saturation", (False, True), "fat saturation"),
    ("thickness", (2.5, 5.0), "slice thickness"),
    ("variant", (frozenset({"SK"}), frozenset({"SK", "MTC"})), "sequence variant"),
    ("unit", ("HU", "US"), "unit of values"),
    ("agent", (False, True), "contrast agent"),
]
ALSO_AT_ONE_PLACE = [row[:2] for row in SETTINGS[:7]]
ALSO_AT_ONE_PLACE += [
    row[:2] for row in SETTINGS if row[0] in {"fat_saturation", "thickness"}
]


@pytest.mark.parametrize("block", [1, 3, 5])
@pytest.mark.parametrize(("key", "values", "name"), SETTINGS)
def test_settings_that_alternate_or_differ_in_blocks_are_no_volume(
    key, values, name, block
):
    frames = [frame(z, **{key: values[z // block % 2]}) for z in range(10)]
    (part,) = divide_series(frames)
    assert part.reason.startswith(
        f"mixed_contrast: slices at different places differ in {name}; export"
    )


@pytest.mark.parametrize(("key", "values"), ALSO_AT_ONE_PLACE)
def test_settings_at_one_place_are_volumes_of_their_own(key, values):
    frames = [frame(z, **{key: value}) for z in range(4) for value in values]
    parts = divide_series(frames)
    assert [heights(part) for part in parts] == [[0, 1, 2, 3]] * 2
    assert [part.reason for part in parts] == ["", ""]
    assert [{getattr(f.keys, key) for f in part.frames} for part in parts] == [
        {value} for value in values
    ]


@pytest.mark.parametrize(
    "keys",
    [
        [{"repetition": 700.0 + 40 * z} for z in range(10)],  # as the heart beats
        [{"repetition": 500.0 + 900 * (z % 2), "gated": True} for z in range(10)],
        [{"flip_angle": 10.0 + z} for z in range(10)],  # a ramp along a slab
        [{"voltage": 120.0 + z % 2} for z in range(10)],
        [{"reconstruction": "b30f" if z else ""} for z in range(10)],
        [{"echo_number": 1.0 if z else None} for z in range(10)],
        [{"sequence": frozenset({"GR"} if z else {})} for z in range(10)],
        [{"variant": frozenset({"SK"} if z else {})} for z in range(10)],
        [{"thickness": 3.0 if z else None} for z in range(10)],
        [{"thickness": 3.0 + z % 2 / 10} for z in range(10)],
        [{"unit": "HU" if z else ""} for z in range(10)],
    ],
)
def test_what_varies_a_little_or_is_not_said_is_one_volume(keys):
    (part,) = divide_series([frame(z, **own) for z, own in enumerate(keys)])
    assert part.reason == part.name == ""


def test_a_setting_that_varies_within_a_time_series_divides_nothing():
    """Repetition times of a gated series: each frame has its own."""
    frames = [
        frame(z, temporal=float(t), repetition=700.0 + z + 10 * t)
        for t in range(3)
        for z in range(4)
    ]
    parts = divide_series(frames)
    assert [heights(part) for part in parts] == [[0, 1, 2, 3]] * 3


def test_thickness_that_changes_with_the_spacing_is_left_to_the_geometry():
    frames = [frame(z, thickness=2.5) for z in (0, 2.5, 5)]
    frames += [frame(z, thickness=5.0) for z in (10, 15, 20)]
    (part,) = divide_series(frames)
    assert part.reason == ""


@pytest.mark.parametrize("some", [range(5), range(0, 10, 2), [3]])
def test_a_scaling_of_some_slices_only_is_refused(some):
    """The others would be taken as they are stored."""
    frames = [frame(z) for z in range(10)]
    scaled = {z: replace(frames[z], intercept=-1024.0, scaled=True) for z in some}
    (part,) = divide_series([scaled.get(z, frames[z]) for z in range(10)])
    assert part.reason == (
        "mixed_contrast: only some slices have a rescale slope or intercept; export "
        "the series again"
    )


@pytest.mark.parametrize("slopes", [[1.0, None], [1.5, 2.5], [2.0, 2.0], [None, None]])
def test_slopes_of_all_slices_or_of_no_effect_are_one_volume(slopes):
    """PET has a slope of its own in each slice."""
    frames = [
        replace(frame(z), slope=slope or 1.0, scaled=slope is not None)
        for z in range(5)
        for slope in [slopes[z % 2]]
    ]
    (part,) = divide_series(frames)
    assert part.reason == ""


def test_files_that_do_not_say_where_they_lie_stay_together():
    lost = [replace(frame(z, echo=float(z)), position=(np.nan,) * 3) for z in range(3)]
    (part,) = divide_series(lost)
    assert len(part.frames) == 3
