import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from medinorm.errors import GeometryError, ReadError, ScanError
from medinorm.ingest.dicom.mosaic import read_csa, read_tiles, tile_shape
from tests.ingest.corpus.series import Truth, csa_header, mosaic, voxels


def older(elements, *, base=101):
    """The older form: its lengths are off by the first element's count of items."""
    content = struct.pack("<2I", len(elements), 77)
    for number, (name, values) in enumerate(elements.items()):
        count = base if number == 0 else 6
        content += name.encode().ljust(64, b"\0")
        content += struct.pack("<i4s3i", len(values), b"FD\0\0", 3, count, 77)
        for place in range(count):
            text = values[place].encode() + b"\0" if place < len(values) else b""
            content += struct.pack("<4i", len(text) + base, 0, 77, 0)
            content += text.ljust(-(-len(text) // 4) * 4, b"\0")
    return content


@pytest.mark.parametrize("write", [csa_header, older])
def test_both_forms_of_the_private_header(write):
    elements = {"First": ["a"], "Empty": [], "Vector": ["0.5", "-1.25", "3"]}
    assert read_csa(write(elements)) == elements


@given(st.binary(max_size=400))
def test_any_bytes_are_a_header_or_nothing(content):
    assert isinstance(read_csa(content), dict)
    assert isinstance(read_csa(b"SV10\4\3\2\1" + content), dict)


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 30),
    reverse=st.booleans(),
    spacing=st.tuples(*[st.floats(0.5, 4)] * 3),
)
def test_each_tile_lies_where_its_slice_was(seed, count, reverse, spacing):
    turn = Rotation.random(random_state=seed).as_matrix()
    truth = Truth(
        voxels((5, 3, count)), tuple(map(tuple, turn[:, :2].T)), spacing=spacing
    )
    header = mosaic(truth, reverse=reverse)
    assert tile_shape(header) == (3, 5)
    order = range(count)[::-1] if reverse else range(count)
    tiles = read_tiles(header)
    places = [truth.position(number) for number in order]
    np.testing.assert_allclose([tile.position for tile in tiles], places, atol=1e-4)
    for tile, number in zip(tiles, order, strict=True):
        row, column = tile.corner
        part = header.pixel_array[row : row + 3, column : column + 5]
        np.testing.assert_array_equal(part.T, truth.array[:, :, number])


def without_gap(header):
    del header.SpacingBetweenSlices


def without_position(header):
    del header.ImagePositionPatient


def cut_header(header):
    header[0x0029, 0x1010].value = header[0x0029, 0x1010].value[:200]


def sideways(header):
    normal = ["1", "0", "0"]
    elements = {"NumberOfImagesInMosaic": ["6"], "SliceNormalVector": normal}
    header[0x0029, 0x1010].value = csa_header(elements)


def too_many(header):
    header[0x0029, 0x1010].value = csa_header({"NumberOfImagesInMosaic": ["17"]})


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        (without_gap, GeometryError, "how far apart"),
        (without_position, GeometryError, "no_geometry: position"),
        (cut_header, ReadError, "says how many slices"),
        (sideways, GeometryError, "in which direction"),
        (too_many, ScanError, "does not divide"),
    ],
)
def test_what_a_mosaic_does_not_say_is_not_guessed(change, error, reason):
    header = mosaic(Truth(voxels()))
    change(header)
    with pytest.raises(error, match=reason):
        read_tiles(header)


def test_the_count_alone_is_enough_in_its_own_element():
    header = mosaic(Truth(voxels()))
    header[0x0029, 0x1010].value = csa_header({"SliceNormalVector": ["0", "0", "1"]})
    block = header.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0A, "US", 6)
    assert len(read_tiles(header)) == 6
