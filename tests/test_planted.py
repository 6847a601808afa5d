"""No planted identifier gets out: a real study for each kind of input, every byte.

Everything outside of the private folder is searched by `medinorm audit`: results, logs,
the report, Snakemake's metadata and logs, and what it printed. That the search finds
each token where they are left in is tested too, so that zero means something.
"""

import gzip
import json
import shutil
import struct
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import yaml
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from medinorm.audit.stage import search_folder

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (20, 18, 17)
STUDY = {
    "title": "Planted",
    "shards": 1,
    "split": {"designs": ["pooled"], "folds": 2},
    "harmonize": {"spacing": [2.0, 2.0, 2.0]},
    "experiments": {"intensity": ["zscore"], "norm": ["group"], "seeds": [0]},
    "train": {
        "recipe": "fast",
        "network": {"channels": [4, 8]},
        "patch": [8, 8, 8],
        "steps": 2,
        "batch_size": 2,
        "foreground_ratio": 0.5,
    },
    "evidence": {"resamples": 100},
}
LABELS = {1: "one", 2: "two"}

# Where a DICOM header holds text: patient, visit, people, places, devices, comments.
_KEYWORDS = (
    *("PatientName", "PatientID", "PatientAddress", "StudyID"),
    *("OtherPatientIDs", "PatientComments", "EthnicGroup", "Occupation"),
    *("AccessionNumber", "ReferringPhysicianName", "OperatorsName", "StationName"),
    *(
        "PerformingPhysicianName",
        "StudyDescription",
        "SeriesDescription",
        "CountryOfResidence",
    ),
    *("ProtocolName", "InstitutionName", "InstitutionAddress", "DeviceSerialNumber"),
    *("InstitutionalDepartmentName", "ImageComments", "AdmissionID", "SeriesDate"),
    *("RequestingPhysician", "RequestedProcedureDescription", "AcquisitionDate"),
    *("SeriesTime", "ContentDate", "PatientWeight", "PatientAge", "BodyPartExamined"),
    *("PatientTelephoneNumbers", "MilitaryRank", "MedicalAlerts", "Allergies"),
    *("PatientMotherBirthName", "AdditionalPatientHistory", "CurrentPatientLocation"),
    *("SequenceName", "SoftwareVersions", "ReceiveCoilName", "TransmitCoilName"),
    *(
        "ManufacturerModelName",
        "ConvolutionKernel",
        "StudyComments",
        "DerivationDescription",
    ),
    *(
        "ContrastBolusAgent",
        "PerformedProcedureStepDescription",
        "NameOfPhysiciansReadingStudy",
    ),
)


@dataclass
class Planting:
    """Tokens that no program makes by chance, and where each was put."""

    mark: str
    tokens: list[str] = field(default_factory=list)

    def new(self):
        self.tokens.append(f"QZ{self.mark}{len(self.tokens):03d}LEAK")
        return self.tokens[-1]

    def uid(self):
        self.tokens.append(f"1.9.{ord(self.mark[0])}.8765{len(self.tokens):04d}")
        return self.tokens[-1]

    def date(self):
        self.tokens.append(f"19{30 + len(self.tokens) % 60}0203")
        return self.tokens[-1]


def csa_header(text):
    """A Siemens CSA header (SV10) with one element that holds a text."""
    value = text.encode()
    item = struct.pack("<4i", len(value), len(value), 77, len(value))
    tag = struct.pack("<64si4siii", b"PatientName", 1, b"LO", 0, 1, 77)
    return b"SV10\4\3\2\1" + struct.pack("<II", 1, 77) + tag + item + value + b"\0"


def slices(plant, offset):
    """The slices of one series with tokens wherever DICOM has room."""
    series, study, frame = plant.uid(), plant.uid(), plant.uid()
    texts = {keyword: plant.new() for keyword in _KEYWORDS}
    texts |= {keyword: plant.date() for keyword in ("PatientBirthDate", "StudyDate")}
    hidden = [plant.new() for _ in range(14)]
    referenced = plant.uid()
    x, y, z = np.indices(SHAPE)
    array = (x * x + 7 * y + 31 * z + 100 * (blocks() > 0) + offset).astype(np.uint16)
    made = []
    for index in range(SHAPE[2]):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = MRImageStorage
        ds.SOPInstanceUID = f"{series}.{index + 1}"
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.SeriesInstanceUID, ds.StudyInstanceUID = series, study
        ds.FrameOfReferenceUID = frame
        ds.Modality, ds.ImageType = "MR", ["ORIGINAL", "PRIMARY", "M", hidden[0]]
        ds.Manufacturer = f"SIEMENS {hidden[1]}"
        ds.RepetitionTime, ds.EchoTime, ds.MagneticFieldStrength = 2300, 2.5, 3
        ds.ImagePositionPatient = [0, 0, 2 * index]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = [2, 2], 2
        ds.InstanceNumber = index + 1
        for keyword, text in texts.items():
            ds[keyword] = pydicom.DataElement(keyword, "LO", text)
        plant_hidden(ds, hidden[2:], referenced)
        pixels = np.ascontiguousarray(array[:, :, index].T)
        ds.Rows, ds.Columns = pixels.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation = 15, 0
        ds.PixelData = pixels.tobytes()
        made.append(ds)
    return made


