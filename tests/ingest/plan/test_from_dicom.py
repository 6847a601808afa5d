import os
import zipfile

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    CTImageStorage,
    MediaStorageDirectoryStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from medinorm.errors import StageError
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.index import look_through
from medinorm.ingest.plan.from_dicom import find_dicom_scans

NAMES = Pseudonyms(bytes(32))


def find(folder, labels=None, names=NAMES):
    return find_dicom_scans(look_through([folder]), labels, "image", names)


def table(fake, tmp_path, *rows):
    return fake.table(tmp_path / "labels.tsv", list(rows))


def reasons(inventory):
    return sorted(
        row.reason
        for row in inventory.candidates
        if row.kind in {"excluded", "quarantined"}
    )


def usable(inventory):
    return [row for row in inventory.candidates if row.kind == "dicom"]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "dicom"


def test_series_are_told_apart_in_one_heap(fake, tmp_path, folder):
    many = [fake.Series(fake.ramp((6, 6, 4))) for _ in range(3)]
    datasets = [ds for series in many for ds in series.datasets()]
    fake.save(datasets, folder, suffix="")
    labels = table(fake, tmp_path, *({"series_uid": s.uid, "label": "x"} for s in many))
    found = find(folder, labels)
    assert sorted(map(len, found.series.values())) == [4, 4, 4]
    assert {row.source.files for row in usable(found)} == set(found.series)
    assert len({row.scan for row in usable(found)}) == 3
    assert len({row.subject for row in usable(found)}) == 1


def test_nested_folders_junk_and_links(fake, tmp_path, folder):
    series = fake.Series(fake.ramp((6, 6, 4)))
    first, second, third, fourth = series.datasets()
    fake.save([first, second], folder / "a" / "b" / "c")
    fake.save([third], folder / "a", preamble=False)
    fake.save([fourth], folder / "other" / "deep", suffix="")
    (folder / "a" / "readme.txt").write_text("text")
    (folder / "a" / "empty").touch()
    (folder / "a" / "cut.dcm").write_bytes(b"\0" * 128 + b"DICM\x02\0")
    (folder / "loop").symlink_to(folder)
    (folder / "copy.dcm").symlink_to(next((folder / "a" / "b" / "c").iterdir()))
    labels = table(fake, tmp_path, {"series_uid": series.uid, "label": "x.nii"})
    found = find(folder, labels)
    (row,) = usable(found)
    assert len(found.series[row.source.files]) == 4
    states = {file.path.name: (file.state, file.reason) for file in found.files}
    assert states["readme.txt"] == ("excluded", "not DICOM")
    assert states["empty"][0] == "unreadable"
    assert states["cut.dcm"][0] in {"excluded", "unreadable"}
    assert states["loop"][0] == "unreadable"
    assert len(found.files) == 4 + 3 + 1 + 1  # series, junk, link, label map


def test_closed_folders_are_told(fake, folder, monkeypatch):
    def guarded(path, scandir=os.scandir):
        if os.path.basename(path) == "closed":  # noqa: PTH119 - what os.walk passes
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    fake.save(fake.Series(fake.ramp((6, 6, 4))).datasets(), folder)
    (folder / "closed").mkdir()
    monkeypatch.setattr(os, "scandir", guarded)
    found = find(folder)
    assert [f.path.name for f in found.files if f.state == "unreadable"] == ["closed"]


def test_missing_folder(tmp_path):
    with pytest.raises(StageError, match=r"input\.dicom: folder 1 of 1 does not exist"):
        find(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "a localizer"),
        ({"ImageType": ["DERIVED", "SECONDARY", "CT_SOM5 PROT"]}, "a dose or protocol"),
        ({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, "derived map"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MIP"]}, "projection"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, "phase"),
        ({"SOPClassUID": SecondaryCaptureImageStorage}, "a secondary capture"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.22"}, "a report"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}, "not an MR, CT or PET"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2"}, "a radiotherapy object"),
        ({"BurnedInAnnotation": "YES"}, "text is drawn into the pixels"),
    ],
)
def test_what_is_no_scan_is_left_out(fake, tmp_path, folder, header, reason):
    series = fake.Series(fake.ramp((6, 6, 4)), header=header)
    fake.save(series.datasets(), folder)
    found = find(
        folder, table(fake, tmp_path, {"series_uid": series.uid, "label": "x"})
    )
    assert not usable(found)
    assert reason in reasons(found)[0]
    assert {file.state for file in found.files} <= {"excluded", "quarantined"}


def test_echoes_and_image_types_are_volumes_of_their_own(fake, tmp_path, folder):
    uid = generate_uid()[:50]
    for number, header in enumerate(
        [
            {"EchoTime": 5},
            {"EchoTime": 10},
            {"ImageType": ["ORIGINAL", "PRIMARY", "M", "NORM"]},
            {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
        ]
    ):
        series = fake.Series(fake.ramp((6, 6, 4)), header=header, uid=uid)
        fake.save(series.datasets(), folder / str(number))
    found = find(folder, table(fake, tmp_path, {"series_uid": uid, "label": "x"}))
    assert [len(found.series[row.source.files]) for row in usable(found)] == [4, 4, 4]
    assert len({row.scan for row in usable(found)}) == 3
    assert len(reasons(found)) == 1


TURNED = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))


