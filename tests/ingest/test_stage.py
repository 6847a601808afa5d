"""The whole stage on a generated two-site, three-scanner study."""

import json
import logging
import subprocess
import sys

import numpy as np
import pydicom
import pytest
from isal import igzip
from pydicom.sequence import Sequence

from medinorm.config import IngestConfig
from medinorm.errors import StageError
from medinorm.files.atomic import checksum
from medinorm.files.nifti import Volume, read_volume, write_volume
from tests.ingest.reading import read_series

SCANNERS = {
    "siemens": {"Manufacturer": "SIEMENS", "ManufacturerModelName": "Skyra"},
    "ge": {
        "Manufacturer": "GE MEDICAL SYSTEMS",
        "ManufacturerModelName": "Signa HDxt",
        "MagneticFieldStrength": 1.5,
        "InstitutionName": "Clinic",
    },
    "philips": {
        "Manufacturer": "Philips Medical Systems",
        "ManufacturerModelName": "Achieva",
        "InstitutionName": "Clinic",
    },
}


@pytest.fixture
def hospital(fake, tmp_path):
    """DICOM folders and the label table: three scanners, two subjects on each."""
    rows = []
    for scanner, header in SCANNERS.items():
        for number in range(2):
            who = f"{scanner}-{number}"
            series = fake.Series(
                fake.ramp() + np.int16(len(rows)),
                header=header
                | {"PatientID": who, "StudyInstanceUID": f"1.{len(rows)}"},
            )
            fake.save(series.datasets(), tmp_path / "dicom" / scanner / who)
            label = tmp_path / "labels" / f"{who}.nii.gz"
            fake.nifti(label, fake.blocks(series.array.shape), series.affine)
            rows.append({"series_uid": series.uid, "label": f"labels/{who}.nii.gz"})
    return tmp_path / "dicom", fake.table(tmp_path / "labels.tsv", rows)


def test_dicom_study(hospital, ingest, fake):
    dicom, labels = hospital
    (dicom / "notes.txt").write_text("junk")
    out = ingest(dicom=(dicom,), labels=labels)
    assert sorted({row["scanner"] for row in out.scans}) == [
        "GE Signa HDxt 1.5T",
        "Philips Achieva 3T",
        "Siemens Skyra 3T",
    ]
    assert len({row["site"] for row in out.scans}) == 2
    assert len({row["subject"] for row in out.scans}) == 6
    row = out.scans[0]
    assert (row["repetition_time"], row["echo_time"]) == ("2.3", "0.0025")
    truth = fake.Series(fake.ramp())
    offsets = set()
    for row in out.scans:
        image = read_volume(out.results / "canonical" / row["image"])
        label = read_volume(out.results / "canonical" / row["label"])
        offset = image.array[0, 0, 0, 0]
        offsets.add(int(offset))
        np.testing.assert_array_equal(image.array[0] - offset, truth.array)
        np.testing.assert_allclose(image.affine, truth.affine, atol=1e-5)
        np.testing.assert_array_equal(label.array[0], fake.blocks(truth.array.shape))
        assert label.array.dtype == np.uint8
        assert label.same_grid(image)
    assert offsets == set(range(6))
    assert out.excluded == [{"where": "1 file", "scan": "", "reason": "not DICOM"}]
    assert {row["state"] for row in out.files} == {"used", "excluded"}
    assert len(out.files) == sum(path.is_file() for path in dicom.rglob("*")) + 6


def test_second_run_finds_everything_current(hospital, ingest):
    dicom, labels = hospital
    first = ingest(dicom=(dicom,), labels=labels)
    before, written = snapshot(first.results), first.written
    second = ingest(dicom=(dicom,), labels=labels)
    assert {row["state"] for row in second.status} == {"ok"}
    assert second.written == written
    assert snapshot(second.results) == before


