"""Damaged input of every kind: nothing crashes, nothing hangs, every file is counted.

Mutations come from a seed, so that a failure repeats. `MEDINORM_FUZZ` scales the number
of files: 1 gives 10,000 DICOM files and 2,000 NIfTI files, sidecars and tables.
"""

import gzip
import io
import json
import os
import random
import shutil
import signal
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from medinorm.config import IngestConfig, InputConfig
from medinorm.errors import MedinormError
from medinorm.files.tables import read_table
from medinorm.ingest.dicom.header_values import deflated_at
from medinorm.ingest.index import index_input, read_index
from medinorm.ingest.plan.stage import plan_scans

SCALE = float(os.environ.get("MEDINORM_FUZZ", "1"))
DICOM_FILES, IN_SERIES = int(10_000 * SCALE), 5
OTHER_FILES = int(2_000 * SCALE)
SLOWEST = 60  # seconds for a thousand files: far above what they take, below a hang

PLACE = "87654"  # of the number in a UID
# Lengths and counts that readers get wrong.
NASTY = (b"\xff\xff\xff\xff", b"\xfe\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff")
TOKENS = (
    *(b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"\x1b$B", b"SQ"),
    *(b"UN", b"OW", b"DS", b"\\", b"1e999", b"nan", b"-", b"\xe0\x7f\x10\x00"),
)


