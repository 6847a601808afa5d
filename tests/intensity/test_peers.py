"""Agreement with other packages where definitions agree; where they do not, and why."""

import numpy as np
import pytest

from medinorm.intensity import Policy, find_masks, fit_instance, fit_percentile

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)
SHAPE = (20, 22, 24)


def head(dtype=np.float32):
    array = RNG.normal(300, 80, (1, *SHAPE)).clip(1)
    array[:, :7] = 0
    return array.astype(dtype)


def ours(array, foreground="image"):
    return fit_instance(array, Policy(foreground)).apply(array)


class TestIntensityNormalization:
    """Its foreground is `positive`, or a mask."""

    @pytest.fixture
    def peer(self):
        images = pytest.importorskip("intensity_normalization.adapters.images")
        zscore = pytest.importorskip(
            "intensity_normalization.normalizers.individual.zscore"
        )

        def normalize(array, mask=None):
            image = images.NumpyImageAdapter(array)
            inside = None if mask is None else images.NumpyImageAdapter(mask)
            fitted = zscore.ZScoreNormalizer().fit(image, inside)
            return fitted.transform(image).get_data()

        return normalize

    def test_z_score_of_voxels_above_0(self, peer):
        array = head()
        np.testing.assert_allclose(
            ours(array, "positive")[0], peer(array[0]), atol=1e-5
        )

    def test_z_score_in_a_mask(self, peer):
        array, mask = head(), RNG.random(SHAPE) < 0.4
        mapped = fit_instance(array, Policy("file"), mask).apply(array)
        np.testing.assert_allclose(mapped[0], peer(array[0], mask), atol=1e-5)

    def test_a_large_mean_differs(self, peer):
        """It subtracts in float32, where the mean of 1e6 is a multiple of 1/16."""
        array = RNG.normal(1e6 + 0.03, 0.05, (1, *SHAPE)).astype(np.float32)
        exact = array[0].astype(float)
        expected = (exact - exact.mean()) / exact.std()
        np.testing.assert_allclose(ours(array)[0], expected, atol=1e-5)
        theirs = peer(array[0], np.ones(SHAPE, bool))
        assert np.abs(theirs - expected).max() > 1e-3


class TestTorchIO:
    """Its standard deviation is of a sample (n - 1), and its sums are float32."""

    @pytest.fixture
    def tio(self):
        return pytest.importorskip("torchio", reason="TorchIO not installed")

    @staticmethod
    def apply(tio, transform, array):
        return transform(tio.ScalarImage(tensor=torch.from_numpy(array))).data.numpy()

    @pytest.mark.parametrize("dtype", [np.float32, np.int16])
    def test_z_score_but_for_the_factor_of_a_sample(self, tio, dtype):
        array = head(dtype)
        transform = tio.ZNormalization(masking_method=lambda x: x > 0)
        count = np.count_nonzero(array > 0)
        theirs = self.apply(tio, transform, array) * np.sqrt(count / (count - 1))
        np.testing.assert_allclose(ours(array, "positive"), theirs, atol=1e-5)

    @pytest.mark.parametrize("dtype", [np.float32, np.int16])
    def test_percentiles_between_the_percentiles(self, tio, dtype):
        """It clips to the percentiles, then scales by what is the extremes then."""
        array = head(dtype)
        transform = tio.RescaleIntensity((0, 1), percentiles=(1, 99))
        theirs = self.apply(tio, transform, array)
        mapped = fit_percentile(array, (1, 99), Policy("image")).apply(array)
        np.testing.assert_allclose(mapped, theirs, atol=1e-6)


class TestMonai:
    """Zeros stay 0 with it; with us if `background` is 0."""

    @pytest.fixture
    def transforms(self):
        return pytest.importorskip("monai.transforms", reason="MONAI not installed")

    def test_z_score(self, transforms):
        array = head()
        theirs = transforms.NormalizeIntensity()(array.copy())
        np.testing.assert_allclose(ours(array), theirs, atol=1e-5)

    def test_z_score_of_what_is_not_zero(self, transforms):
        array = head()
        peer = transforms.NormalizeIntensity(nonzero=True, channel_wise=True)
        policy = Policy("nonzero", background=0)
        map_ = fit_instance(array, policy)
        mapped = map_.apply(array, find_masks(array, policy))
        given = array.copy()
        np.testing.assert_allclose(mapped, peer(given), atol=1e-5)
        assert not np.array_equal(given, array)  # it overwrites its input; we do not

    def test_percentiles(self, transforms):
        array = head()
        peer = transforms.ScaleIntensityRangePercentiles(1, 99, 0, 1, clip=True)
        mapped = fit_percentile(array, (1, 99), Policy("image")).apply(array)
        np.testing.assert_allclose(mapped, peer(array.copy()), atol=1e-6)

    def test_integers_of_any_size(self, transforms):
        """It uses `torch.quantile` below 10^6 voxels, which refuses integers."""
        array = head(np.int16)
        peer = transforms.ScaleIntensityRangePercentiles(1, 99, 0, 1, clip=True)
        with pytest.raises(RuntimeError, match="quantile"):
            peer(array.copy())
        fit_percentile(array, (1, 99), Policy("image")).apply(array)
