"""Series of several volumes at one place."""

from tests.ingest.corpus.case import add, changed, each, several
from tests.ingest.corpus.series import (
    slices,
    volume,
)

# ---- several volumes at one place

add(
    "two echoes",
    lambda: each(
        several(2),
        [{"EchoTime": 5, "EchoNumbers": 1}, {"EchoTime": 10, "EchoNumbers": 2}],
    ),
    several(2),
)
add(
    "magnitude and phase",
    lambda: each(several(2), [{}, {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}]),
    several(2)[:1],
    ["phase, real or imaginary part"],
)


def _ge_kinds():
    found = each(several(2), [{"Manufacturer": "GE MEDICAL SYSTEMS"}] * 2)
    for number, ds in enumerate(found):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        block = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x2F, "SS", number // 6)
    return found


add(
    "magnitude and phase, by GE's element",
    _ge_kinds,
    several(2)[:1],
    ["phase, real or imaginary part"],
)
add(
    "two image types",
    lambda: each(
        several(2),
        [{"ImageType": ["ORIGINAL", "PRIMARY", "M", kind]} for kind in ("ND", "NORM")],
    ),
    several(2),
)
add(
    "inversion times",
    lambda: each(several(2), [{"InversionTime": time} for time in (700, 2500)]),
    several(2),
)
add(
    "time series, time points numbered",
    lambda: each(
        several(3),
        [
            {"TemporalPositionIdentifier": time, "NumberOfTemporalPositions": 3}
            for time in (1, 2, 3)
        ],
    ),
    several(3),
)
add(
    "time series, acquisitions numbered",
    lambda: each(several(3), [{"AcquisitionNumber": time} for time in (1, 2, 3)]),
    several(3),
)
add(
    "time series, trigger times",
    lambda: each(several(3), [{"TriggerTime": time} for time in (0, 40, 80)]),
    several(3),
)
_GE_TIMES = {"NumberOfTemporalPositions": 3, "Manufacturer": "GE MEDICAL SYSTEMS"}
add(
    "time series, only counted",
    lambda: each(several(3), [_GE_TIMES] * 3),
    several(3),
)
add(
    "time series, by nothing at all",
    lambda: each(several(3), [{}] * 3),
    reasons=["duplicate: 12 of 18 slices lie where another lies, not all"],
)
add(
    "time series, broken off",
    lambda: each(several(3), [{"AcquisitionNumber": time} for time in (1, 2, 3)])[:15],
    several(3)[:2],
    ["missing_slices: 3 of the 6 slices that other volumes of the series have"],
)
add(
    "two echoes in two halves",
    lambda: changed(slices(volume()), range(3), EchoTime=10),
    reasons=["mixed_contrast: slices at different places differ in echo time"],
)
_SHELLS = (0, 1000, 1000)
_GRADIENTS = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.6, 0.8))
add(
    "diffusion, standard elements",
    lambda: each(
        several(3),
        [
            {
                "DiffusionBValue": float(shell),
                "DiffusionGradientOrientation": list(gradient),
            }
            for shell, gradient in zip(_SHELLS, _GRADIENTS, strict=True)
        ],
    ),
    several(3),
)


def _private_shells(group, creator, element, kind, values, manufacturer):
    found = each(several(2), [{"Manufacturer": manufacturer}] * 2)
    for number, ds in enumerate(found):
        block = ds.private_block(group, creator, create=True)
        block.add_new(element, kind, values[number // 6])
    return found


add(
    "diffusion, Siemens' element",
    lambda: _private_shells(
        0x0019, "SIEMENS MR HEADER", 0x0C, "IS", [0, 1000], "SIEMENS"
    ),
    several(2),
)
add(
    "diffusion, GE's element",
    lambda: _private_shells(
        0x0043,
        "GEMS_PARM_01",
        0x39,
        "IS",
        [[1000000000, 8, 0, 0], [1000001000, 8, 0, 0]],
        "GE MEDICAL SYSTEMS",
    ),
    several(2),
)
add(
    "diffusion, Philips' element",
    lambda: _private_shells(
        0x2001,
        "Philips Imaging DD 001",
        0x03,
        "FL",
        [0.0, 1000.0],
        "Philips Medical Systems",
    ),
    several(2),
)

# ---- settings of the scanner

_KERNELS = ({"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B70f"})
_ANGLES = ({"FlipAngle": 3}, {"FlipAngle": 15})
for _name, _headers in {"kernels": _KERNELS, "flip angles": _ANGLES}.items():
    add(f"two {_name}", lambda own=_headers: each(several(2), own), several(2))


def _in_turns(headers, block=1):
    """One volume whose slices have two headers."""
    found = slices(volume())
    for number, ds in enumerate(found):
        changed([ds], [0], **headers[number // block % 2])
    return found


add(
    "alternating flip angles",
    lambda: _in_turns(_ANGLES),
    reasons=["mixed_contrast: slices at different places differ in flip angle"],
)
add(
    "half with another kernel",
    lambda: _in_turns(_KERNELS, 3),
    reasons=["mixed_contrast: slices at different places differ in reconstruction"],
)