def snapshot(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_killed_run_resumes_to_the_same_bytes(hospital, ingest):
    dicom, labels = hospital
    whole = ingest(dicom=(dicom,), labels=labels)
    before, written = snapshot(whole.results), whole.written
    # What a kill may leave: an image without its sidecar, a scan not yet begun.
    images = sorted((whole.results / "canonical").rglob("*_image.nii.gz"))
    images[0].with_name(images[0].name.replace(".nii.gz", ".json")).unlink()
    images[1].unlink()
    again = ingest(dicom=(dicom,), labels=labels)
    made = {name for name in written if again.written[name] > written[name]}
    assert made == {path.name for path in images[:2]}
    assert snapshot(again.results) == before


def test_no_usable_scan_says_why(fake, tmp_path, ingest):
    fake.save(fake.Series(fake.ramp()).datasets(), tmp_path / "dicom")
    with pytest.raises(StageError, match=r"no usable scan: no label map .* \(1x\)"):
        ingest(dicom=(tmp_path / "dicom",), unlabelled="exclude")


TOKEN_KEYWORDS = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientAddress", "StudyID"),
    *("OtherPatientIDs", "PatientComments", "EthnicGroup", "Occupation", "StudyDate"),
    *("AccessionNumber", "ReferringPhysicianName", "OperatorsName", "StationName"),
    *("PerformingPhysicianName", "StudyDescription", "SeriesDescription"),
    *("ProtocolName", "InstitutionName", "InstitutionAddress", "DeviceSerialNumber"),
    *("InstitutionalDepartmentName", "ImageComments", "AdmissionID", "SeriesDate"),
    *("RequestingPhysician", "RequestedProcedureDescription", "AcquisitionDate"),
    *("SeriesTime", "ContentDate", "PatientWeight", "PatientAge", "BodyPartExamined"),
)


def planted(number):
    """A token that no program makes by chance."""
    return f"QZX{number:03d}LEAK"


def plant(ds, tokens):
    """Put a token wherever a header can hold text."""
    for number, keyword in enumerate(TOKEN_KEYWORDS):
        tokens.add(planted(number))
        with pydicom.config.disable_value_validation():
            element = pydicom.DataElement(keyword, "LO", planted(number))
            ds[keyword] = element
    nested = pydicom.Dataset()
    nested.PatientName = planted(200)
    nested.ReferencedSOPInstanceUID = "1.9.8765432"
    ds.ReferencedImageSequence = Sequence([nested])
    block = ds.private_block(0x0029, planted(201), create=True)
    block.add_new(0x10, "LO", planted(202))
    ds.add_new((0x6000, 0x0022), "LO", planted(203))
    ds.file_meta.SourceApplicationEntityTitle = planted(204)
    ds.preamble = planted(205).encode().ljust(128, b"\0")
    tokens.update(planted(number) for number in range(200, 206))
    tokens.update({"1.9.8765432", ds.SeriesInstanceUID, ds.StudyInstanceUID})


def people(tokens, mark):
    """Columns of a user's own that nobody asked for: names and values are tokens."""
    columns = {
        "patient_name": f"QZX{mark}NAME",
        "birth_date": f"19510203QZX{mark}",
        "vendor": f"QZX{mark}VENDOR",
        "QZXNURSE": f"QZX{mark}NURSE",
    }
    tokens.update({*columns.values(), "patient_name", "birth_date", "QZXNURSE"})
    return columns


def everything_said(folder, *texts):
    """All bytes below a folder, decompressed, and all texts."""
    parts = [text.encode() for text in texts]
    for path in folder.rglob("*"):
        parts.append(str(path.relative_to(folder)).encode())
        if path.is_file():
            content = path.read_bytes()
            parts.append(igzip.decompress(content) if path.suffix == ".gz" else content)
    return b"\n".join(parts)


def assert_no_token(said, tokens):
    assert tokens
    assert [token for token in tokens if token.encode() in said] == []


