"""Headers are compared by what both tell; their values are never repeated."""

from medinorm.expected.likeness.acquisition import Acquisition
from medinorm.records.scans import Identity

SCANS = (
    Identity(modality="MR", field_strength="1.5", echo_time="0.003", spacing="1x1x3"),
    Identity(modality="MR", field_strength="3", echo_time="0.005", spacing="1x1x1"),
)
KNOWN = Acquisition.of(SCANS)


def differences(**columns):
    return list(KNOWN.find_differences(Identity(**columns)))


def test_the_training_scans_and_those_between_them_are_alike():
    assert all(not list(KNOWN.find_differences(scan)) for scan in SCANS)
    assert differences(field_strength="2", spacing="1x2x1") == []
    assert differences(field_strength="3.1") == []  # nominal values are rounded


def test_what_lies_outside_is_said_without_its_value():
    said = differences(field_strength="0.064", modality="CT", spacing="1x1x9")
    assert said == [
        "its modality is not that of any training scan",
        "its field strength lies outside that of all training scans",
        "its spacing lies outside that of all training scans",
    ]


def test_what_is_not_told_is_no_difference():
    assert differences() == []
    assert differences(inversion_time="0.9", coil="Head_32") == []
    assert differences(field_strength="John Doe", spacing="?x1x1") == []


def test_the_summary_comes_back_from_json():
    assert Acquisition.from_json(KNOWN.to_json()) == KNOWN
