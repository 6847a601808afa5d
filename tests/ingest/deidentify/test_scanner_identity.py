import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.config import disable_value_validation

import medinorm
from medinorm.ingest.deidentify import scanner_identity
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.deidentify.scanner_identity import (
    bids_metadata,
    read_identity,
    read_metadata,
)
from medinorm.ingest.dicom.files import read_header
from medinorm.records.scans import IDENTITY_COLUMNS, IDENTITY_UNITS, Identity

NAMES = Pseudonyms(bytes(32))


def test_unknown_stays_unknown():
    facts = read_identity(Dataset(), NAMES)
    assert facts == Identity()
    assert bids_metadata(facts) == {}


def test_software_makers_are_no_scanner():
    header = Dataset()
    header.Manufacturer, header.ManufacturerModelName = "Imaging Biometrics LLC", "IB"
    header.MagneticFieldStrength = 3
    facts = read_identity(header, NAMES)
    assert (facts.scanner, facts.vendor) == (None, None)


def test_enhanced_headers_keep_their_times_elsewhere(fake, tmp_path):
    series = fake.Series(fake.ramp((6, 6, 3)))
    ds = series.enhanced([0, 1, 2])
    del ds.RepetitionTime, ds.EchoTime, ds.FlipAngle
    (path,) = fake.save([ds], tmp_path)
    facts = read_identity(read_header(path), NAMES)
    assert facts.repetition_time == "2.3"
    assert facts.echo_time == "0.0025"
    assert facts.flip_angle == "9"


def test_each_echo_of_a_multi_frame_file_has_its_own_time(fake, ingest, tmp_path):
    series = fake.Series(fake.ramp())
    ds = series.enhanced([*range(17), *range(17)])
    del ds.SharedFunctionalGroupsSequence[0].MREchoSequence, ds.EchoTime
    for number, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        echo = Dataset()
        echo.EffectiveEchoTime = 5.0 if number < 17 else 80.0
        frame.MREchoSequence = [echo]
        frame.PixelValueTransformationSequence[0].RescaleSlope = echo.EffectiveEchoTime
    fake.save([ds], tmp_path / "in")
    fake.nifti(tmp_path / "label.nii.gz", fake.blocks((20, 18, 17)), series.affine)
    row = {"series_uid": series.uid, "label": "label.nii.gz"}
    labels = fake.table(tmp_path / "labels.tsv", [row])
    out = ingest(dicom=(tmp_path / "in",), labels=labels)
    assert sorted(row["echo_time"] for row in out.scans) == ["0.005", "0.08"]


def test_odd_values_are_left_out():
    header = Dataset()
    with disable_value_validation():
        header.Manufacturer = "SIEMENS"
        header.ManufacturerModelName = "Skyra\nfit \x1b[0m" + "x" * 200
        header.Modality = "Mr Smith"
    facts = read_identity(header, NAMES)
    assert facts.model.startswith("Skyra fit")
    assert len(facts.model) <= 64
    assert "\x1b" not in facts.model
    assert facts.modality is None


def test_devices_and_sites_are_pseudonyms():
    header = Dataset()
    header.Manufacturer, header.DeviceSerialNumber = "SIEMENS", "45193"
    header.InstitutionName = "General Hospital"
    facts = read_identity(header, NAMES)
    assert len(facts.device) == len(facts.site) == 10
    assert (
        facts.device
        == read_metadata(
            {"Manufacturer": "Siemens", "DeviceSerialNumber": "45193"}, NAMES
        ).device
    )
    other = read_identity(header, Pseudonyms(b"x" * 32))
    assert other.device != facts.device


def test_metadata_survives_a_round_trip():
    metadata = {
        "Manufacturer": "GE",
        "ManufacturersModelName": "Signa HDxt",
        "MagneticFieldStrength": 1.5,
        "SoftwareVersions": "24",
        "RepetitionTime": 0.024,
        "EchoTime": 0.005,
        "FlipAngle": 30.0,
    }
    assert bids_metadata(read_metadata(metadata, NAMES)) == metadata


@pytest.mark.parametrize("value", [None, "", "n/a", [1], {"a": 1}, float("nan")])
def test_unusable_metadata_is_unknown(value):
    facts = read_metadata({"MagneticFieldStrength": value, "EchoTime": value}, NAMES)
    assert facts.field_strength is facts.echo_time is None


