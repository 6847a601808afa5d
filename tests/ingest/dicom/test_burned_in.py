import pytest

from medinorm.ingest.dicom.burned_in import burned_in_risk

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
def test_measured_images_are_none(values):
    assert burned_in_risk(MR | values) == ""


def test_reasons_repeat_no_value():
    assert "Doe" not in burned_in_risk({"SeriesDescription": "Dose Report Doe"})


def test_ingest_holds_risky_images_back(fake, tmp_path, ingest):
    rows = []
    for name, header in {
        "good": {},
        "marked": {"BurnedInAnnotation": "YES"},
        "screen": {"SeriesDescription": "Dose Report"},
        "film": {"ConversionType": "DF"},
    }.items():
        series = fake.Series(fake.ramp(), header=header | {"PatientID": name})
        fake.save(series.datasets(), tmp_path / "dicom" / name)
        label = tmp_path / f"{name}.nii.gz"
        fake.nifti(label, fake.blocks(series.array.shape), series.affine)
        rows.append({"series_uid": series.uid, "label": label.name})
    table = fake.table(tmp_path / "labels.tsv", rows)
    out = ingest(dicom=(tmp_path / "dicom",), labels=table)
    assert len(out.scans) == 1
    states = {
        row["path"].split("/")[-2]: row["state"]
        for row in out.files
        if row["path"].endswith(".dcm")
    }
    assert states == {
        "good": "used",
        **dict.fromkeys(("marked", "screen", "film"), "quarantined"),
    }
