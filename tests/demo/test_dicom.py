import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from medinorm.demo.patients import planted_tokens
from medinorm.demo.scanners import SCANNERS
from medinorm.files.nifti import read_volume
from medinorm.files.tables import read_table

VENDORS = {
    "ge_15t": ("GE MEDICAL SYSTEMS", 1.5),
    "siemens_3t": ("SIEMENS", 3.0),
    "philips_3t": ("Philips Medical Systems", 3.0),
    "lowfield_64mt": ("Hyperfine, Inc.", 0.064),
}
IDENTIFYING = (
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "PatientBirthDate",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientComments",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "OperatorsName",
    "InstitutionName",
    "InstitutionAddress",
    "StationName",
    "DeviceSerialNumber",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
)
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def series_folders(demo):
    return sorted(demo.glob("dicom/*/*/0002_T1"))


def label_of(demo, uid):
    rows = read_table(demo / "labels.tsv", required=("series_uid", "label"))
    label = {row["series_uid"]: row["label"] for row in rows}[uid]
    return read_volume(demo / label), label


def read_by_hand(folder):
    """Voxels and affine after the DICOM standard, sorted along the normal."""
    files = [pydicom.dcmread(path) for path in folder.iterdir()]
    first = files[0]
    row, column = np.reshape(first.ImageOrientationPatient, (2, 3)).astype(float)
    normal = np.cross(row, column)
    files.sort(key=lambda file: normal @ np.array(file.ImagePositionPatient, float))
    place = [np.array(file.ImagePositionPatient, float) for file in files]
    affine = np.eye(4)
    affine[:3, 0] = row * float(first.PixelSpacing[1])
    affine[:3, 1] = column * float(first.PixelSpacing[0])
    affine[:3, 2] = (place[-1] - place[0]) / (len(files) - 1)
    affine[:3, 3] = place[0]
    voxels = np.stack([file.pixel_array.T for file in files], axis=-1)
    slope = float(first.get("RescaleSlope", 1))
    return voxels * slope + float(first.get("RescaleIntercept", 0)), RAS @ affine


def read_by_itk(folder):
    """Voxels and affine as SimpleITK makes them, array index (x, y, z)."""
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = sitk.ReadImage(names)
    affine = np.eye(4)
    direction = np.reshape(image.GetDirection(), (3, 3))
    affine[:3, :3] = direction * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), RAS @ affine


@pytest.mark.parametrize("read", [read_by_hand, read_by_itk])
def test_labels_lie_on_the_grid_of_the_converted_series(demo, read):
    folders = series_folders(demo)
    assert len(folders) == 8
    for folder in folders:
        uid = pydicom.dcmread(next(folder.iterdir())).SeriesInstanceUID
        voxels, affine = read(folder)
        label, _ = label_of(demo, uid)
        assert voxels.shape == label.grid
        np.testing.assert_allclose(affine, label.affine, atol=1e-4)


def test_both_readers_see_the_same_voxels(demo):
    for folder in series_folders(demo):
        np.testing.assert_allclose(
            read_by_hand(folder)[0], read_by_itk(folder)[0], rtol=1e-6
        )


@pytest.mark.parametrize("name", SCANNERS)
def test_tissues_are_ordered_as_in_a_t1_weighted_image(demo, name):
    for folder in series_folders(demo):
        voxels, _ = read_by_hand(folder)
        uid = pydicom.dcmread(next(folder.iterdir())).SeriesInstanceUID
        label, path = label_of(demo, uid)
        if name not in path:
            continue
        white, gray, fluid = (
            np.median(voxels[label.array[0] == value]) for value in (1, 2, 3)
        )
        assert white > gray > fluid > 0


def test_headers_say_vendor_field_and_geometry(demo):
    for folder in series_folders(demo):
        for path in folder.iterdir():
            file = pydicom.dcmread(path)
            _, label = label_of(demo, file.SeriesInstanceUID)
            name = label.removeprefix("labels/").partition("-")[0]
            vendor = file.Manufacturer, float(file.MagneticFieldStrength)
            assert vendor == VENDORS[name]
            timing = SCANNERS[name].sequence
            assert float(file.EchoTime) == pytest.approx(1e3 * timing.echo_time)
            assert "LOCALIZER" not in file.ImageType
            assert file.SOPClassUID == file.file_meta.MediaStorageSOPClassUID
            assert file.file_meta.TransferSyntaxUID.is_little_endian


def test_unique_identifiers_are_unique(demo):
    files = [pydicom.dcmread(p) for p in demo.glob("dicom/*/*/*/*")]
    assert len({file.SOPInstanceUID for file in files}) == len(files)
    assert len({file.StudyInstanceUID for file in files}) == 8
    assert len({file.SeriesInstanceUID for file in files}) == 8 * 3


def test_there_is_clutter(demo):
    classes = {pydicom.dcmread(p).SOPClassUID.name for p in demo.glob("dicom/*/*/*/*")}
    assert classes == {
        "MR Image Storage",
        "Secondary Capture Image Storage",
        "Basic Text SR Storage",
    }
    assert len(list(demo.glob("dicom/*/*/0001_LOCALIZER/*"))) == 8 * 3
    assert (demo / "dicom" / ".medinorm-demo").exists()
    for junk in demo.glob("dicom/*/DICOMDIR"):
        with pytest.raises(pydicom.errors.InvalidDicomError):
            pydicom.dcmread(junk)


def test_every_planted_token_is_in_a_file(demo, settings):
    content = b"\n".join(p.read_bytes() for p in demo.glob("dicom/*/*/*/*"))
    missing = [t for t in planted_tokens(settings) if t.encode() not in content]
    assert missing == []


def test_no_identifying_header_escapes_the_tokens(demo, settings):
    """Every word of a person-related attribute is made of tokens and plain words."""
    plain = {"Dr", "Hospital", "asks", "for", "a", "call", "at", "MRI", "HEAD", "Head"}
    tokens = planted_tokens(settings)
    for path in demo.glob("dicom/*/*/*/*1*"):
        file = pydicom.dcmread(path, stop_before_pixels=True)
        for keyword in IDENTIFYING:
            words = str(file.get(keyword)).replace("^", " ").replace(",", " ").split()
            left = [w.rstrip(".") for w in words if w not in tokens]
            assert all(w in plain or (w.isdigit() and len(w) < 3) for w in left), (
                keyword
            )


def test_names_are_in_paths_and_in_some_descriptions(demo, settings):
    tokens = {token.upper() for token in planted_tokens(settings)}
    for folder in demo.glob("dicom/*/"):
        assert set(folder.name.split("_")) <= tokens
    described = [
        pydicom.dcmread(next(folder.iterdir())).SeriesDescription.split()[-1].upper()
        for folder in series_folders(demo)
    ]
    assert sum(word in tokens for word in described) == 4
