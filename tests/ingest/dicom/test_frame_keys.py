"""What a frame says about the volume it belongs to, in standard and private words."""

import pytest
from pydicom.dataset import Dataset

from medinorm.ingest.dicom.frame_keys import (
    FrameKeys,
    private_number,
    private_value,
    read_keys,
)
from medinorm.ingest.dicom.header_values import Private

ELEMENT = Private(0x0019, "SIEMENS MR HEADER", 0x0C, b"IS")


def test_nothing_is_known_of_an_empty_header():
    assert read_keys([{}]) == FrameKeys()


@pytest.mark.parametrize(
    ("header", "b_value"),
    [
        ({"DiffusionBValue": "700", "SiemensBValue": "5"}, 700.0),
        ({"SiemensBValue": "1000"}, 1000.0),
        ({"GEBValue": "1000000700\\8\\0"}, 700.0),
        ({"PhilipsBValue": "800.0"}, 800.0),
        ({"SiemensBValue": "none"}, None),
    ],
)
def test_b_values_are_read_where_vendors_keep_them(header, b_value):
    assert read_keys([header]).b_value == b_value


def test_the_component_of_a_complex_number_is_part_of_the_image_type():
    keys = read_keys([{"ImageType": "ORIGINAL\\PRIMARY", "GEImageKind": "1"}])
    assert keys.image_type == ("ORIGINAL", "PRIMARY", "PHASE")
    keys = read_keys(
        [{"ImageType": "ORIGINAL\\PRIMARY\\m", "ComplexImageComponent": "M"}]
    )
    assert keys.image_type == ("ORIGINAL", "PRIMARY", "M")


def test_earlier_headers_count_more():
    frame, file = {"EchoTime": "5"}, {"EchoTime": "9", "InversionTime": "800"}
    keys = read_keys([frame, file])
    assert (keys.echo, keys.inversion) == (5.0, 800.0)


def test_a_gradient_needs_three_finite_numbers():
    text = "0.577350269\\0\\-1"
    keys = read_keys([{"DiffusionGradientOrientation": text}])
    assert keys.gradient == (0.5774, 0.0, -1.0)
    for damaged in ("1\\0", "1\\0\\nan"):
        keys = read_keys([{"DiffusionGradientOrientation": damaged}])
        assert keys.gradient is None


def test_private_elements_are_found_by_the_name_of_their_block():
    header = Dataset()
    header.private_block(0x0019, "OTHER", create=True).add_new(0x0C, "IS", 1)
    assert private_value(header, ELEMENT) is None
    block = header.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", 1000)
    assert private_number(header, ELEMENT) == 1000.0


def test_settings_of_the_scanner_are_read_from_texts_and_from_datasets():
    texts = {
        "FlipAngle": "15",
        "RepetitionTime": "0",
        "ScanOptions": "FS\\RG",
        "ConvolutionKernel": "Br40d\\3",
        "KVP": "120.0",
        "EchoNumbers": "2",
        "ScanningSequence": "SE\\IR",
        "ContrastBolusAgent": "none",
    }
    dataset = Dataset()
    for keyword, text in texts.items():
        setattr(dataset, keyword, text.split("\\") if "\\" in text else text)
    for header in (texts, dataset):
        keys = read_keys([header])
        assert (keys.flip_angle, keys.repetition, keys.gated) == (15.0, None, True)
        assert (keys.reconstruction, keys.voltage) == ("br40d\\3", 120.0)
        assert (keys.echo_number, keys.sequence) == (2.0, frozenset({"SE", "IR"}))
        assert keys.agent is False
        assert keys.fat_saturation
    assert read_keys([{"SpectrallySelectedSuppression": "FAT"}]).fat_saturation
    assert not read_keys([{"ScanOptions": "PFP\\RG"}]).fat_saturation
    assert read_keys([{"ContrastBolusAgent": "Gd"}]).agent
    assert read_keys([{"TriggerTime": "12.5"}]).gated
    assert not read_keys([{"TriggerTime": "0", "ScanOptions": "FS"}]).gated