def mutate(content, rng):
    """Content with one to four damages."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(content) or 1)
        kind = rng.choices(range(7), (8, 8, 8, 2, 2, 2, 1))[0]
        if kind == 0:
            content[start : start + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            content[start : start + 4] = rng.choice(NASTY)
        elif kind == 2:
            token = rng.choice(TOKENS)
            content[start : start + len(token)] = token
        elif kind == 3:
            del content[start : start + rng.randint(1, 40)]
        elif kind == 4:
            content[start:start] = rng.randbytes(rng.randint(1, 40))
        elif kind == 5:
            content[start:start] = content[start : start + rng.randint(1, 200)]
        else:
            del content[start:]
    return bytes(content)


@contextmanager
def time_limit(seconds):
    """Fail where something hangs."""

    def stop(*_):
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(int(seconds))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def originals(fake):
    """The files of small series in several encodings, as bytes."""
    for number, syntax in enumerate(
        (None, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless, "e")
    ):
        voxels = fake.ramp((6, 5, IN_SERIES))
        # Each series is renamed in its voxels too, so that none is a duplicate.
        voxels[:3, 0] = np.frombuffer(f"{PLACE} ".encode(), np.int16)[:, np.newaxis]
        series = fake.Series(voxels, uid=f"1.2.{number}.{PLACE}")
        datasets = series.datasets()
        if syntax == "e":
            datasets = [series.enhanced(range(IN_SERIES))] * IN_SERIES
        contents = []
        for ds in datasets:
            if syntax == RLELossless:
                ds.compress(RLELossless)
            elif syntax not in {None, "e"}:
                ds.file_meta.TransferSyntaxUID = syntax
            stream = io.BytesIO()
            ds.save_as(stream, enforce_file_format=True)
            contents.append(stream.getvalue())
        yield contents


def renamed(content, uid):
    """A file of another series, whose UID has the same length."""
    start = deflated_at(content)
    if start is None:
        return content.replace(PLACE.encode(), uid.encode())
    body = zlib.decompress(content[start:], -zlib.MAX_WBITS)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = body.replace(PLACE.encode(), uid.encode())
    return content[:start] + deflater.compress(body) + deflater.flush()


def write_damaged(fake, folder, count, rng):
    """Write mutated series; the lines of their label table."""
    kinds = list(originals(fake))
    rows = []
    for number in range(count // IN_SERIES):
        uid = f"{number:05d}"
        place = folder / f"{number % 50}" / uid
        place.mkdir(parents=True)
        for index, content in enumerate(kinds[number % len(kinds)]):
            own = renamed(content, uid)
            # Some series are whole but for one file, or altogether.
            spared = number % 10 == 0 or (number % 10 == 1 and index)
            (place / f"{index}").write_bytes(own if spared else mutate(own, rng))
        series = f"1.2.{number % len(kinds)}.{uid}"
        rows.append({"series_uid": series, "label": f"labels/{uid}.nii"})
    return rows


def test_no_damaged_dicom_file_crashes_hangs_or_is_lost(fake, tmp_path, ingest):
    rng = random.Random(2026)
    rows = write_damaged(fake, tmp_path / "dicom", DICOM_FILES, rng)
    affine = fake.Series(fake.ramp((6, 5, IN_SERIES))).affine
    labels = np.zeros((6, 5, IN_SERIES), np.uint8)
    labels[1:3, 1:3, 1:3] = 1
    label = fake.nifti(tmp_path / "l.nii", labels, affine)
    for row in rows:
        path = tmp_path / row["label"]
        path.parent.mkdir(exist_ok=True)
        shutil.copy(label, path)
    table = fake.table(tmp_path / "labels.tsv", rows)
    with time_limit(SLOWEST * (1 + DICOM_FILES / 1000)):
        out = ingest(
            dicom=(tmp_path / "dicom",),
            labels=table,
            ingest=IngestConfig(min_voxels=2),
        )
    settled = read_table(out.private / "settled.tsv")
    count = DICOM_FILES + len(rows)
    assert len({row["path"] for row in settled}) == len(settled) == count
    assert sum(out.account.values()) == count
    assert min(out.account[state] for state in ("converted", "quarantined")) > 0
    bugs = [row["reason"] for row in out.excluded if "unexpected" in row["reason"]]
    assert not bugs


def damaged_nifti(fake, folder, count, rng):
    """Write mutated NIfTI files; the rows of their table."""
    folder.mkdir()
    whole = fake.nifti(folder / "whole.nii", fake.ramp((6, 5, 7))).read_bytes()
    fake.nifti(folder / "l.nii", fake.blocks((6, 14, 14))[:, :5, 3:10])
    for number in range(count):
        suffix, shape = ((".nii", bytes), (".nii.gz", gzip.compress))[number % 2]
        # One image under several subjects would be a duplicate.
        content = whole[:-4] + number.to_bytes(4, "little")
        # The header is where it matters.
        damaged = (
            shape(mutate(content[:352], rng) + content[352:])
            if number % 3
            else mutate(shape(content), rng)
        )
        (folder / f"{number}{suffix}").write_bytes(damaged)
        shutil.copy(folder / "l.nii", folder / f"{number}_l.nii")
        yield {
            "subject": number,
            "image": f"{number}{suffix}",
            "label": f"{number}_l.nii",
        }


def test_no_damaged_nifti_file_crashes_hangs_or_is_lost(fake, tmp_path, ingest):
    rng = random.Random(2027)
    count = OTHER_FILES // 2
    rows = list(damaged_nifti(fake, tmp_path / "in", count, rng))
    table = fake.table(tmp_path / "in" / "scans.tsv", rows)
    with time_limit(SLOWEST * (1 + count / 1000)):
        out = ingest(scans=table, ingest=IngestConfig(min_voxels=2))
    assert sum(out.account.values()) == 2 * count
    assert len(out.scans) + len(out.excluded) == count
    assert not [row for row in out.excluded if "unexpected" in row["reason"]]


def test_no_damaged_sidecar_crashes_or_is_lost(fake, tmp_path, ingest):
    rng = random.Random(2028)
    count = OTHER_FILES // 4
    sidecar = {
        "Manufacturer": "Siemens",
        "MagneticFieldStrength": 3,
        "EchoTime": 0.00246,
        "RepetitionTime": 2.3,
        "DeviceSerialNumber": "45193",
    }
    content = json.dumps(sidecar).encode()
    dataset = tmp_path / "bids"
    image = fake.nifti(tmp_path / "i.nii", fake.ramp((6, 5, 7)))
    label = fake.nifti(tmp_path / "l.nii", fake.blocks((6, 14, 14))[:, :5, 3:10])
    for number in range(count):
        folder = dataset / f"sub-{number}" / "anat"
        derived = dataset / "derivatives" / "x" / f"sub-{number}" / "anat"
        folder.mkdir(parents=True)
        derived.mkdir(parents=True)
        shutil.copy(label, derived / f"sub-{number}_dseg.nii")
        # One image under several subjects would be a duplicate.
        (folder / f"sub-{number}_T1w.nii").write_bytes(
            image.read_bytes()[:-4] + number.to_bytes(4, "little")
        )
        (folder / f"sub-{number}_T1w.json").write_bytes(mutate(content, rng))
    with time_limit(SLOWEST * (1 + count / 1000)):
        out = ingest(bids=dataset, ingest=IngestConfig(min_voxels=2))
    assert sum(out.account.values()) == 3 * count
    assert len(out.scans) + len(out.excluded) == count
    assert len(out.scans) > 0
    assert not [row for row in out.excluded if "unexpected" in row["reason"]]


def test_no_damaged_table_crashes(fake, tmp_path):
    rng = random.Random(2029)
    fake.nifti(tmp_path / "i.nii", fake.ramp((6, 5, 7)))
    rows = [
        {"subject": who, "session": "1", "image": f"{who}.nii", "label": "i.nii"}
        for who in ("a", "b", "ç")
    ]
    content = fake.table(tmp_path / "scans.tsv", rows).read_bytes()
    private = tmp_path / "private"
    index, plan = private / "index.jsonl", private / "plan.tsv"
    refused = 0
    with time_limit(SLOWEST):
        for _ in range(OTHER_FILES // 4):
            (tmp_path / "scans.tsv").write_bytes(mutate(content, rng))
            source = InputConfig(scans=tmp_path / "scans.tsv")
            try:
                index_input(index, private=private, input=source)
                plan_scans(
                    index, plan, private=private, input=source, ingest=IngestConfig()
                )
            except MedinormError:
                refused += 1
    assert 0 < refused < OTHER_FILES // 4


def test_no_damaged_archive_crashes_or_is_lost(fake, tmp_path):
    rng = random.Random(2030)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, contents in enumerate(originals(fake)):
            for index, content in enumerate(contents):
                archive.writestr(f"{number}/{index}", content)
    folder = tmp_path / "zip"
    folder.mkdir()
    count = OTHER_FILES // 50
    for number in range(count):
        (folder / f"{number}.zip").write_bytes(mutate(stream.getvalue(), rng))
    index = tmp_path / "private" / "index.jsonl"
    with time_limit(SLOWEST):
        source = InputConfig(dicom=(folder,))
        index_input(index, private=index.parent, input=source)
        plan_scans(
            index,
            index.with_name("plan.tsv"),
            private=index.parent,
            input=source,
            ingest=IngestConfig(),
        )
    rows = read_index(index)
    assert len({row.path for row in rows}) == len(rows)
    assert sum(row.archive is None for row in rows) == count
    settled = {row["path"] for row in read_table(index.with_name("files.tsv"))}
    assert len(settled) == len(rows)


@pytest.mark.parametrize("seed", range(3))
def test_mutations_repeat(seed):
    content = bytes(range(256))
    assert mutate(content, random.Random(seed)) == mutate(content, random.Random(seed))
    assert mutate(content, random.Random(seed)) != content