def test_no_planted_identifier_gets_out_of_dicom(fake, tmp_path, ingest, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    tokens = {planted(300), planted(301)}
    folder = tmp_path / planted(300)
    damages = {
        "good": len,
        "tilted": lambda datasets: setattr(
            datasets[3], "ImagePositionPatient", [1, 2, 3.3]
        ),
        "truncated": lambda datasets: setattr(datasets[3], "PixelData", b"\0\0"),
        "odd": lambda datasets: setattr(datasets[3], "Rows", 7),
        "localizer": lambda datasets: [
            setattr(ds, "ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"])
            for ds in datasets
        ],
    }
    rows = []
    for name, damage in damages.items():
        series = fake.Series(fake.ramp(dtype=np.uint16))
        datasets = series.datasets()
        for ds in datasets:
            plant(ds, tokens)
        damage(datasets)
        fake.save(datasets, folder / planted(301) / name)
        label = tmp_path / planted(301) / f"{name}.nii.gz"
        fake.nifti(label, fake.blocks(series.array.shape), series.affine)
        rows.append({"series_uid": series.uid, "label": label} | people(tokens, "DCM"))
    (folder / "junk").write_bytes(b"DICM" * 99 + planted(300).encode())
    (folder / "broken.dcm").write_bytes(
        b"\0" * 128 + b"DICM" + planted(300).encode() * 9
    )
    out = ingest(dicom=(folder,), labels=fake.table(tmp_path / "labels.tsv", rows))
    assert len(out.scans) == 1
    assert len(out.excluded) >= len(damages)
    shown = capfd.readouterr()
    said = everything_said(out.results, caplog.text, shown.out, shown.err)
    assert b"Siemens Skyra 3T" in said
    assert_no_token(said, tokens)


