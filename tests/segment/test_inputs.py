"""Each input goes to its flag, and anything else is one line with its remedy."""

import pytest

from medinorm.errors import StageError
from medinorm.segment.inputs import (
    NamedInput,
    check_folders,
    check_output,
    check_places,
    choose_input,
)
from tests.ingest.conftest import Fake, ramp, save

LABELS = {1: "shell", 2: "core"}


def choose(tmp_path, channels=("T1w",), **named):
    return choose_input(NamedInput(**named), channels, LABELS, tmp_path / "p")


def test_each_kind_is_the_input_of_a_study(tmp_path):
    image = tmp_path / "a" / "x.nii.gz"
    image.parent.mkdir()
    image.touch()
    for images in ([image], [image.parent]):
        chosen = choose(tmp_path, images=images)
        assert chosen.scans.read_text().splitlines()[1] == f"x\t{image}"
    assert choose(tmp_path, scans=tmp_path / "t.tsv").scans == tmp_path / "t.tsv"
    save(Fake(ramp((4, 4, 3))).datasets(), tmp_path / "d")
    chosen = choose(tmp_path, dicom=[tmp_path / "d"])
    assert chosen.dicom == (tmp_path / "d",)
    assert chosen.named_labels == LABELS


@pytest.mark.parametrize(
    ("flag", "name", "remedy"),
    [
        ("images", "scan.dcm", "give DICOM files, their folders and ZIP archives to"),
        ("images", "scans.zip", "to --dicom"),
        ("images", "nothing.nii", "1 of 1 does not exist"),
        ("dicom", "scan.nii.gz", "to --images"),
        ("scans", "scan.nii.gz", "not a table; give it to --images"),
    ],
)
def test_any_other_input_is_one_line_with_its_remedy(tmp_path, flag, name, remedy):
    path = tmp_path / "in" / name
    path.parent.mkdir()
    if not name.startswith("nothing"):
        path.touch()
    for wrong in (path, path.parent) if flag == "dicom" else (path,):
        with pytest.raises(StageError) as error:
            choose(tmp_path, **{flag: wrong if flag == "scans" else [wrong]})
        (line,) = str(error.value).splitlines()
        assert remedy in line
        assert name not in line
        assert str(tmp_path) not in line
    assert not (tmp_path / "p").exists()


def test_channels_and_flags_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(StageError, match="columns T1w, T2w"):
        choose(tmp_path, ("T1w", "T2w"), images=[tmp_path])
    with pytest.raises(StageError, match="give folders of DICOM to --dicom"):
        choose(tmp_path, images=[tmp_path])
    for named in ({}, {"images": [tmp_path], "dicom": [tmp_path]}):
        with pytest.raises(StageError, match="name one input"):
            choose(tmp_path, **named)


def test_what_is_written_does_not_lie_among_the_images(tmp_path):
    images, outside = tmp_path / "images", tmp_path / "out"
    check_places([images], outside, tmp_path / "private")
    check_places([images / "one.nii.gz"], images / "out", images / "private")
    for places in ((images, outside), (images / "out", outside)):
        with pytest.raises(StageError, match="--output: lies in a folder of images"):
            check_places([images], *places)
        with pytest.raises(StageError, match="--private: lies in a folder of images"):
            check_places([images], *places[::-1])


def test_no_file_of_the_user_or_the_bundle_is_written_over(tmp_path):
    table, bundle = tmp_path / "data" / "scans.tsv", tmp_path / "bundle"
    table.parent.mkdir()
    table.touch()
    check_output(tmp_path / "out", [table], bundle)
    check_output(tmp_path / "data" / "out", [table], bundle)
    for folder in (tmp_path, tmp_path / "data", tmp_path / "data" / ".." / "data"):
        with pytest.raises(StageError, match="table of scans lies in it"):
            check_output(folder, [table], tmp_path / "elsewhere")
    for folder in (bundle, bundle / "models"):
        with pytest.raises(StageError, match="lies in the bundle"):
            check_output(folder, [], bundle)
    folders = {"--output": tmp_path / "out", "--private": tmp_path / "private"}
    images = NamedInput(images=[tmp_path / "scan.nii"])
    check_folders(images, None, *folders.values(), bundle)
    for flag in folders:
        with pytest.raises(StageError, match=f"{flag}: is a file"):
            check_folders(images, None, *(folders | {flag: table}).values(), bundle)
    for named, like in ((NamedInput(scans=table), None), (images, table)):
        with pytest.raises(StageError, match="table of scans lies in it"):
            check_folders(named, like, tmp_path / "data", tmp_path / "private", bundle)


def test_an_input_that_is_not_there_is_named_by_its_flag(tmp_path):
    missing, folders = tmp_path / "missing", [tmp_path / name for name in "abc"]
    with pytest.raises(StageError, match="--dicom: 1 of 2 does not exist"):
        check_folders(NamedInput(dicom=[tmp_path, missing]), None, *folders)
    with pytest.raises(StageError, match="--scans: the table does not exist"):
        check_folders(NamedInput(scans=missing), None, *folders)
