from pathlib import Path

import pytest

from medinorm.config import IngestConfig, InputConfig
from medinorm.errors import ReadError
from medinorm.files.atomic import write_json
from medinorm.ingest.convert.readers import DicomReader, NiftiReader
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.plan.candidates import ChannelSource, DicomSource, NiftiSource

NAMES = Pseudonyms(bytes(32))
INPUT = InputConfig(scans=Path("scans.tsv"), channels=("t1", "t2"))


def nifti(folder, **source):
    channels = {name: folder / f"{name}.nii.gz" for name in ("t2", "t1")}
    source = NiftiSource(channels, folder / "label.nii.gz", **source)
    return NiftiReader(source, INPUT, IngestConfig())


def test_channels_come_in_the_order_of_the_study(fake, tmp_path):
    for number, name in enumerate(("t1", "t2")):
        fake.nifti(tmp_path / f"{name}.nii.gz", fake.ramp() + number)
    reader = nifti(tmp_path)
    assert list(reader.inputs) == [
        *("channel t1", "channel t2", "label map", "JSON sidecar"),
    ]
    first, second = reader.image().volume.array
    assert (second - first == 1).all()


def test_of_several_sidecars_the_later_ones_overrule(tmp_path):
    near, far = tmp_path / "near.json", tmp_path / "far.json"
    write_json(far, {"Manufacturer": "GE", "EchoTime": 0.005})
    write_json(near, {"EchoTime": 0.008})
    identity = nifti(tmp_path, metadata=(far, near)).identity(NAMES)
    assert (identity.vendor, identity.echo_time) == ("GE", "0.008")


def test_a_scan_without_sidecars_has_an_unknown_scanner(tmp_path):
    assert set(nifti(tmp_path).identity(NAMES).texts.values()) == {""}


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_sidecar_is_named_by_its_role(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ReadError, match="JSON sidecar: is no JSON"):
        nifti(tmp_path, metadata=(tmp_path / "a.json",)).identity(NAMES)


def test_a_series_is_read_from_its_list(fake, tmp_path):
    series = fake.Series(fake.ramp((6, 6, 4)))
    paths = fake.save(series.datasets(), tmp_path / "in")
    write_json(tmp_path / "series" / "a.json", list(map(str, paths)))
    source = DicomSource("a.json", annotation=tmp_path / "seg.dcm")
    settings = InputConfig(dicom=(tmp_path / "in",)), IngestConfig()
    reader = DicomReader(source, *settings, tmp_path, tmp_path / "unpacked")
    assert reader.inputs == {
        "series": list(paths),
        "label map": [tmp_path / "seg.dcm"],
    }
    assert reader.image().volume.grid == (6, 6, 4)


def test_files_of_each_channel_have_its_role(fake, tmp_path):
    for name in ("a", "b"):
        series = fake.Series(fake.ramp((6, 6, 4)))
        paths = fake.save(series.datasets(), tmp_path / name)
        write_json(tmp_path / "series" / f"{name}.json", list(map(str, paths)))
    label = tmp_path / "seg.dcm"
    named = {"t2": ChannelSource("b.json")}
    source = DicomSource("a.json", annotation=label, others=named)
    settings = IngestConfig(), tmp_path, tmp_path / "unpacked"
    two = InputConfig(dicom=(tmp_path,), channels=("t1", "t2"))
    reader = DicomReader(source, two, *settings)
    assert list(reader.inputs) == ["channel t1", "channel t2", "label map"]
    assert reader.image().volume.array.shape == (2, 6, 6, 4)
    other = InputConfig(dicom=(tmp_path,), channels=("t1", "t3"))
    with pytest.raises(ReadError, match="planned with other channels; plan again"):
        DicomReader(source, other, *settings).image()
