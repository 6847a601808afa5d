import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from scipy.spatial.transform import Rotation

from medinorm.errors import GeometryError, ReadError, ScanError
from medinorm.ingest.dicom.frames import read_frames
from medinorm.ingest.dicom.volume import read_series_part
from tests.ingest.corpus.cases import CASES
from tests.ingest.reading import read_series

SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
OBLIQUE = tuple(
    map(
        tuple, Rotation.from_euler("xyz", [12, -31, 47], degrees=True).as_matrix().T[:2]
    )
)


def assert_truth(volume, series, array=None):
    expected = series.array if array is None else array
    np.testing.assert_array_equal(volume.array[0], expected)
    np.testing.assert_allclose(volume.affine, series.affine, atol=1e-5)


@pytest.mark.parametrize("directions", [None, SAGITTAL, CORONAL, OBLIQUE])
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8])
def test_voxels_and_places_are_exact(fake, tmp_path, directions, dtype):
    series = fake.Series(fake.ramp(dtype=dtype))
    if directions:
        series.directions = directions
    # File names are in another order than slices.
    volume = read_series(sorted(fake.save(series.datasets(), tmp_path)))
    assert_truth(volume, series)


def test_order_of_files_does_not_matter(fake, tmp_path):
    series = fake.Series(fake.ramp(), directions=OBLIQUE)
    paths = fake.save(series.datasets(), tmp_path)
    shuffled = [paths[i] for i in np.random.default_rng(0).permutation(len(paths))]
    assert_truth(read_series(shuffled), series)


def test_negative_values_stay_negative(fake, tmp_path):
    series = fake.Series(fake.ramp() - np.int16(900))
    assert_truth(read_series(fake.save(series.datasets(), tmp_path)), series)


def test_each_slice_has_its_own_slope(fake, tmp_path):
    series = fake.Series(fake.ramp())
    datasets = series.datasets()
    slopes = 0.5 + np.arange(len(datasets)) / 7
    for ds, slope in zip(datasets, slopes, strict=True):
        ds.RescaleSlope, ds.RescaleIntercept = f"{slope:.12g}", "-3.5"
    volume = read_series(fake.save(datasets, tmp_path))
    np.testing.assert_allclose(volume.array[0], series.array * slopes - 3.5, rtol=1e-6)
    assert volume.array.dtype == np.float32


def test_a_contrast_beside_a_large_intercept_is_not_rounded_away(fake, tmp_path):
    header = {"RescaleSlope": "0.01", "RescaleIntercept": "1000000"}
    series = fake.Series(fake.ramp(), header=header)
    volume = read_series(fake.save(series.datasets(), tmp_path))
    assert len(np.unique(volume.array)) == len(np.unique(series.array))


def test_whole_intercept_keeps_whole_numbers(fake, tmp_path):
    series = fake.Series(
        fake.ramp(dtype=np.uint16),
        header={"RescaleSlope": "1", "RescaleIntercept": "-1024"},
    )
    volume = read_series(fake.save(series.datasets(), tmp_path))
    assert volume.array.dtype == np.int16
    assert_truth(volume, series, series.array.astype(int) - 1024)


def test_files_may_store_their_values_in_several_types(fake, tmp_path):
    low, high = fake.ramp() - np.int16(900), fake.ramp(dtype=np.uint16) + 60000
    series, other = fake.Series(low), fake.Series(high.astype(np.uint16))
    datasets = [*series.datasets()[:9], *other.datasets()[9:]]
    truth = np.concatenate([low[..., :9], high[..., 9:]], axis=2, dtype=np.int32)
    for order in (1, -1):
        files = fake.save(datasets[::order], tmp_path / str(order))
        assert_truth(read_series(files), series, truth)


def test_values_beyond_two_bytes_are_kept(fake, tmp_path):
    array = fake.ramp(dtype=np.uint16)
    array[0, 0, 0] = 65535
    series = fake.Series(array, header={"RescaleSlope": 1, "RescaleIntercept": -10})
    volume = read_series(fake.save(series.datasets(), tmp_path))
    assert_truth(volume, series, array.astype(int) - 10)


@pytest.mark.parametrize("preamble", [True, False])
def test_files_without_preamble_are_read(fake, tmp_path, preamble):
    series = fake.Series(fake.ramp())
    paths = fake.save(series.datasets(), tmp_path, preamble=preamble, suffix="")
    if not preamble:
        for path in paths:
            content = path.read_bytes()
            start = content.index(b"DICM") + 4 if content[128:132] == b"DICM" else 0
            path.write_bytes(content[start:])
    assert_truth(read_series(paths), series)


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
    ids=lambda uid: uid.name.split(" ")[0],
)
def test_transfer_syntaxes(fake, tmp_path, syntax):
    # The JPEG 2000 encoder wants more than 32 rows.
    series = fake.Series(fake.ramp((40, 48, 3), dtype=np.uint16))
    datasets = series.datasets()
    for ds in datasets:
        if syntax.is_compressed and syntax != DeflatedExplicitVRLittleEndian:
            ds.compress(syntax, generate_instance_uid=False)
        ds.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            ds.PixelData = series_bytes_swapped(ds)
            ds["PixelData"].VR = "OW"
    paths = []
    for number, ds in enumerate(datasets):
        path = tmp_path / f"{number}.dcm"
        pydicom.dcmwrite(
            path,
            ds,
            implicit_vr=syntax.is_implicit_VR,
            little_endian=syntax.is_little_endian,
            force_encoding=True,
        )
        paths.append(path)
    assert_truth(read_series(paths), series)


