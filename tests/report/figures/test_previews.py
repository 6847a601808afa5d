import base64
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import medinorm.report
from medinorm.config import TaskConfig
from medinorm.files.nifti import Volume, read_volume, write_volume
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.files.tables import read_table, write_table
from medinorm.report.figures.previews import (
    COLOURS,
    GAP,
    SIDE,
    compose_layers,
    draw_previews,
    measure,
    read_measures,
)

TASK = TaskConfig(label_values={1: "shell", 2: "core"})


@pytest.fixture
def draw(small_study):
    """Draw one shard of the small study."""

    def run(shard=0, shards=1, task=TASK):
        status = small_study.folder / f"status-{shard}.tsv"
        folder = small_study.folder / "previews"
        draw_previews(
            small_study.scans,
            small_study.canonical,
            folder,
            status,
            shard=shard,
            shards=shards,
            input=task,
        )
        return folder, read_table(status)

    return run


@pytest.fixture(autouse=True)
def contents(request):
    """Give each scan of the small study a checksum of its own."""
    if "small_study" in request.fixturenames:
        scans = request.getfixturevalue("small_study").scans
        rows = read_table(scans)
        for row in rows:
            row["content"] = f"content of {row['scan']}"
        write_table(scans, rows, list(rows[0]))


def block(low=(8, 6, 4), high=(14, 12, 8), spacing=(1.0, 2.0, 3.0)):
    """An image and a label map with a block."""
    label = np.zeros((1, 20, 18, 14), np.uint8)
    inside = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    label[(0, *inside)] = 2
    noise = np.random.default_rng(0).uniform(0, 60, label.shape)
    image = noise + 90.0 * (label > 0)
    affine = np.diag([*spacing, 1.0])
    return Volume(image.astype(np.float32), affine), Volume(label, affine)


def test_each_plane_fills_its_square_in_true_proportions():
    image, label = block()
    shown, outlines = compose_layers(image, label, [1, 2])
    assert shown.shape == outlines.shape
    assert shown.shape == (SIDE, 3 * SIDE + 2 * GAP)
    # 20 x 36 x 42 mm: the axial slice is 20 mm wide and 36 mm tall.
    axial = shown[:, 2 * (SIDE + GAP) :] > 0
    height, width = (np.ptp(np.flatnonzero(axial.any(axis=k))) + 1 for k in (1, 0))
    assert height == pytest.approx(SIDE * 36 / 42, abs=2)
    assert width == pytest.approx(SIDE * 20 / 42, abs=2)


def test_outlines_lie_where_the_label_ends():
    image, label = block()
    _, shown = compose_layers(image, label, [1, 2])
    core = shown == 2
    axial = core[:, 2 * (SIDE + GAP) :]
    rows, columns = np.nonzero(axial)
    scale = SIDE / 42  # pixels per mm
    left = SIDE / 2 - 10 * scale
    # 8 to 14 mm from the left side of the body, which is to the right.
    assert columns.min() == pytest.approx(left + 6 * scale, abs=1.5)
    assert columns.max() == pytest.approx(left + 12 * scale, abs=1.5)
    assert not axial[rows.min() + 2 : rows.max() - 1, columns.mean().astype(int)].any()


def test_measures_are_those_of_the_block():
    image, label = block()
    measures = measure(image, label, {1: "shell", 2: "core"})
    assert measures.grid == (20, 18, 14)
    assert measures.spacing == (1.0, 2.0, 3.0)
    assert measures.volumes == {"shell": 0.0, "core": 6 * 6 * 4 * 6 / 1000}
    assert measures.at_edge == ()
    _, cut = block(low=(0, 6, 4))
    assert measure(image, cut, {2: "core"}).at_edge == ("core",)


def test_every_scan_gets_a_preview_and_stays_current(draw, small_study):
    folder, rows = draw()
    assert [row["state"] for row in rows] == ["ok"] * 8
    for scan in small_study.ids:
        with Image.open(folder / f"{scan}.png") as image:
            assert image.size == (3 * SIDE + 2 * GAP, SIDE)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert draw() == (folder, rows)
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_outlines_are_a_clear_image_of_the_same_size(draw, small_study):
    folder, _ = draw()
    preview = folder / f"{small_study.ids[0]}.png"
    code = base64.b64decode(read_measures(preview).outlines)
    with Image.open(BytesIO(code)) as lines, Image.open(preview) as grey:
        assert lines.size == grey.size
        shown = np.asarray(lines.convert("RGBA"))
        assert set(np.unique(shown[..., 3])) == {0, 255}
        assert len(np.unique(shown[shown[..., 3] > 0][:, :3], axis=0)) <= 2
        plain = np.asarray(grey.convert("RGB"))
    assert (np.ptp(plain, axis=2) == 0).all()  # no line is left in it


def test_other_labels_or_other_content_draw_anew(draw, small_study):
    folder, _ = draw()
    draw(task=TaskConfig(label_values={1: "outer", 2: "core"}))
    measures = read_measures(folder / f"{small_study.ids[0]}.png")
    assert set(measures.volumes) == {"outer", "core"}


def test_shards_share_the_work(draw, small_study):
    parts = [draw(shard, 3)[1] for shard in range(3)]
    assert sorted(row["scan"] for part in parts for row in part) == sorted(
        small_study.ids
    )


def test_a_damaged_scan_is_a_row_and_leaves_no_preview(draw, small_study):
    folder, _ = draw()
    scan = small_study.ids[0]
    rows = read_table(small_study.scans)
    rows[0]["content"] = "changed"
    write_table(small_study.scans, rows, list(rows[0]))
    path = small_study.canonical / f"{scan}_dseg.nii.gz"
    path.write_bytes(path.read_bytes()[:100])
    write_sidecar(path, Provenance({}, {}))
    _, status = draw()
    assert "truncated" in status[0]["reason"]
    assert not (folder / f"{scan}.png").exists()


def test_withdrawn_scans_leave_no_preview(draw, small_study):
    folder, _ = draw()
    rows = read_table(small_study.scans)
    write_table(small_study.scans, rows[1:], list(rows[0]))
    draw()
    assert len(list(folder.glob("*.png"))) == 7


def test_what_ingest_changed_is_kept(draw, small_study):
    path = small_study.canonical / f"{small_study.ids[0]}.nii.gz"
    write_sidecar(path, Provenance({}, {}), {"GeometryChanges": ["dropped 2"]})
    folder, _ = draw()
    measures = read_measures(folder / f"{small_study.ids[0]}.png")
    assert measures.changes == ("dropped 2",)


def test_a_label_map_on_another_grid_is_refused(draw, small_study):
    path = small_study.canonical / f"{small_study.ids[0]}_dseg.nii.gz"
    volume = read_volume(path)
    moved = volume.affine.copy()
    moved[0, 3] += 3
    write_volume(Volume(volume.array, moved), path)
    write_sidecar(path, Provenance({}, {}))
    _, status = draw()
    assert "different grids" in status[0]["reason"]


def test_there_is_a_colour_for_each_of_the_style_sheet():
    sheet = (
        Path(medinorm.report.__file__).parent / "pages" / "figures.css"
    ).read_text()
    assert len(set(re.findall(r"\.label-\d", sheet))) == len(COLOURS)
