import pytest

from medinorm.config import IngestConfig
from medinorm.errors import ReadError
from medinorm.ingest.index import look_through
from medinorm.ingest.plan.dicom_entries import sort_rows
from medinorm.ingest.plan.judge_series import find_parts, frames_of


def parts_of(folder, **ingest):
    entries, _ = sort_rows(look_through([folder]))
    return find_parts(entries, IngestConfig(**ingest))


def test_an_even_stack_is_one_volume(fake, tmp_path):
    fake.save(fake.Series(fake.ramp((6, 6, 4))).datasets(), tmp_path)
    (part,) = parts_of(tmp_path)
    assert (part.key, part.reason, part.wrong, part.numbers) == ("", "", False, None)
    assert len(part.entries) == 4


def test_two_echoes_in_one_file_are_two_volumes_of_its_frames(fake, tmp_path):
    series = fake.Series(fake.ramp((6, 6, 4)))
    datasets = series.datasets()
    for number, ds in enumerate([*datasets, *series.datasets()]):
        ds.EchoTime = 5.0 if number < 4 else 80.0
        ds.SOPInstanceUID = f"1.2.3.{number}"
        fake.save([ds], tmp_path / str(number))
    first, second = parts_of(tmp_path)
    assert first.key != second.key
    assert [len(part.entries) for part in (first, second)] == [4, 4]
    assert not {e.path for e in first.entries} & {e.path for e in second.entries}


def test_frames_of_one_file_go_to_their_volumes(fake, tmp_path):
    series = fake.Series(fake.ramp((6, 6, 4)))
    ds = series.enhanced([*range(4), *range(4)])
    for number, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        echo = type(ds)()
        echo.EffectiveEchoTime = 5.0 if number < 4 else 80.0
        frame.MREchoSequence = [echo]
    del ds.SharedFunctionalGroupsSequence[0].MREchoSequence
    (path,) = fake.save([ds], tmp_path)
    parts = parts_of(tmp_path)
    assert sorted(sorted(part.numbers[path]) for part in parts) == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
    ]


def test_files_of_several_patients_are_wrong(fake, tmp_path):
    datasets = fake.Series(fake.ramp((6, 6, 4))).datasets()
    datasets[0].PatientID = "another"
    fake.save(datasets, tmp_path)
    (part,) = parts_of(tmp_path)
    assert part.wrong
    assert part.reason.startswith("its files name several patients")


@pytest.mark.parametrize(
    ("serials", "reason"),
    [
        (("1", "1", "2", "2"), "its files come from several devices; export the"),
        (("1", "", "1", "1"), ""),
    ],
)
def test_files_of_several_devices_are_wrong(fake, tmp_path, serials, reason):
    """Two devices of one model; a file that does not say is no other device."""
    datasets = fake.Series(fake.ramp((6, 6, 4))).datasets()
    for ds, serial in zip(datasets, serials, strict=True):
        ds.DeviceSerialNumber = serial
    fake.save(datasets, tmp_path)
    (part,) = parts_of(tmp_path)
    assert part.wrong == bool(reason)
    assert part.reason.startswith(reason)


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ({"RescaleSlope": 2, "RescaleIntercept": 0}, "only some slices have a rescale"),
        ({"ScanOptions": ["PFP", "FS"]}, "differ in fat saturation"),
        ({"SliceThickness": 9}, "differ in slice thickness"),
        ({"SequenceVariant": ["SK", "MTC"]}, "differ in sequence variant"),
    ],
)
def test_settings_of_every_second_slice_are_read_from_the_index(
    fake, tmp_path, header, what
):
    datasets = fake.Series(fake.ramp((6, 6, 6))).datasets()
    for ds in datasets:
        ds.SliceThickness, ds.SequenceVariant, ds.ScanOptions = 2, "SK", ["PFP"]
        for keyword in ("RescaleSlope", "RescaleIntercept"):
            ds.pop(keyword, None)
    for ds in datasets[::2]:
        for keyword, value in header.items():
            setattr(ds, keyword, value)
    fake.save(datasets, tmp_path)
    (part,) = parts_of(tmp_path)
    assert part.reason.startswith("mixed_contrast: ")
    assert what in part.reason


def test_a_file_that_lost_frames_is_refused(fake, tmp_path):
    (path,) = fake.save([fake.Series(fake.ramp((6, 6, 4))).datasets()[0]], tmp_path)
    assert len(frames_of([path], [None])) == 1
    with pytest.raises(ReadError, match="has other frames now; plan again"):
        frames_of([path], [[1]])
