"""Exported DICOM holds the same image and names nobody."""

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.datadict import DicomDictionary, dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    SecondaryCaptureImageStorage,
    UID_dictionary,
)

from medinorm.audit.stage import search_folder
from medinorm.cli import main as cli
from medinorm.config import ExportConfig
from medinorm.errors import StageError
from medinorm.files.tables import read_table
from medinorm.ingest.deidentify.allowed_attributes import (
    ALWAYS,
    ATTRIBUTES,
    CHARACTERISTICS,
    DATES,
    SEQUENCES,
)
from medinorm.ingest.dicom.files import quiet_reading, read_pixels
from medinorm.ingest.export import export_dicom
from tests.ingest.reading import read_series

ALL = ExportConfig(dates="shift", characteristics=True, devices=True)
# What makes the file readable at all.
_NEEDED = {
    *("SOPClassUID", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation"),
    *("NumberOfFrames", "SpecificCharacterSet", "PixelData", "TransferSyntaxUID"),
    *("ModalityLUTSequence", "PlanarConfiguration", "BurnedInAnnotation"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "Modality"),
    *("FloatPixelData", "DoubleFloatPixelData", "ConversionType"),
}
_TEXTS = {
    *("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM"),
    *("UC", "UI", "UR", "UT"),
}
_HIDDEN = {0x50002500: "LO", 0x60003000: "OB", 0x60020022: "LO", 0xFFFCFFFC: "OB"}


def token(number):
    return f"QZX{number:05d}LEAK"


def planted_element(tag, kind, tokens):
    """An element as a file has it, whatever its kind says of its value."""
    number = len(tokens)
    tokens.append(f"1.9.8765{number:05d}.7" if kind == "UI" else token(number))
    value = tokens[-1].encode()
    value += b" " * (len(value) % 2)
    kind = "LO" if kind in {"IS", "DS"} else kind  # pydicom would not write it
    return RawDataElement(pydicom.tag.Tag(tag), kind, len(value), value, 0, False, True)


def plant_everywhere(ds, tokens):
    """Put a token into each text attribute of the standard, and into all else."""
    kinds = {
        tag: kind
        for tag, (kind, _, _, _, keyword) in DicomDictionary.items()
        if keyword and keyword not in _NEEDED and tag >> 16 not in {0, 2, 4, 0xFFFE}
    }
    texts = {tag: kind for tag, kind in kinds.items() if kind in _TEXTS}
    for tag, kind in (texts | _HIDDEN).items():
        ds[tag] = planted_element(tag, kind, tokens)
    for number, tag in enumerate(tag for tag, kind in kinds.items() if kind == "SQ"):
        item = pydicom.Dataset()
        for inner in list(texts)[number :: len(texts) // 4]:
            item[inner] = planted_element(inner, texts[inner], tokens)
        ds.add_new(tag, "SQ", [item])
    tokens += [token(len(tokens) + n) for n in range(6)]
    block = ds.private_block(0x0029, tokens[-1], create=True)
    block.add_new(0x10, "OB", tokens[-2].encode())
    ds.PixelData += f"{tokens[-3]}!".encode()
    ds.file_meta.SourceApplicationEntityTitle = tokens[-4]
    ds.file_meta.PrivateInformationCreatorUID = "1.2.3"
    ds.file_meta.PrivateInformation = tokens[-5].encode()
    ds.preamble = tokens[-6].encode().ljust(128, b"\0")


@pytest.fixture
def export(tmp_path):
    """Export a folder; the copies and the private folder."""

    def run(source, settings=ALL, name="export"):
        out, private = tmp_path / name, tmp_path / f"{name}-private"
        export_dicom(source, out, private=private, settings=settings)
        return out

    return run


def copies(out):
    return [pydicom.dcmread(path) for path in sorted(out.rglob("*.dcm"))]


@pytest.mark.parametrize("settings", [ALL, ExportConfig()])
def test_nothing_planted_survives(fake, tmp_path, export, settings, capfd):
    tokens = []
    ds = fake.Series(fake.ramp()).dataset(0)
    plant_everywhere(ds, tokens)
    with quiet_reading():
        fake.save([ds], tmp_path / "in" / token(0))
    assert len(tokens) > 3000
    kept = {hit.line for hit in search_folder(tmp_path / "in", tokens).hits}
    assert len(kept) > 0.95 * len(tokens), "tokens were not planted"
    out = export(tmp_path / "in", settings)
    assert len(copies(out)) == 1
    assert search_folder(out, tokens).hits == []
    shown = capfd.readouterr()
    assert "LEAK" not in shown.out + shown.err


def test_only_listed_attributes_survive(fake, tmp_path, export):
    ds = fake.Series(fake.ramp()).dataset(0)
    plant_everywhere(ds, [])
    with quiet_reading():
        fake.save([ds], tmp_path / "in")
    (copy,) = copies(export(tmp_path / "in", ExportConfig()))
    texts = {
        str(value)
        for element in copy.iterall()
        if element.VR in {"LO", "SH", "PN", "CS", "ST", "LT", "UT", "AE", "DA", "TM"}
        for value in (element.value if element.VM > 1 else [element.value])
    }
    ours = {text for text in texts if text.startswith("unlisted-")}
    assert texts - ours - {"", str(copy.PatientID)} == {
        *("MR", "MONOCHROME2", "ISO_IR 192", "YES", "REMOVED", "113100", "DCM"),
        "Basic Application Confidentiality Profile",
        copy.DeidentificationMethod,
    }


def test_the_image_is_the_same(fake, tmp_path, export):
    series = fake.Series(fake.ramp(), directions=((0, 1, 0), (0, 0, -1)))
    fake.save(series.datasets(), tmp_path / "in")
    volume = read_series(sorted(export(tmp_path / "in").rglob("*.dcm")))
    np.testing.assert_array_equal(volume.array[0], series.array)
    np.testing.assert_allclose(volume.affine, series.affine, atol=1e-5)


@pytest.mark.parametrize("syntax", [RLELossless, DeflatedExplicitVRLittleEndian])
def test_compressed_pixels_come_out_plain(fake, tmp_path, export, syntax):
    series = fake.Series(fake.ramp())
    datasets = series.datasets()
    for ds in datasets:
        if syntax == RLELossless:
            ds.compress(RLELossless, generate_instance_uid=False)
        ds.file_meta.TransferSyntaxUID = syntax
    fake.save(datasets, tmp_path / "in")
    paths = sorted(export(tmp_path / "in").rglob("*.dcm"))
    np.testing.assert_array_equal(read_series(paths).array[0], series.array)
    syntaxes = {pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in paths}
    assert syntaxes == {pydicom.uid.ExplicitVRLittleEndian}


def test_multiframe_keeps_its_frames(fake, tmp_path, export):
    series = fake.Series(fake.ramp((20, 18, 5)))
    ds = series.enhanced([3, 0, 4, 1, 2])
    ds.PerFrameFunctionalGroupsSequence[0].FrameContentSequence = [pydicom.Dataset()]
    ds.PerFrameFunctionalGroupsSequence[0].FrameContentSequence[0].FrameComments = "Doe"
    (path,) = fake.save([ds], tmp_path / "in")
    (copy,) = sorted(export(tmp_path / "in").rglob("*.dcm"))
    was, now = read_series([path]), read_series([copy])
    np.testing.assert_array_equal(now.array, was.array)
    np.testing.assert_allclose(now.affine, was.affine)
    assert "Doe" not in str(pydicom.dcmread(copy))


def test_drawings_in_spare_bits_go(fake, tmp_path, export):
    series = fake.Series(fake.ramp(dtype=np.uint16) % 4096)
    ds = series.dataset(3)
    ds.BitsStored, ds.HighBit = 12, 11
    ds.add_new(0x60000102, "US", 12)
    pixels = np.frombuffer(ds.PixelData, "<u2") | 0x1000
    ds.PixelData = pixels.tobytes()
    fake.save([ds], tmp_path / "in")
    (copy,) = copies(export(tmp_path / "in"))
    np.testing.assert_array_equal(copy.pixel_array, series.array[:, :, 3].T)
    assert np.frombuffer(copy.PixelData, "<u2").max() < 4096


def test_references_lead_to_the_copies(fake, tmp_path, export):
    first, second = fake.Series(fake.ramp()).datasets()[:2]
    item, deeper = pydicom.Dataset(), pydicom.Dataset()
    item.ReferencedSOPClassUID = first.SOPClassUID
    item.ReferencedSOPInstanceUID = first.SOPInstanceUID
    deeper.SeriesInstanceUID = first.SeriesInstanceUID
    deeper.ReferencedInstanceSequence = Sequence([item])
    second.ReferencedSeriesSequence = Sequence([deeper])
    second.SourceImageSequence = Sequence([item])
    second.InstanceNumber = 99
    fake.save([first, second], tmp_path / "in")
    one, other = sorted(copies(export(tmp_path / "in")), key=lambda d: d.InstanceNumber)
    nested = other.ReferencedSeriesSequence[0]
    assert nested.SeriesInstanceUID == one.SeriesInstanceUID
    for reference in (
        nested.ReferencedInstanceSequence[0],
        other.SourceImageSequence[0],
    ):
        assert reference.ReferencedSOPInstanceUID == one.SOPInstanceUID
        assert reference.ReferencedSOPClassUID == first.SOPClassUID
    mapped = [e.value for e in other.iterall() if e.VR == "UI"]
    assert all(u in UID_dictionary or u.startswith("2.25.") for u in mapped)
    assert all(len(uid) <= 64 and uid.is_valid for uid in mapped)


def test_dates_move_together_and_ages_end_at_90(fake, tmp_path, export):
    days = {"a": ("20200131", "19200101"), "b": ("20200301", "19500601")}
    for visit, (day, born) in days.items():
        for who in ("one", "two"):
            ds = fake.Series(fake.ramp((6, 6, 3))).dataset(0)
            ds.PatientID, ds.StudyDate, ds.SeriesDate = who, day, day
            ds.StudyInstanceUID = f"1.2.{ord(visit)}"
            ds.PatientBirthDate, ds.PatientSex = born, "F"
            ds.AcquisitionDateTime = f"{day}120000.25+0100"
            fake.save([ds], tmp_path / "in" / f"{who}{visit}")
    out = export(tmp_path / "in")
    shifts = {}
    for subject in sorted(out.glob("sub-*")):
        first, second = sorted(copies(subject), key=lambda ds: ds.StudyDate)
        dates = [pydicom.valuerep.DA(ds.StudyDate) for ds in (first, second)]
        assert (dates[1] - dates[0]).days == 30
        assert first.SeriesDate == first.StudyDate
        assert first.AcquisitionDateTime == f"{first.StudyDate}120000.25"
        assert (first.PatientAge, second.PatientAge) == ("090Y", "069Y")
        assert (first.PatientSex, first.PatientBirthDate) == ("F", "")
        assert first.LongitudinalTemporalInformationModified == "MODIFIED"
        shifts[subject] = first.StudyDate
    assert len(set(shifts.values())) == 2
    assert not {"20200131", "20200301"} & set(shifts.values())


def test_by_default_nothing_optional_stays(fake, tmp_path, export):
    header = {"PatientAge": "042Y", "PatientSex": "F", "StudyDate": "20200131"}
    fake.save(fake.Series(fake.ramp(), header=header).datasets(), tmp_path / "in")
    copy = copies(export(tmp_path / "in", ExportConfig()))[0]
    assert copy.StudyDate == copy.PatientSex == ""
    assert "PatientAge" not in copy
    assert "InstitutionName" not in copy
    codes = [item.CodeValue for item in copy.DeidentificationMethodCodeSequence]
    assert codes == ["113100"]
    assert (copy.PatientIdentityRemoved, copy.Manufacturer) == ("YES", "Siemens")


def test_options_are_recorded(fake, tmp_path, export):
    fake.save(fake.Series(fake.ramp()).datasets(), tmp_path / "in")
    copy = copies(export(tmp_path / "in"))[0]
    codes = [item.CodeValue for item in copy.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107", "113108"]
    assert len(copy.InstitutionName) == 10
    assert copy.InstitutionName != "General Hospital"


def test_every_file_is_accounted_for(fake, tmp_path, export):
    series = fake.Series(fake.ramp((20, 18, 4)))
    datasets = series.datasets()
    datasets[0].BurnedInAnnotation = "YES"
    datasets[1].SOPClassUID = SecondaryCaptureImageStorage
    datasets[2].PixelData = b"\0\0"
    paths = fake.save([*datasets, datasets[3]], tmp_path / "in")
    (tmp_path / "in" / "notes.txt").write_text("Doe")
    paths[3].rename(tmp_path / "in" / "good.dcm")
    out = export(tmp_path / "in")
    rows = read_table(tmp_path / "export-private" / "exported.tsv")
    assert sorted(row["state"] for row in rows) == [
        *("excluded", "excluded", "exported", "quarantined", "quarantined"),
        "unreadable",
    ]
    left = read_table(out / "excluded.tsv")
    assert sum(int(row["files"]) for row in left) == 5
    assert {"text is drawn into the pixels and may name the patient"} < {
        row["reason"] for row in left
    }


@pytest.mark.parametrize(
    "element",
    [
        RawDataElement(
            Tag(0x00181310), "SS", 8, b"\xff\xff\1\0\2\0\3\0", 0, False, True
        ),
        RawDataElement(Tag(0x00081140), "US", 2, b"\3\0", 0, False, True),
    ],
    ids=["negative", "no sequence"],
)
def test_an_impossible_value_does_not_end_the_export(fake, tmp_path, export, element):
    datasets = fake.Series(fake.ramp()).datasets()[:2]
    datasets[0]._dict[element.tag] = element
    fake.save(datasets, tmp_path / "in")
    out = export(tmp_path / "in")
    left = sum(int(row["files"]) for row in read_table(out / "excluded.tsv"))
    assert len(copies(out)) + left == 2
    assert "please report" not in (out / "excluded.tsv").read_text()


def test_pixels_that_are_no_whole_numbers_are_not_copied(fake, tmp_path, export):
    """As whole numbers their bits would mean something else."""
    first, second = fake.Series(fake.ramp()).datasets()[:2]
    del first.PixelData
    first.BitsAllocated = first.BitsStored = 32
    first.HighBit = 31
    first.FloatPixelData = np.full((18, 20), 0.5, np.float32).tobytes()
    fake.save([first, second], tmp_path / "in")
    out = export(tmp_path / "in")
    assert len(copies(out)) == 1
    (row,) = read_table(out / "excluded.tsv")
    assert (row["state"], row["files"]) == ("unreadable", "1")


def test_all_that_is_listed_is_an_attribute():
    listed = ATTRIBUTES | SEQUENCES | DATES | CHARACTERISTICS | set(ALWAYS)
    assert [keyword for keyword in listed if tag_for_keyword(keyword) is None] == []
    assert all(dictionary_VR(keyword) == "SQ" for keyword in SEQUENCES)


def test_the_same_key_gives_the_same_bytes(fake, tmp_path, export):
    fake.save(fake.Series(fake.ramp()).datasets(), tmp_path / "in")

    def content(out):
        return {p.relative_to(out): p.read_bytes() for p in sorted(out.rglob("*.dcm"))}

    out = export(tmp_path / "in")
    first = content(out)
    shutil.rmtree(out)
    assert content(export(tmp_path / "in")) == first
    assert not set(content(export(tmp_path / "in", name="other"))) & set(first)


@pytest.mark.parametrize(
    ("source", "output", "private"),
    [("in", "in/out", "key"), ("in", "out", "out/key"), ("none", "out", "key")],
)
def test_folders_lie_apart(fake, tmp_path, source, output, private):
    fake.save(fake.Series(fake.ramp()).datasets()[:1], tmp_path / "in")
    with pytest.raises(StageError):
        export_dicom(
            tmp_path / source,
            tmp_path / output,
            private=tmp_path / private,
            settings=ALL,
        )
    assert not (tmp_path / output).exists()


def test_an_earlier_export_is_not_mixed_with_this_one(fake, tmp_path, export):
    fake.save(fake.Series(fake.ramp()).datasets(), tmp_path / "in")
    out = export(tmp_path / "in")
    with pytest.raises(StageError, match="new or empty"):
        export_dicom(
            tmp_path / "in", out, private=tmp_path / "p", settings=ExportConfig()
        )


def test_from_the_command_line(fake, tmp_path):
    fake.save(fake.Series(fake.ramp()).datasets()[:1], tmp_path / "in")
    words = ["export", "--source", str(tmp_path / "in")]
    words += ["--output", str(tmp_path / "out")]
    words += ["--private", str(tmp_path / "key"), "--dates", "shift", "--devices"]
    assert cli.main(words) == 0
    assert len(copies(tmp_path / "out")) == 1


def test_real_series(real_dicom, export):
    source = real_dicom / "ge_t1" / "In"
    out = export(source)
    for path in list(source.iterdir())[::40]:
        was, pixels = read_pixels(path)
        (row,) = [
            row
            for row in read_table(out.with_name("export-private") / "exported.tsv")
            if Path(row["path"]) == path
        ]
        now, copied = read_pixels(out / row["copy"])
        np.testing.assert_array_equal(copied, pixels)
        assert now.ImagePositionPatient == was.ImagePositionPatient
        assert now.SeriesInstanceUID != was.SeriesInstanceUID
