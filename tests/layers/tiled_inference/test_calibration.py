import torch
from hypothesis import given
from hypothesis import strategies as st

from medinorm.layers.statistics.moments import Moments, moments
from medinorm.layers.tiled_inference.calibration import calibrate
from medinorm.layers.tiled_inference.tiles import choose_tiles, cut_tiles, part_of

SHAPE, CORE = (40, 32, 32), (8, 8, 8)


def _head(seed):
    """A noisy box in air, brighter towards one end."""
    torch.manual_seed(seed)
    volume = torch.zeros(1, 2, *SHAPE)
    ramp = torch.linspace(1, 3, 24).view(-1, 1, 1)
    volume[:, 0, 8:32, 6:25, 5:28] = ramp + 0.3 * torch.randn(24, 19, 23)
    volume[:, 1] = 7  # constant: says nothing
    return volume


def _tiles(count):
    ones, none = (1,) * 3, (0,) * 3
    return choose_tiles(SHAPE, CORE, none, ones, count), cut_tiles(SHAPE, CORE, none)


def _error(volume, chosen, weights):
    """Error of the pooled mean and deviation, in deviations of the volume."""
    parts = [
        moments(part_of(volume, tile.core)[:, :1]).times(weight)
        for tile, weight in zip(chosen, weights, strict=True)
    ]
    pooled, whole = Moments.merge(*parts), moments(volume[:, :1])
    deviation = whole.std(0)
    mean = (pooled.mean - whole.mean).abs() / deviation
    return float(mean + (pooled.std(0) / deviation - 1).abs())


@given(st.integers(0, 2**31), st.integers(6, 40))
def test_the_weighted_sample_looks_like_the_volume(seed, count):
    volume = _head(seed)
    chosen, cells = _tiles(count)
    weights = calibrate(volume, chosen, cells)
    assert weights.shape == (count,)
    assert (weights >= 0).all()
    assert _error(volume, chosen, weights) < 0.12


def test_weights_help_where_the_sample_is_off():
    volume, unweighted, ours = _head(0), 0.0, 0.0
    for count in (6, 8, 12):
        chosen, cells = _tiles(count)
        unweighted += _error(volume, chosen, torch.ones(count))
        ours += _error(volume, chosen, calibrate(volume, chosen, cells))
    assert ours < 0.5 * unweighted


def test_gain_and_offset_of_the_scanner_change_no_weight():
    volume = _head(1).double()
    chosen, cells = _tiles(9)
    weights = calibrate(volume, chosen, cells)
    torch.testing.assert_close(calibrate(50 * volume - 300, chosen, cells), weights)


def test_all_tiles_count_alike():
    chosen, cells = _tiles(1000)
    assert torch.equal(
        calibrate(_head(0), chosen, cells), torch.ones(len(cells), dtype=torch.float64)
    )


def test_a_constant_volume_has_even_weights():
    chosen, cells = _tiles(5)
    weights = calibrate(torch.ones(1, 1, *SHAPE), chosen, cells)
    torch.testing.assert_close(weights, torch.ones(5, dtype=torch.float64))