def test_each_direction_is_a_volume(fake, tmp_path, folder):
    uid = generate_uid()[:50]
    for number, directions in enumerate((((1.0, 0, 0), (0, 1.0, 0)), TURNED)):
        series = fake.Series(fake.ramp((6, 6, 4)), uid=uid, directions=directions)
        fake.save(series.datasets(), folder / str(number))
    found = find(folder, table(fake, tmp_path, {"series_uid": uid, "label": "x"}))
    assert [len(found.series[row.source.files]) for row in usable(found)] == [4, 4]
    assert sorted(file.state for file in found.files) == ["part"] * 8 + ["used"]


def test_a_stray_slice_of_another_direction_holds_all_back(fake, tmp_path, folder):
    """Two slices cannot show that they belong together."""
    uid = generate_uid()[:50]
    fake.save(fake.Series(fake.ramp((6, 6, 4)), uid=uid).datasets(), folder / "a")
    turned = fake.Series(fake.ramp((6, 6, 2)), uid=uid, directions=TURNED)
    fake.save(turned.datasets(), folder / "b")
    found = find(folder, table(fake, tmp_path, {"series_uid": uid, "label": "x"}))
    (row,) = [row for row in found.candidates if row.kind == "quarantined"]
    assert row.reason.startswith("mixed_orientation: ")


def test_one_volume_with_uneven_headers_is_not_torn(fake, tmp_path, folder):
    """Each half would be an even stack of every other slice: silently wrong."""
    series = fake.Series(fake.ramp((6, 6, 8)))
    datasets = series.datasets()
    for ds in datasets[::2]:
        ds.EchoTime = 2.6
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "NORM"]
    fake.save(datasets, folder)
    found = find(
        folder, table(fake, tmp_path, {"series_uid": series.uid, "label": "x"})
    )
    assert [len(found.series[row.source.files]) for row in usable(found)] == [8]


def test_archives_and_indexes_are_told(fake, folder):
    folder.mkdir()
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("a.dcm", b"x" * 300)
    index = fake.Series(fake.ramp((6, 6, 2))).dataset(0)
    index.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    for keyword in ("SOPClassUID", "SeriesInstanceUID"):
        delattr(index, keyword)
    pydicom.dcmwrite(folder / "DICOMDIR", index)
    states = {file.path.name: file.reason for file in find(folder).files}
    assert states == {
        "export.zip": "an archive; the files in it are counted one by one",
        "a.dcm": "not DICOM",
        "DICOMDIR": "an index of files (DICOMDIR)",
    }


def test_one_series_of_two_patients_is_left_out(fake, tmp_path, folder):
    uid = generate_uid()[:50]
    for who in ("a", "b"):
        series = fake.Series(fake.ramp((6, 6, 4)), uid=uid, header={"PatientID": who})
        fake.save(series.datasets()[:2], folder / who)
    found = find(folder, table(fake, tmp_path, {"series_uid": uid, "label": "x"}))
    assert reasons(found) == [
        "its files name several patients or studies; export the series again"
    ]


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ({"Modality": "CT", "SOPClassUID": CTImageStorage}, "kind of image"),
        ({"FrameOfReferenceUID": "1.2.3.4.5.7"}, "frame of reference"),
    ],
)
def test_files_that_cannot_be_one_volume_are_held_back(
    fake, tmp_path, folder, header, what
):
    """Their positions would make an even stack."""
    series = fake.Series(fake.ramp((6, 6, 6)))
    datasets = series.datasets()
    for ds in datasets[3:]:
        ds.update(header)
    fake.save(datasets, folder)
    found = find(
        folder, table(fake, tmp_path, {"series_uid": series.uid, "label": "x"})
    )
    (row,) = [row for row in found.candidates if row.kind == "quarantined"]
    assert row.reason.startswith(f"its files differ in their {what}; ")
    assert not usable(found)


def test_without_patient_number_each_study_is_somebody_else(fake, tmp_path, folder):
    rows = []
    for study in ("1.5", "1.6"):
        header = {"PatientID": "", "StudyInstanceUID": study}
        series = fake.Series(fake.ramp((6, 6, 4)), header=header)
        fake.save(series.datasets(), folder / study)
        rows.append({"series_uid": series.uid, "label": study})
    found = usable(find(folder, table(fake, tmp_path, *rows)))
    assert len({row.subject for row in found}) == 2


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"subject": "patient-1"}], None),
        ([{"subject": "patient-1", "session": "1.2.3.4.5"}], None),
        ([{"subject": "patient-1", "session": "20200101"}], None),
        ([{"subject": "patient-1", "session": "20200102"}], "no label map belongs"),
        ([{"subject": "somebody"}], "no label map belongs"),
        ([{"subject": "patient-1"}, {"subject": "patient-1"}], "several label maps"),
    ],
)
def test_label_table_by_subject(fake, tmp_path, folder, rows, expected):
    series = fake.Series(fake.ramp((6, 6, 4)), header={"StudyDate": "20200101"})
    fake.save(series.datasets(), folder)
    rows = [row | {"label": f"{n}.nii", "hand": "me"} for n, row in enumerate(rows)]
    found = find(folder, table(fake, tmp_path, *rows))
    if expected is None:
        (row,) = usable(found)
        assert row.source.label == tmp_path / "0.nii"
        assert row.source.columns == {"hand": "me"}
    else:
        assert not usable(found)
        assert any(expected in reason for reason in reasons(found))


