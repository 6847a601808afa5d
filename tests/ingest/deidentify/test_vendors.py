import pytest

from medinorm.ingest.deidentify.vendors import nominal_field, vendor_of


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