def test_no_planted_identifier_gets_out_of_nifti(fake, tmp_path, ingest, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    tokens = {planted(number) for number in range(10)}
    folder = tmp_path / planted(0)
    texts = {
        "descrip": planted(1),
        "aux_file": planted(2),
        "intent_name": planted(3),
        "db_name": planted(4),
    }
    rows = []
    for number, content in enumerate((fake.ramp(), np.zeros((20, 20, 20), np.int16))):
        image = folder / f"{planted(5)}-{number}.nii.gz"
        label = folder / f"{planted(6)}-{number}.nii.gz"
        fake.nifti(image, content, **texts)
        fake.nifti(label, fake.blocks(content.shape), **texts)
        rows.append(
            {
                "subject": planted(7) + str(number),
                "session": planted(8),
                "image": image,
                "label": label,
                "site": "north",
            }
            | people(tokens, str(number))
        )
    for name in ("gone", "cut"):
        label = folder / f"{planted(6)}-{name}.nii.gz"
        fake.nifti(label, fake.blocks(fake.ramp().shape))
        rows.append(
            rows[0]
            | {
                "subject": planted(9) + name,
                "image": folder / f"{planted(9)}{name}.nii.gz",
                "label": label,
            }
        )
    truncated = (folder / f"{planted(5)}-0.nii.gz").read_bytes()[:-200]
    (folder / f"{planted(9)}cut.nii.gz").write_bytes(truncated)
    table = fake.table(tmp_path / "scans.tsv", rows)
    out = ingest(scans=table, columns=("site", "scanner"))
    assert [row["site"] for row in out.scans] == ["north"]
    assert len(out.excluded) == 3
    shown = capfd.readouterr()
    assert_no_token(
        everything_said(out.results, caplog.text, shown.out, shown.err), tokens
    )


def test_no_planted_identifier_gets_out_of_bids(fake, tmp_path, ingest, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    tokens = {planted(number) for number in range(3)}
    dataset = tmp_path / planted(0)
    rows = []
    for number in range(2):
        who = f"sub-{planted(1)}{number}"
        image = fake.ramp() + np.int16(number)
        fake.nifti(dataset / who / "anat" / f"{who}_T1w.nii.gz", image)
        label = dataset / "derivatives" / planted(2) / f"{who}_dseg.nii.gz"
        fake.nifti(label, fake.blocks(image.shape))
        rows.append(
            {"participant_id": who, "site": "north"} | people(tokens, str(number))
        )
    fake.table(dataset / "participants.tsv", rows)
    out = ingest(bids=dataset, columns=("site",))
    assert [row["site"] for row in out.scans] == ["north", "north"]
    shown = capfd.readouterr()
    assert_no_token(
        everything_said(out.results, caplog.text, shown.out, shown.err), tokens
    )


def test_kept_names_are_the_inputs(fake, tmp_path, ingest):
    fake.nifti(tmp_path / "i.nii", fake.ramp())
    fake.nifti(tmp_path / "l.nii", fake.blocks(fake.ramp().shape))
    row = {"subject": "s-01", "session": "1", "image": "i.nii", "label": "l.nii"}
    out = ingest(
        scans=fake.table(tmp_path / "scans.tsv", [row]),
        ingest=IngestConfig(subjects="keep"),
    )
    assert out.scans[0]["scan"] == "sub-s01_ses-1_image"
    assert out.scans[0]["image"] == "sub-s01/ses-1/anat/sub-s01_ses-1_image.nii.gz"


def test_no_heavy_library_is_loaded():
    code = (
        "import sys, medinorm.ingest.stage; "
        "print({name.split('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "'pydicom'" in loaded
    assert not [name for name in ("torch", "monai", "nilearn") if f"'{name}'" in loaded]


def test_canonical_sidecar_has_identity_and_provenance(hospital, ingest):
    dicom, labels = hospital
    out = ingest(dicom=(dicom,), labels=labels)
    row = next(row for row in out.scans if row["vendor"] == "GE")
    image = out.results / "canonical" / row["image"]
    sidecar = json.loads(image.with_name(f"{row['scan']}.json").read_text())
    assert sidecar["MagneticFieldStrength"] == 1.5
    assert sidecar["EchoTime"] == 0.0025
    assert set(sidecar["medinorm"]) == {
        *("settings", "inputs", "version", "checksum", "sidecar"),
    }


def test_no_checksum_of_an_input_leads_back_to_it(hospital, ingest, tmp_path):
    dicom, labels = hospital
    inputs = [path for path in tmp_path.rglob("*") if path.is_file()]
    out = ingest(dicom=(dicom,), labels=labels)
    written = "".join(path.read_text() for path in out.results.rglob("*.json"))
    assert not [path.name for path in inputs if checksum(path) in written]


def test_label_written_with_other_axes_is_turned(fake, tmp_path, ingest):
    """Tools such as dcm2niix flip rows: the same voxels in another order."""
    series = fake.Series(fake.ramp())
    fake.save(series.datasets(), tmp_path / "dicom")
    labels = fake.blocks(series.array.shape)
    flip = np.diag([1.0, -1.0, 1.0, 1.0])
    flip[1, 3] = series.array.shape[1] - 1
    other = Volume(labels[np.newaxis, :, ::-1].transpose(0, 3, 1, 2), np.eye(4))
    affine = (series.affine @ flip)[:, [2, 0, 1, 3]]
    write_volume(Volume(other.array, affine), tmp_path / "label.nii.gz")
    table = fake.table(
        tmp_path / "labels.tsv", [{"subject": "patient-1", "label": "label.nii.gz"}]
    )
    out = ingest(dicom=(tmp_path / "dicom",), labels=table)
    written = read_volume(out.results / "canonical" / out.scans[0]["label"])
    np.testing.assert_array_equal(written.array[0], labels)


def test_real_series_converts_with_its_scanner(real_dicom, tmp_path, fake, ingest):
    folder = real_dicom / "ge_t1" / "In"
    files = sorted(folder.iterdir())
    volume = read_series(files)
    labels = np.zeros(volume.grid, np.uint8)
    labels[100:120, 100:120, 90:110] = 1
    write_volume(Volume(labels[np.newaxis], volume.affine), tmp_path / "l.nii.gz")
    uid = str(pydicom.dcmread(files[0], stop_before_pixels=True).SeriesInstanceUID)
    table = fake.table(
        tmp_path / "labels.tsv", [{"series_uid": uid, "label": "l.nii.gz"}]
    )
    out = ingest(dicom=(folder,), labels=table)
    (row,) = out.scans
    assert row["scanner"] == "GE Signa HDxt 3T"
    assert row["modality"] == "MR"
    written = read_volume(out.results / "canonical" / row["image"])
    np.testing.assert_array_equal(written.array, volume.array)
    np.testing.assert_allclose(written.affine, volume.affine, atol=1e-4)
    assert len([file for file in out.files if file["state"] == "used"]) == 197
