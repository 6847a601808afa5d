import pytest

from medinorm.ingest.burned_in import burned_in_risk

MR = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}


@pytest.mark.parametrize(
    "values",
    [
        {"BurnedInAnnotation": "yes"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.4"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"},
        {"Modality": "US"},
        {"Modality": "OT"},
        {"ConversionType": "WSD"},
        {"ConversionType": "DF"},
        {"ImageType": "DERIVED\\PRIMARY\\SCREEN SAVE"},
        {"ImageType": "DERIVED\\SECONDARY\\DOSE_INFO"},
        {"SeriesDescription": "Patient  Protocol"},
        {"SeriesDescription": "Dose-Report"},
        {"Manufacturer": "VIDAR Systems"},
        {"Manufacturer": "GE", "ManufacturerModelName": "Vitrea 2"},
        {"PhotometricInterpretation": "RGB", "SamplesPerPixel": "3"},
        {"PhotometricInterpretation": "PALETTE COLOR"},
    ],
)
def test_what_may_show_a_name_is_a_risk(values):
    assert burned_in_risk(MR | values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"BurnedInAnnotation": "NO"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.128", "Modality": "PT"},
        {"ConversionType": "SYN"},
        {"ImageType": "DERIVED\\SECONDARY\\MPR", "SeriesDescription": "t1 mprage"},
        {"PhotometricInterpretation": "MONOCHROME1", "SamplesPerPixel": "1"},
    ],
)
def test_measured_pictures_are_none(values):
    assert burned_in_risk(MR | values) == ""


def test_reasons_repeat_no_value():
    assert "Doe" not in burned_in_risk({"SeriesDescription": "Dose Report Doe"})
