"""Random changes of intensities: what each keeps, and where its numbers come from."""

import numpy as np
import pytest
import torch
from numpy.random import RandomState

from medinorm.train.changes.intensity import (
    CHANGES,
    RandChangesd,
    add_noise,
    blur,
    change_brightness,
    change_contrast,
    change_gamma,
    change_inverted_gamma,
    lower_resolution,
)

CHANNEL = torch.randn(12, 10, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("change", [change for change, _ in CHANGES])
def test_a_change_is_one_of_its_own_and_repeats(change):
    before = CHANNEL.clone()
    changed = change(CHANNEL, RandomState(3))
    assert torch.equal(CHANNEL, before)
    assert torch.equal(changed, change(CHANNEL, RandomState(3)))
    assert not torch.equal(changed, CHANNEL)
    assert (changed.shape, changed.dtype) == (CHANNEL.shape, torch.float32)


@pytest.mark.parametrize("change", [change for change, _ in CHANGES])
def test_a_constant_patch_stays_finite(change):
    assert change(torch.full((6, 6, 6), 2.0), RandomState(0)).isfinite().all()


@pytest.mark.parametrize("change", [change_gamma, change_inverted_gamma])
def test_gamma_keeps_mean_and_deviation_and_order(change):
    changed = change(CHANNEL, RandomState(1))
    assert float(changed.mean()) == pytest.approx(float(CHANNEL.mean()), abs=1e-5)
    assert float(changed.std()) == pytest.approx(float(CHANNEL.std()), rel=1e-4)
    order = CHANNEL.flatten().argsort()
    assert (changed.flatten()[order].diff() >= 0).all()


def test_noise_follows_the_deviation_of_the_patch():
    noise = add_noise(CHANNEL, RandomState(1)) - CHANNEL
    loud = add_noise(100 * CHANNEL, RandomState(1)) - 100 * CHANNEL
    assert 0 < float(noise.std()) <= 0.11 * float(CHANNEL.std())
    torch.testing.assert_close(loud, 100 * noise, rtol=1e-2, atol=1e-2)


def test_contrast_stays_in_its_range_and_brightness_is_one_factor():
    changed = change_contrast(CHANNEL, RandomState(2))
    assert CHANNEL.min() <= changed.min()
    assert changed.max() <= CHANNEL.max()
    factors = change_brightness(CHANNEL, RandomState(2)) / CHANNEL
    assert float(factors.max() - factors.min()) < 1e-5


def test_blur_and_resolution_smooth_but_keep_thin_axes():
    for change in (blur, lower_resolution):
        assert (
            change(CHANNEL, RandomState(0)).diff(dim=0).std()
            < CHANNEL.diff(dim=0).std()
        )
    slices = torch.arange(3.0).expand(24, 24, 3).contiguous()
    torch.testing.assert_close(lower_resolution(slices, RandomState(0)), slices)


def test_channels_are_changed_by_themselves_and_as_often_as_declared():
    changes = RandChangesd([(lambda channel, _: channel + 1, 0.25)])
    changes.set_random_state(seed=0)
    image = torch.zeros(2, 2, 2, 2)
    seen = np.array(
        [changes({"image": image})["image"][:, 0, 0, 0].tolist() for _ in range(400)]
    )
    assert seen.mean(axis=0) == pytest.approx([0.25, 0.25], abs=0.07)
    assert (seen[:, 0] != seen[:, 1]).any()