def plant_hidden(ds, hidden, referenced):
    """Put tokens where few look: nested, private, drawn over, around the data."""
    inner, outer = Dataset(), Dataset()
    inner.PatientName, inner.ReferencedSOPInstanceUID = hidden[0], referenced
    outer.RequestedProcedureID = hidden[1]
    outer.ReferencedImageSequence = [inner]
    ds.RequestAttributesSequence = [outer]
    ds.ReferencedImageSequence = [inner]
    block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa_header(hidden[2]))
    block = ds.private_block(0x0051, hidden[3], create=True)
    block.add_new(0x08, "LO", hidden[4])
    nested = Dataset()
    nested.PatientID = hidden[5]
    block.add_new(0x09, "SQ", [nested])
    ds.add_new((0x6000, 0x0022), "LO", hidden[6])
    ds.add_new((0x6000, 0x3000), "OB", hidden[7].encode())
    ds.add_new((0x5000, 0x2500), "LO", hidden[8])
    ds.file_meta.SourceApplicationEntityTitle = hidden[9]
    ds.file_meta.PrivateInformationCreatorUID = "1.2.3"
    ds.file_meta.PrivateInformation = hidden[10].encode()
    ds.preamble = hidden[11].encode().ljust(128, b"\0")


def blocks():
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:9, 4:12, 3:13], labels[11:17, 4:12, 3:13] = 1, 2
    return labels


def save_nifti(path, array, plant=None):
    """A NIfTI file, with tokens wherever its header has room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array, np.diag([-2.0, -2.0, 2.0, 1.0]))
    if plant:
        for name in ("descrip", "aux_file", "db_name", "intent_name"):
            image.header[name] = plant.new()
        for code in (0, 2, 4, 6, 44):  # plain, DICOM, AFNI, comment, JSON
            text = plant.new().encode()
            image.header.extensions.append(nib.nifti1.Nifti1Extension(code, text))
    image.to_filename(path)
    return path


def write_table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(rows[0]), *("\t".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def own_columns(plant):
    """Facts of the user's that nobody asked for."""
    return {name: plant.new() for name in ("nurse", "patient_name", "room")}


DAMAGES = {
    "tilted": lambda made: setattr(made[3], "ImagePositionPatient", [1, 2, 7.3]),
    "truncated": lambda made: setattr(made[3], "PixelData", b"\0\0"),
    "odd": lambda made: setattr(made[3], "Rows", 7),
    "missing": lambda made: made.pop(5),
    "twice": lambda made: made.append(made[4]),
    "localizer": lambda made: [
        setattr(ds, "ImageType", [*ds.ImageType[:2], "LOCALIZER", ds.ImageType[3]])
        for ds in made
    ],
    "screen": lambda made: [setattr(ds, "BurnedInAnnotation", "YES") for ds in made],
    "foreign": lambda made: setattr(made[3], "PatientID", "QZFOREIGNLEAK"),
}


def plant_dicom(folder, plant):
    """A hospital's folder: good series, and one damaged in each way."""
    rows = []
    root = folder / plant.new()
    table = folder / f"{plant.new()}.tsv"
    for number, name in enumerate(
        ["good"] * 4 + ["unlabelled", "mislabelled", *DAMAGES]
    ):
        made = slices(plant, number)
        DAMAGES.get(name, len)(made)
        place = root / plant.new() / f"{name}{number}"
        place.mkdir(parents=True)
        names = plant.new()
        for index, ds in enumerate(made):
            with pydicom.config.disable_value_validation():
                ds.save_as(place / f"{names}-{index}.dcm", enforce_file_format=True)
        label = folder / plant.new() / f"{name}{number}.nii.gz"
        values = blocks() * (5 if name == "mislabelled" else 1)
        save_nifti(label, values, plant)
        uid = made[0].SeriesInstanceUID
        if name != "unlabelled":
            rows.append({"series_uid": uid, "label": label} | own_columns(plant))
    gone = folder / f"{plant.new()}.nii.gz"
    rows.append({"series_uid": plant.uid(), "label": gone} | own_columns(plant))
    (root / f"{plant.new()}.txt").write_text(plant.new())
    (root / "broken.dcm").write_bytes(bytes(128) + b"DICM" + plant.new().encode() * 9)
    (root / "empty").touch()
    with zipfile.ZipFile(root / f"{plant.new()}.zip", "w") as archive:
        archive.writestr(f"../{plant.new()}", plant.new())
        archive.writestr(plant.new(), plant.new())
    plant.tokens.append("QZFOREIGNLEAK")
    return {"dicom": [str(root)], "labels": str(write_table(table, rows))}


