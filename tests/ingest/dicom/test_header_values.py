"""Header values from a file's first bytes, against pydicom on the same files."""

import io
import random
import struct
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.config import disable_value_validation
from pydicom.datadict import tag_for_keyword
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from medinorm.errors import ReadError
from medinorm.ingest.dicom import file_values
from medinorm.ingest.dicom.burned_in import BURNED_IN_RULES
from medinorm.ingest.dicom.exclusion_rules import EXCLUSION_RULES
from medinorm.ingest.dicom.file_values import read_values
from medinorm.ingest.dicom.header_values import (
    KEYWORDS,
    ONLY_IN_PET,
    PRIVATE,
    CutOffError,
    deflated_at,
    values_in,
)

GRAPHICS = "1.2.840.10008.5.1.4.1.1.66.4"


def content_of(ds, syntax=None, *, undefined_lengths=False):
    """The bytes of a file."""
    if syntax:
        ds.file_meta.TransferSyntaxUID = syntax
    if undefined_lengths:
        for element in ds.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True
    stream = io.BytesIO()
    with disable_value_validation():
        pydicom.dcmwrite(stream, ds, enforce_file_format=True)
    return stream.getvalue()


def by_pydicom(content):
    """The same values, read by pydicom alone."""
    return file_values._thorough_values(io.BytesIO(content))


@pytest.fixture
def dataset(fake):
    """A header with nested sequences, private blocks and numbers of all kinds."""
    ds = fake.Series(fake.ramp((6, 6, 1))).dataset(0)
    inner, outer = pydicom.Dataset(), pydicom.Dataset()
    inner.PatientID, inner.Rows = "somebody else", 7
    outer.ReferencedImageSequence = Sequence([inner, inner])
    ds.RequestAttributesSequence = Sequence([outer])
    ds.ReferencedPerformedProcedureStepSequence = Sequence([outer, outer])
    ds.DiffusionBValue = 1000.5
    ds.PixelPaddingValue = -7
    ds.DiffusionGradientOrientation = [0.1, -0.2, 1e-17]
    siemens = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    siemens.add_new(0x0C, "IS", "700")
    ds.private_block(0x0019, "ANOTHER BLOCK", create=True).add_new(0x0C, "IS", "9")
    return ds


@pytest.mark.parametrize("undefined_lengths", [False, True])
@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian])
def test_values_are_pydicoms(dataset, syntax, undefined_lengths):
    content = content_of(dataset, syntax, undefined_lengths=undefined_lengths)
    values = values_in(content)
    assert values == by_pydicom(content)
    assert values["Rows"] == "6"
    assert values["PatientID"] == "patient-1"
    assert values["SiemensBValue"] == "700"
    assert values["DiffusionGradientOrientation"] == "0.1\\-0.2\\1e-17"


@pytest.mark.parametrize(
    ("maker", "name", "value"),
    [
        ("GE MEDICAL SYSTEMS", "GEBValue", [5, 8]),
        ("GE MEDICAL SYSTEMS", "GEImageKind", -3),
        ("GE MEDICAL SYSTEMS", "GEPlaces", 130),
        ("Philips", "PhilipsPlaces", 130),
        ("Philips", "PhilipsBValue", 0.5),
    ],
)
@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian])
def test_private_values_are_found_in_any_block(dataset, maker, name, value, syntax):
    group, creator, number, kind = PRIVATE[name]
    dataset.Manufacturer = maker
    dataset.private_block(group, "SOMETHING FIRST", create=True).add_new(1, "LO", "x")
    block = dataset.private_block(group, creator, create=True)
    block.add_new(number, kind.decode(), value)
    content = content_of(dataset, syntax)
    assert values_in(content) == by_pydicom(content)
    assert values_in(content)[name] == str(value).strip("[]").replace(", ", "\\")


@pytest.mark.parametrize("modality", ["PT", "MR"])
def test_the_number_of_slices_is_kept_of_pet_only(dataset, modality):
    dataset.Modality, dataset.NumberOfSlices = modality, 47
    content = content_of(dataset)
    assert values_in(content) == by_pydicom(content)
    assert values_in(content).get("NumberOfSlices") == (
        "47" if modality == "PT" else None
    )


def test_files_without_a_preamble(dataset):
    content = content_of(dataset)[128 + 4 :]
    assert values_in(content)["Rows"] == "6"