def series_bytes_swapped(ds):
    """Pixel bytes the way a big endian file holds them."""
    return np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()


def test_enhanced_frames_in_any_order(fake, tmp_path):
    series = fake.Series(fake.ramp(), directions=OBLIQUE)
    order = np.random.default_rng(3).permutation(series.array.shape[2])
    path = fake.save([series.enhanced([int(i) for i in order])], tmp_path)
    index = np.arange(series.array.shape[2])
    volume = read_series(path)
    assert_truth(volume, series, series.array.astype(int) * (1 + index) - index)


def test_enhanced_with_missing_frame_is_refused(fake, tmp_path):
    series = fake.Series(fake.ramp())
    order = [i for i in range(series.array.shape[2]) if i != 6]
    with pytest.raises(GeometryError, match="missing_slices: 1 missing"):
        read_series(fake.save([series.enhanced(order)], tmp_path))


def test_enhanced_with_wrong_frame_count_is_refused(fake, tmp_path):
    series = fake.Series(fake.ramp())
    ds = series.enhanced(list(range(series.array.shape[2])))
    ds.NumberOfFrames = 5
    with pytest.raises(ReadError, match="frames and their descriptions"):
        read_series(fake.save([ds], tmp_path))


def broken(fake, change):
    """A series in which `change` did something to the datasets."""
    datasets = fake.Series(fake.ramp(dtype=np.uint16)).datasets()
    return change(datasets) or datasets


def without_slice(datasets):
    return datasets[:5] + datasets[6:]


def repeated_slice(datasets):
    return [*datasets, datasets[4]]


def without_position(datasets):
    del datasets[3].ImagePositionPatient


def coloured(datasets):
    for ds in datasets:
        ds.PhotometricInterpretation = "RGB"
        ds.SamplesPerPixel, ds.PlanarConfiguration = 3, 0


def truncated(datasets):
    datasets[7].PixelData = datasets[7].PixelData[:100]


def without_pixels(datasets):
    del datasets[7].PixelData


def beyond_declared_bits(datasets):
    for ds in datasets:
        ds.BitsStored, ds.HighBit = 8, 7


def odd_bits(datasets):
    for ds in datasets:
        ds.BitsStored, ds.HighBit = 12, 15


def hidden_frames(datasets):
    datasets[3].NumberOfFrames = 2
    datasets[3].PixelData *= 2


def useless_slope(datasets):
    datasets[2].RescaleSlope, datasets[2].RescaleIntercept = 0, 0


def lookup_table(datasets):
    datasets[0].ModalityLUTSequence = [pydicom.Dataset()]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_slice, "missing_slices: 1 missing, the first after slice 5 of 16"),
        (repeated_slice, "duplicate: 1 of 18"),
        (without_position, "no_geometry"),
        (coloured, "colours"),
        (truncated, "pixels are truncated"),
        (without_pixels, "pixels are truncated"),
        (beyond_declared_bits, "exceed the bits"),
        (hidden_frames, "pixels and header differ"),
        (odd_bits, "laid out in an outdated way"),
        (useless_slope, "slope or intercept"),
        (lookup_table, "lookup table"),
    ],
)
def test_bad_series_are_refused_by_reason(fake, tmp_path, change, reason):
    paths = fake.save(broken(fake, change), tmp_path)
    with pytest.raises(ScanError, match=reason):
        read_series(paths)


def test_tilted_gantry_is_refused(fake, tmp_path):
    series = fake.Series(fake.ramp(), step=np.array([0.0, 0.7, 2.0]))
    with pytest.raises(GeometryError, match="tilt"):
        read_series(fake.save(series.datasets(), tmp_path))


def test_overlays_in_spare_bits_are_cleared(fake, tmp_path):
    array = fake.ramp(dtype=np.uint16) % 4096
    series = fake.Series(array | 0x8000)
    datasets = series.datasets()
    for ds in datasets:
        ds.BitsStored, ds.HighBit = 12, 11
        ds.add_new((0x6000, 0x0100), "US", 16)
        ds.add_new((0x6000, 0x0102), "US", 15)
    assert_truth(read_series(fake.save(datasets, tmp_path)), series, array)


def cut(path):
    path.write_bytes(path.read_bytes()[:300])


def emptied(path):
    path.write_bytes(b"")


def overwritten(path):
    path.write_bytes(b"not what it was, but long enough to be looked at" * 9)


@pytest.mark.parametrize("damage", [cut, emptied, overwritten])
def test_file_damaged_after_planning_is_refused(fake, tmp_path, damage):
    paths = fake.save(fake.Series(fake.ramp()).datasets(), tmp_path)
    damage(paths[4])
    with pytest.raises(ScanError):
        read_series(paths)


def test_of_a_large_file_only_the_wanted_images_are_held(tmp_path, monkeypatch):
    CASES["multi-frame, two echoes, interleaved"].write(tmp_path)
    (path,) = tmp_path.iterdir()
    monkeypatch.setattr("medinorm.ingest.dicom.volume.read_pixels", None)
    frames = read_frames(path)
    for truth, part in zip(
        CASES["multi-frame, two echoes, interleaved"].volumes,
        (frames[::2], frames[1::2]),
        strict=True,
    ):
        np.testing.assert_array_equal(
            read_series_part(part).volume.array[0], truth.array
        )
