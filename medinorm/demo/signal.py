"""From tissue to voxel value: pulse sequences, receive coils and noise."""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from medinorm.demo.tissues import Relaxation

# Longitudinal magnetization after an event from that before: (slope, offset).
_Step = tuple[float, float]


class Sequence(Protocol):
    """A pulse sequence: its timing and the signal it gets from a tissue."""

    @property
    def repetition_time(self) -> float:
        """Time from one preparation or excitation to the next, in s."""

    @property
    def echo_time(self) -> float:
        """Time from excitation to echo, in s."""

    @property
    def inversion_time(self) -> float | None:
        """Time from inversion to the centre of k-space, in s."""

    @property
    def flip_angle(self) -> float:
        """Angle of the excitation, in degrees."""

    def signal(self, tissue: Relaxation) -> float:
        """Signal in units of fully relaxed water; negative while still inverted."""


@dataclass(frozen=True)
class SpoiledEcho:
    r"""Steady state of a spoiled gradient echo (SPGR, FLASH, T1-FFE).

    .. math:: S = \rho \sin\alpha \frac{1-E_1}{1-E_1\cos\alpha} e^{-TE/T_2^*},
        \qquad E_1 = e^{-TR/T_1}

    Args:
        repetition_time: in s.
        echo_time: in s.
        flip_angle: in degrees.

    Examples:
        >>> water = Relaxation(t1=1.0, t2=1.0, t2_star=1.0, density=1.0)
        >>> round(SpoiledEcho(1.0, 0.0, 90.0).signal(water), 6)  # 1 - 1 / e
        0.632121

    References:
        Ernst and Anderson, "Application of Fourier Transform Spectroscopy to Magnetic
        Resonance", Rev Sci Instrum 37:93, 1966.
    """

    repetition_time: float
    echo_time: float
    flip_angle: float
    inversion_time: ClassVar[None] = None

    def signal(self, tissue: Relaxation) -> float:
        """Signal in units of fully relaxed water."""
        cycle = _pulses(1, self.repetition_time, self.flip_angle, tissue)
        decay = math.exp(-self.echo_time / tissue.t2_star)
        excited = _steady_state(cycle) * math.sin(math.radians(self.flip_angle))
        return tissue.density * excited * decay


@dataclass(frozen=True)
class PreparedEcho:
    """Inversion-prepared train of spoiled gradient echoes (MPRAGE, 3D T1-TFE).

    Each shot inverts, waits, reads a train of pulses with the centre of k-space in
    its middle, and waits again. Every event maps the longitudinal magnetization to an
    affine function of itself; the signal follows from the fixed point of a shot.

    Args:
        repetition_time: from inversion to inversion, in s.
        echo_time: in s.
        inversion_time: from inversion to the middle of the train, in s.
        flip_angle: in degrees.
        echo_spacing: from pulse to pulse of the train, in s.
        pulses: pulses in a train, even.

    References:
        Mugler and Brookeman, "Three-dimensional magnetization-prepared rapid
        gradient-echo imaging (3D MP RAGE)", MRM 15:152, 1990.
    """

    repetition_time: float
    echo_time: float
    inversion_time: float
    flip_angle: float
    echo_spacing: float
    pulses: int

    def signal(self, tissue: Relaxation) -> float:
        """Signal in units of fully relaxed water; negative while still inverted."""
        half = self.pulses // 2
        train = _pulses(half, self.echo_spacing, self.flip_angle, tissue)
        before = self.inversion_time - half * self.echo_spacing
        after = self.repetition_time - self.inversion_time - half * self.echo_spacing
        shot = _chain(
            train,
            _recovery(after, tissue),
            (-1.0, 0.0),
            _recovery(before, tissue),
            train,
        )
        decay = math.exp(-self.echo_time / tissue.t2_star)
        excited = _steady_state(shot) * math.sin(math.radians(self.flip_angle))
        return tissue.density * excited * decay