def plant_nifti(folder, plant):
    """A table of NIfTI scans: good ones, and one that fails in each way."""
    rows = []
    table = folder / f"{plant.new()}.tsv"
    kinds = ["good"] * 4 + [
        "constant",
        "nan",
        "cut",
        "gone",
        "text",
        "grid",
        "values",
        "colour",
    ]
    for number, kind in enumerate(kinds):
        place = folder / plant.new()
        array = np.indices(SHAPE).sum(0).astype(np.float32) * 3 + 50 * blocks() + number
        labels = blocks() * (5 if kind == "values" else 1)
        if kind == "constant":
            array[:] = 3
        if kind == "nan":
            array[3] = np.nan
        if kind == "colour":
            array = array.astype(np.complex64)
        image = place / f"{plant.new()}.nii.gz"
        if kind == "text":
            image.parent.mkdir(parents=True)
            image.write_text(plant.new())
        elif kind != "gone":
            save_nifti(image, array, plant)
        if kind == "cut":
            image.write_bytes(image.read_bytes()[:-300])
        label = place / f"{plant.new()}.nii.gz"
        save_nifti(label, labels[:-1] if kind == "grid" else labels, plant)
        rows.append(
            {
                "subject": plant.new(),
                "session": plant.new(),
                "image": image,
                "label": label,
                "site": "north",
            }
            | own_columns(plant)
        )
    return {"scans": str(write_table(table, rows))}


def plant_bids(folder, plant):
    """A BIDS data set with tokens in names, sidecars and tables."""
    root = folder / plant.new()
    rows = []
    for number in range(5):
        who = plant.new()
        name = f"sub-{who}_acq-{plant.new()}"
        array = np.indices(SHAPE).sum(0).astype(np.float32) * 3 + 50 * blocks() + number
        anat = root / f"sub-{who}" / "anat"
        save_nifti(anat / f"{name}_T1w.nii.gz", array, plant)
        sidecar = {
            key: plant.new()
            for key in (
                *("PatientName", "InstitutionName", "DeviceSerialNumber", "Modality"),
                *("SeriesDescription", "ManufacturersModelName", "SoftwareVersions"),
                *("ReceiveCoilName", "ConvolutionKernel", "AcquisitionDateTime"),
            )
        }
        sidecar["Manufacturer"] = f"Siemens {plant.new()}"
        sidecar["Nested"] = {plant.new(): [plant.new()]}
        text = json.dumps(sidecar) + (plant.new() if number == 4 else "")
        (anat / f"{name}_T1w.json").write_text(text)
        label = root / "derivatives" / plant.new() / f"{name}_dseg.nii.gz"
        save_nifti(label, blocks(), plant)
        rows.append(
            {"participant_id": f"sub-{who}", "site": "north"} | own_columns(plant)
        )
    write_table(root / "participants.tsv", rows)
    (root / f"{plant.new()}.txt").write_text(plant.new())
    return {"bids": str(root)}


PLANTERS = {
    "dicom": (plant_dicom, ["vendor"]),
    "nifti": (plant_nifti, ["site"]),
    "bids": (plant_bids, ["site", "vendor"]),
}


def snakemake(folder, study, *words):
    """Call snakemake in a folder of its own; what it printed is left there."""
    configfile = folder.parent / "config.yaml"
    configfile.write_text(yaml.safe_dump(study))
    command = [Path(sys.executable).with_name("snakemake"), "--cores", "2", *words]
    command += ["--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--configfile", configfile, "--printshellcmds"]
    done = subprocess.run(
        [str(word) for word in command],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/tmp"},
    )
    number = len(list(folder.glob("printed-*")))
    (folder / f"printed-{number}.txt").write_text(done.stdout + done.stderr)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module", params=PLANTERS)
