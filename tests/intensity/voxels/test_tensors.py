"""Tensors and arrays agree, on the CPU and on a GPU where there is one."""

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity import (
    Policy,
    fit_adaptive,
    fit_clusters,
    fit_instance,
    fit_layer,
    fit_percentile,
    fit_regions,
    measure_foreground,
    measure_quantiles,
)
from medinorm.intensity.voxels import tensors

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)
SCAN = RNG.normal(200, 50, (2, 20, 21, 22)).astype(np.float32)
SCAN[:, :6] = 0
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="no CUDA device here"
        ),
    ),
]
FITS = {
    "instance": fit_instance,
    "layer": fit_layer,
    "percentile": lambda array, *given: fit_percentile(array, (2, 98), *given),
    "regions": fit_regions,
    "adaptive": lambda array, *given: fit_adaptive(
        array, measure_foreground(SCAN + 3, Policy("image")), *given
    ),
    "clusters": lambda array, *given: fit_clusters(
        [measure_foreground(part, *given) for part in (array, 2 * array)], 2, *given
    ),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("fit", FITS.values(), ids=FITS.keys())
@pytest.mark.parametrize("foreground", ["image", "nonzero", "positive", "otsu"])
def test_a_tensor_gives_a_tensor_with_the_same_values(device, fit, foreground):
    policy = Policy(foreground)
    tensor = torch.from_numpy(SCAN).to(device)
    before = tensor.clone()
    mapped = fit(tensor, policy).apply(tensor)
    assert isinstance(mapped, torch.Tensor)
    assert (mapped.dtype, mapped.device) == (torch.float32, tensor.device)
    assert torch.equal(tensor, before)
    expected = fit(SCAN, policy).apply(SCAN)
    np.testing.assert_allclose(mapped.cpu(), expected, atol=2e-5)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "kind", [torch.int16, torch.uint8, torch.float16, torch.bfloat16, torch.float64]
)
def test_tensors_of_any_type(device, kind):
    tensor = torch.from_numpy(SCAN.clip(0, 255)).to(kind).to(device)
    mapped = fit_instance(tensor, Policy("nonzero")).apply(tensor)
    exact = tensor.cpu().double().numpy()
    for channel, values in zip(mapped.cpu().numpy(), exact, strict=True):
        inside = values[values != 0]
        np.testing.assert_allclose(
            channel, (values - inside.mean()) / inside.std(), atol=2e-5
        )


@pytest.mark.parametrize("device", DEVICES)
def test_masks_and_background_of_tensors(device):
    tensor = torch.from_numpy(SCAN).to(device)
    for mask in (SCAN[0] > 100, tensor[0] > 100, (tensor > 100).to(torch.uint8)):
        policy = Policy("file", background=-9)
        map_ = fit_instance(tensor, policy, mask)
        inside = np.broadcast_to(torch.as_tensor(mask).cpu().numpy() != 0, SCAN.shape)
        expected = fit_instance(SCAN, policy, inside)
        np.testing.assert_allclose(map_.offset, expected.offset, rtol=1e-9)
        whole = torch.from_numpy(inside.copy()).to(device)
        mapped = map_.apply(tensor, whole)
        np.testing.assert_allclose(
            mapped.cpu(), expected.apply(SCAN, inside), atol=1e-5
        )


@pytest.mark.parametrize("device", DEVICES)
def test_errors_of_tensors(device):
    tensor = torch.from_numpy(SCAN.copy()).to(device)
    tensor[0, 9, 9, 9] = torch.nan
    with pytest.raises(IntensityError, match="1 voxels are NaN"):
        fit_instance(tensor, Policy("nonzero"))
    with pytest.raises(IntensityError, match="all 990 foreground voxels are 7"):
        fit_instance(torch.full((1, 9, 10, 11), 7, device=device), Policy("image"))
    policy = Policy("nonzero", nonfinite="ignore", nonfinite_value=0)
    assert fit_instance(tensor, policy).apply(tensor).isfinite().all()


class TestTheAcceleratorsFunctionsOnTheCpu:
    """The code for a GPU runs on any tensor; where there is no GPU, here."""

    def test_measure(self):
        tensor = torch.from_numpy(SCAN[0])
        for mask, values in (
            (None, SCAN[0]),
            (tensor != 0, SCAN[0][SCAN[0] != 0]),
            (lambda channel: channel > 0, SCAN[0][SCAN[0] > 0]),
        ):
            spread = tensors.measure(tensor, mask)
            assert spread.count == values.size
            np.testing.assert_allclose(spread.mean, values.mean(dtype=float))
            np.testing.assert_allclose(spread.std, values.std(dtype=float))

    def test_measure_in_blocks(self, monkeypatch):
        monkeypatch.setattr(tensors, "_BLOCK", 100)
        self.test_measure()

    def test_ranks(self):
        tensor = torch.from_numpy(SCAN[0])
        for mask in (None, tensor > 100):
            low, high, between = tensors.find_ranks(tensor, mask, (0.01, 0.5, 1.0))
            host = None if mask is None else mask.numpy()
            np.testing.assert_array_equal(
                low + (high - low) * between,
                measure_quantiles(SCAN[0], host, (0.01, 0.5, 1.0)),
            )

    @pytest.mark.parametrize("kind", [torch.int32, torch.int16, torch.float64])
    def test_subtract_divide(self, kind):
        tensor = (torch.from_numpy(SCAN[0]) + 1_000_000).to(kind)
        if kind == torch.int16:
            tensor = torch.from_numpy(SCAN[0]).to(kind)
        exact = tensor.double().numpy()
        mapped = tensors.subtract_divide(tensor, exact.mean(), exact.std(), None)
        assert mapped.dtype == torch.float32
        np.testing.assert_allclose(
            mapped, (exact - exact.mean()) / exact.std(), atol=1e-6
        )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("foreground", ["image", "nonzero", "positive", "otsu"])
@pytest.mark.parametrize("fit", ["instance", "layer", "percentile", "regions"])
def test_a_missing_channel_of_a_tensor_becomes_zeros(device, foreground, fit):
    tensor = torch.from_numpy(SCAN.copy()).to(device)
    tensor[1] = 0
    policy = Policy(foreground, constant="zeros")
    mapped = FITS[fit](tensor, policy).apply(tensor)
    assert not mapped[1].any()
    alone = FITS[fit](tensor[:1], policy).apply(tensor[:1])
    assert torch.equal(mapped[:1], alone)


@pytest.mark.parametrize("device", DEVICES)
def test_nan_in_the_mask_of_a_tensor_is_outside(device):
    tensor = torch.from_numpy(SCAN).to(device)
    mask = torch.full(tensor.shape[1:], torch.nan, device=device)
    mask[8:12] = 1
    found = fit_instance(tensor, Policy("file"), mask)
    expected = fit_instance(tensor[:, 8:12], Policy("image"))
    np.testing.assert_allclose(found.offset, expected.offset, rtol=1e-6)