def test_real_headers(real_dicom):
    first = min((real_dicom / "ge_t1" / "In").iterdir())
    facts = read_identity(read_header(first), NAMES)
    assert facts.scanner == "GE Signa HDxt 3T"
    assert facts.echo_time == "0.002832"
    (philips,) = (real_dicom / "vendors/philips_enhanced/anatomical/001").iterdir()
    assert read_identity(read_header(philips), NAMES).vendor == "Philips"


def test_reconstruction_kernel_and_coil_are_read_from_plain_and_enhanced_headers(fake):
    header = Dataset()
    header.ConvolutionKernel, header.ReceiveCoilName = ["Br40d", "3"], "8HRBRAIN"
    facts = read_identity(header, NAMES)
    assert (facts.reconstruction_kernel, facts.coil) == ("Br40d; 3", "8HRBRAIN")
    assert read_metadata(bids_metadata(facts), NAMES) == facts
    ds = fake.Series(fake.ramp((6, 6, 3))).enhanced([0, 1, 2])
    coil = Dataset()
    coil.ReceiveCoilName = "SENSE-Head-8"
    ds.SharedFunctionalGroupsSequence[0].MRReceiveCoilSequence = [coil]
    reconstruction = Dataset()
    reconstruction.ConvolutionKernel = "B30f"
    ds.PerFrameFunctionalGroupsSequence[0].CTReconstructionSequence = [reconstruction]
    facts = read_identity(ds, NAMES)
    assert (facts.coil, facts.reconstruction_kernel) == ("SENSE-Head-8", "B30f")


@given(st.text("QZXJKW", min_size=5, max_size=12))
def test_no_text_of_a_header_passes_unless_it_is_listed(secret):
    header = Dataset()
    metadata = {}
    with disable_value_validation():
        for keyword, key in TEXTS.items():
            setattr(header, keyword, f"{secret} {secret}")
            metadata[key] = f"{secret} {secret}"
    for facts in (read_identity(header, NAMES), read_metadata(metadata, NAMES)):
        assert secret not in "".join(facts.texts.values())
        assert secret not in str(bids_metadata(facts))


TEXTS = {
    "Manufacturer": "Manufacturer",
    "ManufacturerModelName": "ManufacturersModelName",
    "SoftwareVersions": "SoftwareVersions",
    "Modality": "Modality",
    "DeviceSerialNumber": "DeviceSerialNumber",
    "StationName": "StationName",
    "InstitutionName": "InstitutionName",
    "ConvolutionKernel": "ConvolutionKernel",
    "ReceiveCoilName": "ReceiveCoilName",
}


def test_the_columns_of_tables_are_those_that_are_declared():
    """What the record reads from the text is what the decorator has registered."""
    assert tuple(scanner_identity._COLUMNS) == IDENTITY_COLUMNS
    assert {
        name: column.unit
        for name, column in scanner_identity._COLUMNS.items()
        if column.unit
    } == IDENTITY_UNITS


def test_a_sidecar_is_read_by_the_names_that_bids_has():
    """A station is no serial number there, though it stands for one in DICOM."""
    metadata = {"StationName": "MR1", "InstitutionAddress": "1 Road", "EchoTime": 0}
    facts = read_metadata(metadata, NAMES)
    assert (facts.device, facts.site, facts.echo_time) == (None, None, "0")


def test_a_time_of_zero_in_a_header_was_not_used():
    header = Dataset()
    header.EchoTime, header.EffectiveEchoTime, header.InversionTime = 0, 5, 0
    facts = read_identity(header, NAMES)
    assert (facts.echo_time, facts.inversion_time) == ("0.005", None)


NEW_COLUMN = """

@identity_column("thickness", "Of the slices.", unit="mm", bids="SliceThickness")
def _thickness(header: Header) -> float | None:
    return header.number("SliceThickness")
"""
USE = """
from pydicom import Dataset
from medinorm.files.records import column_names
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.deidentify.scanner_identity import bids_metadata, read_identity
from medinorm.records.scans import IDENTITY_UNITS, ScanRow

header = Dataset()
header.SliceThickness = "1.5"
identity = read_identity(header, Pseudonyms(bytes(32)))
print(identity.thickness, bids_metadata(identity), IDENTITY_UNITS["thickness"])
print("thickness" in column_names(ScanRow))
"""


def test_a_new_column_is_one_declaration(tmp_path):
    """On a copy of the package: nothing else has to be edited."""
    package = Path(medinorm.__file__).parent
    shutil.copytree(package, tmp_path / "medinorm")
    module = tmp_path / "medinorm/ingest/deidentify/scanner_identity.py"
    module.write_text(module.read_text() + NEW_COLUMN)
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,  # the first place where Python looks
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1.5 {'SliceThickness': 1.5} mm\nTrue\n"