def planted(request, tmp_path_factory):
    """A finished study of planted input; its folder, the input's, and the tokens."""
    folder = tmp_path_factory.mktemp(request.param)
    plant = Planting(f"X{request.param[0].upper()}")
    make, domain = PLANTERS[request.param]
    given = make(folder / "hospital", plant) | {"label_values": LABELS}
    if request.param == "bids":
        given["channels"] = ["T1w"]
    study = STUDY | {"input": given, "split": STUDY["split"] | {"domain": domain}}
    work = folder / "work"
    work.mkdir()
    code, output = snakemake(work, study)
    logs = "\n".join(path.read_text() for path in work.rglob("*.log"))
    assert code == 0, output[-3000:] + logs[-3000:]
    return work, folder / "hospital", plant.tokens, study


def outside(work, copy):
    """All of a working folder but its private part."""
    ignored = shutil.ignore_patterns("private")
    return shutil.copytree(work, copy, ignore=ignored, symlinks=True)


def places(audit):
    return [(hit.line, hit.place) for hit in audit.hits]


def test_there_are_many_tokens_and_the_audit_finds_each(planted):
    _, hospital, tokens, _ = planted
    assert len(set(tokens)) >= 60
    found = {hit.line for hit in search_folder(hospital, tokens).hits}
    lost = [tokens[n - 1] for n in range(1, len(tokens) + 1) if n not in found]
    assert lost == []


def test_the_study_met_every_kind_of_failure(planted):
    work, _, _, _ = planted
    excluded = (work / "results" / "excluded.tsv").read_text().splitlines()
    reasons = {line.split("\t")[-1] for line in excluded[1:]}
    kind = work.parent.name.rstrip("0123456789")
    assert len(reasons) >= {"dicom": 9, "nifti": 7, "bids": 1}[kind]


def test_no_token_is_in_any_byte_outside_of_the_private_folder(planted, tmp_path):
    work, _, tokens, _ = planted
    audit = search_folder(outside(work, tmp_path / "copy"), tokens)
    assert places(audit) == []
    assert audit.unsearched == []
    assert audit.files > 30
    assert (work / ".snakemake" / "metadata").is_dir()
    assert list((work / ".snakemake" / "log").iterdir())


def test_the_report_of_snakemake_holds_no_token(planted, tmp_path):
    work, _, tokens, study = planted
    code, output = snakemake(work, study, "--report", "snakemake.html")
    assert code == 0, output[-2000:]
    audit = search_folder(outside(work, tmp_path / "copy"), tokens)
    assert places(audit) == []


def test_what_fails_says_no_token(planted, tmp_path):
    """Runs that end in an error: a missing input, a wrong table, a wrong setting."""
    _, hospital, tokens, study = planted
    given = dict(study["input"])
    broken = []
    for key in {"dicom", "labels", "scans", "bids"} & set(given):
        gone = f"{hospital}/{tokens[0]}/nowhere.tsv"
        broken.append(given | {key: [gone] if key == "dicom" else gone})
        broken.append(given | {key: gone if key == "dicom" else [gone]})
    for key in {"labels", "scans"} & set(given):
        wrong = hospital / f"{tokens[1]}-wrong.tsv"
        wrong.write_text(f"{tokens[2]}\t{tokens[3]}\n{tokens[4]}\n")
        broken.append(given | {key: str(wrong)})
        header = "subject\tsession\timage\tlabel\tseries_uid\n"
        wide = hospital / f"{tokens[1]}-wide.tsv"
        wide.write_text(header + "\t".join(tokens[:9]) + "\n")
        broken.append(given | {key: str(wide)})
    for number, values in enumerate(broken):
        work = tmp_path / f"run{number}"
        work.mkdir()
        code, output = snakemake(work, study | {"input": values}, "results/scans.tsv")
        assert code != 0, output[-2000:]
    for work in tmp_path.glob("run*"):
        shutil.rmtree(work / "private", ignore_errors=True)
    (tmp_path / "config.yaml").unlink()
    audit = search_folder(tmp_path, tokens)
    assert places(audit) == []
    assert audit.files > len(broken)


def test_a_leak_would_be_found(planted, tmp_path):
    """One token in a compressed result, and one in a name, are found again."""
    work, _, tokens, _ = planted
    copy = outside(work, tmp_path / "copy")
    image = next((copy / "results" / "canonical").rglob("*.nii.gz"))
    content = bytearray(gzip.decompress(image.read_bytes()))
    content[148 : 148 + len(tokens[3])] = tokens[3].encode()  # descrip
    image.write_bytes(gzip.compress(bytes(content)))
    (copy / ".snakemake" / f"{tokens[5]}.json").touch()
    found = search_folder(copy, tokens).hits
    assert {hit.line for hit in found} == {4, 6}
