"""Relaxation times and proton densities of the head's tissues by field strength."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

TissueName = Literal[
    "white matter", "gray matter", "cerebrospinal fluid", "bone", "fat", "muscle"
]
TISSUES: tuple[TissueName, ...] = get_args(TissueName)


@dataclass(frozen=True)
class Relaxation:
    """What a tissue contributes to an MR signal.

    Args:
        t1: longitudinal relaxation time, in s.
        t2: transverse relaxation time of a spin echo, in s.
        t2_star: transverse relaxation time of a gradient echo, in s.
        density: proton density, as a fraction of that of water.
    """

    t1: float
    t2: float
    t2_star: float
    density: float


# By field strength in T. Rounded means of healthy adults:
# - T1 of white and gray matter at 1.5 and 3 T: Wright et al., "Water proton T1
#   measurements in brain tissue at 7, 3, and 1.5 T", MAGMA 21:121, 2008 (MPRAGE).
# - their T2: Cox and Gowland, "Simultaneous quantification of T2 and T'2 ... at 7 T",
#   MRM 64:1440, 2010; their T2*: Peters et al., "T2* measurements in human brain at
#   1.5, 3 and 7 T", Magn Reson Imaging 25:748, 2007.
# - cerebrospinal fluid: Rooney et al., "Magnetic field and tissue dependencies of
#   human brain longitudinal 1H2O relaxation in vivo", MRM 57:308, 2007; T2 near 2 s.
# - fat: de Bazelaire et al., Radiology 230:652, 2004; muscle: Stanisz et al.,
#   MRM 54:507, 2005; cortical bone: Techawiboonwong et al., Radiology 248:824, 2008.
# - 0.064 T: O'Reilly and Webb, "In vivo T1 and T2 relaxation time maps of brain
#   tissue, skeletal muscle, and lipid measured in healthy volunteers at 50 mT",
#   MRM 87:884, 2022. A spin echo is used there; T2* stands in for an unmeasured value.
# - proton densities: Tofts, "Quantitative MRI of the Brain", 2003 (water content).
RELAXATION: dict[float, dict[TissueName, Relaxation]] = {
    0.064: {
        "white matter": Relaxation(0.275, 0.102, 0.090, 0.70),
        "gray matter": Relaxation(0.327, 0.106, 0.095, 0.82),
        "cerebrospinal fluid": Relaxation(3.695, 1.584, 1.000, 1.00),
        "bone": Relaxation(0.100, 0.0008, 0.0005, 0.20),
        "fat": Relaxation(0.130, 0.090, 0.060, 0.90),
        "muscle": Relaxation(0.171, 0.039, 0.035, 0.80),
    },
    1.5: {
        "white matter": Relaxation(0.646, 0.080, 0.066, 0.70),
        "gray matter": Relaxation(1.197, 0.087, 0.084, 0.82),
        "cerebrospinal fluid": Relaxation(4.300, 2.000, 1.000, 1.00),
        "bone": Relaxation(0.140, 0.0008, 0.0004, 0.20),
        "fat": Relaxation(0.343, 0.058, 0.040, 0.90),
        "muscle": Relaxation(1.008, 0.044, 0.030, 0.80),
    },
    3.0: {
        "white matter": Relaxation(0.838, 0.071, 0.053, 0.70),
        "gray matter": Relaxation(1.607, 0.076, 0.066, 0.82),
        "cerebrospinal fluid": Relaxation(4.300, 2.000, 0.800, 1.00),
        "bone": Relaxation(0.223, 0.0007, 0.0004, 0.20),
        "fat": Relaxation(0.382, 0.068, 0.030, 0.90),
        "muscle": Relaxation(1.412, 0.050, 0.025, 0.80),
    },
}


def vary_tissues(
    field_strength: float, rng: np.random.Generator, deviation: float = 0.03
) -> dict[TissueName, Relaxation]:
    """One person's tissues: the table's values, each changed by a few percent.

    Args:
        field_strength: a key of `RELAXATION`, in T.
        rng: source of the person's differences.
        deviation: standard deviation of the logarithm of T1, T2 and T2*; the proton
            density varies by a third of it.
    """
    return {
        name: _varied(relaxation, deviation * rng.standard_normal(4))
        for name, relaxation in RELAXATION[field_strength].items()
    }


def _varied(tissue: Relaxation, change: np.ndarray) -> Relaxation:
    """A tissue with its four values multiplied by ``exp(change)``."""
    t1, t2, t2_star, density = np.exp(change * [1, 1, 1, 1 / 3]).tolist()
    return replace(
        tissue,
        t1=tissue.t1 * t1,
        t2=tissue.t2 * t2,
        t2_star=tissue.t2_star * t2_star,
        density=tissue.density * density,
    )
