import math

import numpy as np
import pytest

from medinorm.demo.grid import Grid
from medinorm.demo.signal import (
    InversionSpinEcho,
    PreparedEcho,
    SpoiledEcho,
    add_rician_noise,
    coil_sensitivity,
)
from medinorm.demo.tissues import RELAXATION, Relaxation

TISSUE = Relaxation(t1=1.0, t2=0.1, t2_star=0.05, density=0.8)
POINTS = Grid(
    (20, 20, 20),
    np.array([[10.0, 0, 0, -95], [0, 10, 0, -110], [0, 0, 10, -85], [0, 0, 0, 1]]),
).points()


def test_spoiled_echo_by_hand():
    # E1 = exp(-0.5) = 0.60653, cos 60 = 0.5, sin 60 = 0.86603, decay exp(-0.2).
    expected = 0.8 * 0.8660254 * 0.3934693 / (1 - 0.3032653) * 0.8187308
    signal = SpoiledEcho(repetition_time=0.5, echo_time=0.01, flip_angle=60)
    assert signal.signal(TISSUE) == pytest.approx(expected, rel=1e-6)


def test_spoiled_echo_is_brightest_at_the_ernst_angle():
    angle = math.degrees(math.acos(math.exp(-0.02)))
    around = [SpoiledEcho(0.02, 0, angle + step).signal(TISSUE) for step in (-2, 0, 2)]
    assert max(around) == around[1]


def test_inversion_spin_echo_by_hand():
    # 1 - 2 exp(-0.5) + exp(-2) = -0.0777260, decay exp(-0.1) = 0.9048374.
    sequence = InversionSpinEcho(repetition_time=2, echo_time=0.01, inversion_time=0.5)
    assert sequence.signal(TISSUE) == pytest.approx(0.8 * -0.0777260 * 0.9048374, 1e-5)


def test_inversion_spin_echo_is_nulled_at_ln2():
    null = InversionSpinEcho(
        repetition_time=60, echo_time=0, inversion_time=math.log(2)
    )
    assert null.signal(TISSUE) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("tissue", RELAXATION[3.0].values())
def test_prepared_echo_agrees_with_pulse_by_pulse_simulation(tissue):
    sequence = PreparedEcho(2.3, 0.003, 0.9, 9.0, 0.0071, 176)
    magnetization, middle = 1.0, 0.0
    relax = lambda m, t: 1 + (m - 1) * math.exp(-t / tissue.t1)  # noqa: E731
    cosine = math.cos(math.radians(9.0))
    for _ in range(30):  # shots, until nothing changes
        magnetization = relax(-magnetization, 0.9 - 88 * 0.0071)
        for pulse in range(176):
            if pulse == 88:
                middle = magnetization
            magnetization = relax(magnetization * cosine, 0.0071)
        magnetization = relax(magnetization, 2.3 - 0.9 - 88 * 0.0071)
    expected = middle * math.sin(math.radians(9.0)) * math.exp(-0.003 / tissue.t2_star)
    expected *= tissue.density
    assert sequence.signal(tissue) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_coil_is_smooth_positive_and_of_mean_one():
    field = coil_sensitivity(
        POINTS, elements=6, reach=110, rng=np.random.default_rng(0)
    )
    assert field.shape == POINTS.shape[1:]
    assert field.min() > 0
    assert field.mean() == pytest.approx(1, rel=1e-5)
    assert max(np.abs(step).max() for step in np.gradient(np.log(field))) < 0.25


def test_a_short_reach_is_a_strong_bias():
    spread = [
        coil_sensitivity(
            POINTS, elements=8, reach=reach, rng=np.random.default_rng(1)
        ).std()
        for reach in (90, 130, 180)
    ]
    assert spread == sorted(spread, reverse=True)


def test_background_noise_is_rayleigh():
    air = np.zeros((40, 40, 40), dtype=np.float32)
    noisy = add_rician_noise(air, 2.0, np.random.default_rng(0))
    assert noisy.mean() == pytest.approx(2 * math.sqrt(math.pi / 2), rel=0.01)
    assert noisy.min() >= 0


def test_noise_far_from_zero_is_gaussian_and_unbiased():
    bright = np.full((40, 40, 40), 100, dtype=np.float32)
    noisy = add_rician_noise(bright, 2.0, np.random.default_rng(0))
    assert noisy.mean() == pytest.approx(100.02, abs=0.03)  # bias sigma^2 / 2A
    assert noisy.std() == pytest.approx(2, rel=0.02)


def test_without_noise_the_magnitude_is_left():
    signal = np.array([[[-3.0, 0.0, 2.0]]], dtype=np.float32)
    noisy = add_rician_noise(signal, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(noisy, np.abs(signal))