@dataclass(frozen=True)
class InversionSpinEcho:
    r"""Inversion-prepared spin echo, as T1-weighted portable low-field scanners use.

    .. math:: S = \rho \left(1 - 2 e^{-TI/T_1} + e^{-TR/T_1}\right) e^{-TE/T_2}

    Args:
        repetition_time: in s.
        echo_time: in s.
        inversion_time: in s.

    References:
        Bydder and Young, "MR imaging: clinical use of the inversion recovery
        sequence", J Comput Assist Tomogr 9:659, 1985.
    """

    repetition_time: float
    echo_time: float
    inversion_time: float
    flip_angle: ClassVar[float] = 90.0

    def signal(self, tissue: Relaxation) -> float:
        """Signal in units of fully relaxed water; negative while still inverted."""
        inverted = 2 * math.exp(-self.inversion_time / tissue.t1)
        saturated = math.exp(-self.repetition_time / tissue.t1)
        decay = math.exp(-self.echo_time / tissue.t2)
        return tissue.density * (1 - inverted + saturated) * decay


def coil_sensitivity(
    points: NDArray[np.float32],
    *,
    elements: int,
    reach: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Sensitivity of a receive array around the head: smooth, brighter near elements.

    The elements sit at random on a ball about the head, none below it; their profiles
    are Gaussian and combined as root of the sum of squares.

    Args:
        points: world positions, in mm, shape ``(3, ...)``.
        elements: coil elements; few make the field asymmetric.
        reach: standard deviation of an element's profile, in mm; the shorter, the
            stronger the bias.
        rng: places the elements.

    Returns:
        Shape of one coordinate of `points`, with mean 1 over them.
    """
    centre = np.array([0.0, -15.0, 10.0])
    directions = rng.standard_normal((elements, 3))
    directions[:, 2] = np.abs(directions[:, 2]) - 0.3
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    power = np.zeros(points.shape[1:], dtype=np.float32)
    for place in (centre + 130.0 * directions).astype(np.float32):
        x, y, z = (axis - at for axis, at in zip(points, place, strict=True))
        power += np.exp((x * x + y * y + z * z) / np.float32(-(reach**2)))
    sensitivity = np.sqrt(power)
    return np.asarray(sensitivity / sensitivity.mean(), dtype=np.float32)


def add_rician_noise(
    signal: NDArray[np.float32], deviation: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Magnitude of a signal after complex Gaussian noise.

    Args:
        signal: real part of the noiseless image; may be negative.
        deviation: standard deviation of the noise in each channel, >= 0.
        rng: source of the noise.

    References:
        Gudbjartsson and Patz, "The Rician distribution of noisy MRI data",
        MRM 34:910, 1995.
    """
    real, imaginary = rng.standard_normal((2, *signal.shape), dtype=np.float32)
    scale = np.float32(deviation)
    noisy = np.hypot(signal + scale * real, scale * imaginary)
    return np.asarray(noisy, dtype=np.float32)


def _recovery(time: float, tissue: Relaxation) -> _Step:
    """Free recovery for `time`, in s."""
    kept = math.exp(-time / tissue.t1)
    return kept, 1 - kept


def _pulses(count: int, spacing: float, flip_angle: float, tissue: Relaxation) -> _Step:
    """A train of pulses, each with the recovery that follows it."""
    kept, gained = _recovery(spacing, tissue)
    slope = kept * math.cos(math.radians(flip_angle))
    return slope**count, gained * (1 - slope**count) / (1 - slope)


def _chain(*steps: _Step) -> _Step:
    """Events one after another as one."""
    slope, offset = 1.0, 0.0
    for next_slope, next_offset in steps:
        slope, offset = next_slope * slope, next_slope * offset + next_offset
    return slope, offset


def _steady_state(cycle: _Step) -> float:
    """The magnetization that a cycle leaves unchanged."""
    slope, offset = cycle
    return offset / (1 - slope)