def test_one_label_map_for_two_patients_is_refused(fake, tmp_path, folder):
    rows = []
    for who in ("a", "b"):
        series = fake.Series(fake.ramp((6, 6, 4)), header={"PatientID": who})
        fake.save(series.datasets(), folder / who)
        rows.append({"series_uid": series.uid, "label": "same.nii"})
    found = find(folder, table(fake, tmp_path, *rows))
    assert reasons(found) == ["its label map is named for another patient too"] * 2


def test_lines_without_a_series_are_told(fake, tmp_path, folder):
    fake.save(fake.Series(fake.ramp((6, 6, 4))).datasets(), folder)
    found = find(folder, table(fake, tmp_path, {"series_uid": "9.9", "label": "x"}))
    (row,) = [row for row in found.candidates if row.where == "input.labels, line 2"]
    assert row.reason == "no DICOM series fits this line; correct its key"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("series_uid\n1\n", "column 'label' is missing"),
        ("label\nx\n", "needs a column series_uid or subject"),
        ("label\tsubject\n", "has no rows"),
        ("label\tsubject\timage\na\tb\tc\n", "column 'image'"),
    ],
)
def test_unusable_label_tables(tmp_path, folder, text, problem):
    folder.mkdir()
    (tmp_path / "labels.tsv").write_text(text)
    with pytest.raises(StageError, match=problem):
        find(folder, tmp_path / "labels.tsv")


def test_ids_are_stable_when_series_are_added(fake, tmp_path, folder):
    first = fake.Series(fake.ramp((6, 6, 4)))
    fake.save(first.datasets(), folder / "z")
    labels = table(fake, tmp_path, {"subject": "patient-1", "label": "x"})
    (before,) = usable(find(folder, labels))
    fake.save(fake.Series(fake.ramp((6, 6, 4))).datasets(), folder / "a")
    after = usable(find(folder, labels))
    assert len(after) == 2
    assert before.scan in {row.scan for row in after}


def test_ids_of_parts_are_stable_when_parts_are_added(fake, tmp_path, folder):
    labels = table(fake, tmp_path, {"subject": "patient-1", "label": "x"})
    seen = []
    for echo in (20, 10, 5):
        series = fake.Series(fake.ramp((6, 6, 4)), uid="1.7", header={"EchoTime": echo})
        fake.save(series.datasets(), folder / str(echo))
        seen.append({row.scan for row in usable(find(folder, labels))})
    assert [len(scans) for scans in seen] == [1, 2, 3]
    assert seen[1] < seen[2]


def test_real_series_are_all_accounted_for(real_dicom):
    found = find(real_dicom)
    there = [path for path in real_dicom.rglob("*") if path.is_file()]
    assert len(found.files) == len(there)
    by_folder = {}
    for file in found.files:
        folder = file.path.relative_to(real_dicom).parts
        by_folder.setdefault("/".join(folder[:3]), set()).add(file.reason)
    assert any("no label map" in r for r in by_folder["nih/In/20180918Si"])
    assert any("secondary capture" in r for r in by_folder["vendors/generic/rgb"])
    assert any("no label map" in r for r in by_folder["nih/In/20180918GE"])


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_every_file_has_exactly_one_state(fake, tmp_path_factory, data):
    """The accounting law, for any heap of series, junk and damage."""
    folder = tmp_path_factory.mktemp("heap")
    types = st.sampled_from(
        [
            ["ORIGINAL", "PRIMARY", "M"],
            ["ORIGINAL", "PRIMARY", "LOCALIZER"],
            ["DERIVED"],
        ]
    )
    for number in range(data.draw(st.integers(0, 4))):
        header = {
            "ImageType": data.draw(types),
            "EchoTime": data.draw(st.integers(1, 2)),
        }
        series = fake.Series(
            fake.ramp((4, 4, 3)), uid=f"1.{data.draw(st.integers(1, 2))}", header=header
        )
        paths = fake.save(series.datasets(), folder / str(number))
        size = data.draw(st.integers(0, 600))
        paths[0].write_bytes(paths[0].read_bytes()[:size])
    for number in range(data.draw(st.integers(0, 3))):
        (folder / f"junk{number}").write_bytes(data.draw(st.binary(max_size=300)))
    found = find(folder)
    there = sorted(path for path in folder.rglob("*") if path.is_file())
    assert sorted(file.path for file in found.files) == there
    assert all(bool(file.reason) == (file.state != "used") for file in found.files)
