import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.config import disable_value_validation

from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.deidentify.scanner_identity import (
    bids_metadata,
    nominal_field,
    read_identity,
    read_metadata,
    vendor_of,
)
from medinorm.ingest.dicom.files import read_header
from medinorm.scan import IDENTITY_COLUMNS

NAMES = Pseudonyms(bytes(32))


@pytest.mark.parametrize(
    ("manufacturer", "vendor"),
    [
        ("SIEMENS", "Siemens"),
        ("Siemens Healthineers", "Siemens"),
        ("GE MEDICAL SYSTEMS", "GE"),
        ("GE", "GE"),
        ("GE Healthcare", "GE"),
        ("Philips Healthcare", "Philips"),
        ("TOSHIBA_MEC", "Canon"),
        ("Canon Medical Systems", "Canon"),
        ("Hitachi Medical Corporation", "Hitachi"),
        ("Hyperfine Research", "Hyperfine"),
        ("UIH", "United Imaging"),
        ("  United  Imaging Healthcare ", "United Imaging"),
        ("Imaging Biometrics LLC", ""),
        ("PMOD Technologies", ""),
        ("OSIRIX GENERATED", ""),
        ("UNKNOWN", ""),
        ("", ""),
    ],
)
def test_vendors_have_one_name(manufacturer, vendor):
    assert vendor_of(manufacturer) == vendor


@pytest.mark.parametrize(
    ("said", "sold"),
    [
        (2.89362, 3.0),
        (1.494, 1.5),
        (15000.0, 1.5),
        (0.064, 0.064),
        (2.0, 2.0),
        (0, None),
    ],
)
def test_field_strengths_are_those_of_the_magnet(said, sold):
    assert nominal_field(said) == sold


def test_unknown_stays_unknown():
    facts = read_identity(Dataset(), NAMES)
    assert set(facts) == set(IDENTITY_COLUMNS)
    assert set(facts.values()) == {""}
    assert bids_metadata(facts) == {}


def test_software_makers_are_no_scanner():
    header = Dataset()
    header.Manufacturer, header.ManufacturerModelName = "Imaging Biometrics LLC", "IB"
    header.MagneticFieldStrength = 3
    facts = read_identity(header, NAMES)
    assert (facts["scanner"], facts["vendor"]) == ("", "")


def test_enhanced_headers_keep_their_times_elsewhere(fake, tmp_path):
    series = fake.Series(fake.ramp((6, 6, 3)))
    ds = series.enhanced([0, 1, 2])
    del ds.RepetitionTime, ds.EchoTime, ds.FlipAngle
    (path,) = fake.save([ds], tmp_path)
    facts = read_identity(read_header(path), NAMES)
    assert facts["repetition_time"] == "2.3"
    assert facts["echo_time"] == "0.0025"
    assert facts["flip_angle"] == "9"


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
    assert facts["model"].startswith("Skyra fit")
    assert len(facts["model"]) <= 64
    assert "\x1b" not in facts["model"]
    assert facts["modality"] == ""


def test_devices_and_sites_are_pseudonyms():
    header = Dataset()
    header.Manufacturer, header.DeviceSerialNumber = "SIEMENS", "45193"
    header.InstitutionName = "General Hospital"
    facts = read_identity(header, NAMES)
    assert len(facts["device"]) == len(facts["site"]) == 10
    assert (
        facts["device"]
        == read_metadata(
            {"Manufacturer": "Siemens", "DeviceSerialNumber": "45193"}, NAMES
        )["device"]
    )
    other = read_identity(header, Pseudonyms(b"x" * 32))
    assert other["device"] != facts["device"]


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
    assert facts["field_strength"] == facts["echo_time"] == ""


def test_real_headers(real_dicom):
    first = min((real_dicom / "ge_t1" / "In").iterdir())
    facts = read_identity(read_header(first), NAMES)
    assert facts["scanner"] == "GE Signa HDxt 3T"
    assert facts["echo_time"] == "0.002832"
    (philips,) = (real_dicom / "vendors/philips_enhanced/anatomical/001").iterdir()
    assert read_identity(read_header(philips), NAMES)["vendor"] == "Philips"


@pytest.mark.parametrize(
    ("manufacturer", "vendor"),
    [
        ("FUJIFILM Healthcare Corporation", "Fujifilm"),
        ("Shanghai United Imaging Healthcare Co., Ltd.", "United Imaging"),
        ("GEMS", "GE"),
        ("GE_MEDICAL_SYSTEMS", "GE"),
        ("Image Analysis Group", ""),
        ("syngo.via by Siemens", ""),
        ("Horos Siemens export", ""),
    ],
)
def test_programs_are_no_vendors_and_parts_of_words_no_names(manufacturer, vendor):
    assert vendor_of(manufacturer) == vendor


def test_kernel_and_coil_are_read_from_plain_and_enhanced_headers(fake):
    header = Dataset()
    header.ConvolutionKernel, header.ReceiveCoilName = ["Br40d", "3"], "8HRBRAIN"
    facts = read_identity(header, NAMES)
    assert (facts["kernel"], facts["coil"]) == ("Br40d; 3", "8HRBRAIN")
    assert read_metadata(bids_metadata(facts), NAMES) == facts
    ds = fake.Series(fake.ramp((6, 6, 3))).enhanced([0, 1, 2])
    coil = Dataset()
    coil.ReceiveCoilName = "SENSE-Head-8"
    ds.SharedFunctionalGroupsSequence[0].MRReceiveCoilSequence = [coil]
    kernel = Dataset()
    kernel.ConvolutionKernel = "B30f"
    ds.PerFrameFunctionalGroupsSequence[0].CTReconstructionSequence = [kernel]
    facts = read_identity(ds, NAMES)
    assert (facts["coil"], facts["kernel"]) == ("SENSE-Head-8", "B30f")


@given(st.text("QZXJKW", min_size=5, max_size=12))
def test_no_text_of_a_header_passes_unless_it_is_listed(secret):
    header = Dataset()
    metadata = {}
    with disable_value_validation():
        for keyword, key in TEXTS.items():
            setattr(header, keyword, f"{secret} {secret}")
            metadata[key] = f"{secret} {secret}"
    for facts in (read_identity(header, NAMES), read_metadata(metadata, NAMES)):
        assert secret not in "".join(facts.values())
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