@pytest.mark.parametrize(
    "syntax", [DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_unusual_encodings_are_left_to_pydicom(dataset, syntax):
    if syntax == ExplicitVRBigEndian:
        dataset["PixelData"].VR = "OW"
    content = content_of(dataset, syntax)
    assert values_in(content) is None
    assert (deflated_at(content) is None) == (syntax == ExplicitVRBigEndian)
    assert read_values(io.BytesIO(content))["PatientID"] == "patient-1"


@pytest.mark.parametrize(
    ("charset", "name"), [("ISO_IR 100", "Jörg"), ("ISO_IR 192", "山田")]
)
def test_other_letters_are_left_to_pydicom(dataset, charset, name):
    dataset.SpecificCharacterSet, dataset.PatientID = charset, name
    content = content_of(dataset)
    assert values_in(content) is None
    assert read_values(io.BytesIO(content))["PatientID"] == name


def test_a_segmentation_says_what_it_was_drawn_on(dataset):
    item = pydicom.Dataset()
    item.SeriesInstanceUID = "1.2.99"
    dataset.SOPClassUID = GRAPHICS
    dataset.ReferencedSeriesSequence = Sequence([item])
    values = read_values(io.BytesIO(content_of(dataset)))
    assert values["ReferencedSeries"] == "1.2.99"


def test_a_value_far_behind_is_found(dataset):
    with disable_value_validation():
        dataset.PatientComments = "z" * 40_000  # more than is read at first
    content = content_of(dataset)
    with pytest.raises(CutOffError):
        values_in(content[:20_000])
    assert read_values(io.BytesIO(content)) == by_pydicom(content)


def test_an_element_out_of_order_is_found_by_pydicom(dataset):
    content = content_of(dataset)
    modality = content.index(b"\x08\x00\x60\x00CS")
    element = content[modality : modality + 10]
    moved = content.replace(element, b"")
    rows = moved.index(b"\x28\x00\x10\x00US\x02\x00\x06\x00")  # not the nested ones
    moved = moved[:rows] + element + moved[rows:]
    assert values_in(moved) is None
    assert read_values(io.BytesIO(moved))["Modality"] == "MR"


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
def test_scaling_behind_the_last_wanted_group_is_not_lost(dataset, keyword):
    """Without it the values would be wrong, and nothing else would tell."""
    plain = content_of(dataset)
    tag = pydicom.tag.Tag(keyword)
    moved = struct.pack("<HH2sH", tag.group, tag.element, b"DS", 2) + b"2 "
    place = plain.index(b"\xe0\x7f\x10\0OW")
    late = b"\x32\0\0\x40LT\2\0x "
    content = plain[:place] + late + moved + plain[place:]
    assert read_values(io.BytesIO(content))[keyword] == "2"


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_what_is_read_from_a_damaged_file_is_pydicoms_or_refused(fake, seed):
    """Where bytes are changed pydicom may guess more, but never something else."""
    content = bytearray(content_of(fake.Series(fake.ramp((4, 4, 1))).dataset(0)))
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 3)):
        content[rng.randrange(132, len(content))] = rng.randrange(256)
    try:
        values = values_in(bytes(content))
    except CutOffError:
        return
    if values is None:
        return
    try:
        thorough = by_pydicom(bytes(content))
    except ReadError:
        return
    guessed = {"TransferSyntaxUID"}  # where the name of the encoding was damaged
    for keyword in (thorough or {}).keys() - guessed:
        assert values.get(keyword, thorough[keyword]) == thorough[keyword], keyword


def test_all_wanted_tags_lie_before_the_pixels():
    assert len(set(KEYWORDS)) == len(KEYWORDS)
    tags = {tag_for_keyword(keyword) for keyword in set(KEYWORDS) - ONLY_IN_PET}
    assert max(tags) < 0x00300000


def test_the_index_keeps_what_the_rules_read():
    asked = {
        keyword
        for rule in (*EXCLUSION_RULES, *BURNED_IN_RULES)
        for keyword in rule.keywords
    }
    assert asked <= set(KEYWORDS)


def test_private_elements_are_private():
    assert {element.group & 1 for element in PRIVATE.values()} == {1}


def test_real_files_read_as_pydicom_reads_them(real_dicom):
    compared = plain = 0
    for path in filter(Path.is_file, real_dicom.rglob("*")):
        with path.open("rb") as stream:
            if (values := read_values(stream)) is not None:
                stream.seek(0)
                start = stream.read(1 << 14)
                plain += file_values._quick_values(stream, start) is not None
                assert values == file_values._thorough_values(stream)
                compared += 1
    assert compared == 891
    assert plain == compared  # none needed pydicom
