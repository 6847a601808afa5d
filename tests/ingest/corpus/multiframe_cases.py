"""Files that hold many slices."""

from dataclasses import replace

import numpy as np
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from tests.ingest.corpus.case import (
    add,
    several,
)
from tests.ingest.corpus.series import (
    CORONAL,
    OBLIQUE,
    SAGITTAL,
    EnhancedFrame,
    enhanced,
    mosaic,
    volume,
    voxels,
)

# ---- multi-frame


def _frames(truths, keys, order=None):
    """An enhanced file of several volumes."""
    frames = [
        EnhancedFrame(truth, number, tuple(own), volume=place)
        for place, (truth, own) in enumerate(zip(truths, keys, strict=True))
        for number in range(truth.array.shape[2])
    ]
    if order is not None:
        frames = [frames[number] for number in order]
    stored = [frame.truth.array[:, :, frame.number] for frame in frames]
    dimension = keys[0][0][:2] if keys[0] else ()
    return [enhanced(frames, stored, dimension=dimension)]


_SHUFFLED = (3, 0, 5, 1, 4, 2)
add("multi-frame", lambda: _frames([volume()], [()]), [volume()])
add(
    "multi-frame, shuffled and oblique",
    lambda: _frames([volume(directions=OBLIQUE)], [()], _SHUFFLED),
    [volume(directions=OBLIQUE)],
)
_TWO_STACKS = [
    several(2)[0],
    replace(several(2)[1], directions=CORONAL, origin=(3.0, 4.0, 5.0)),
]


def _stack(name):
    return [("FrameContentSequence", "StackID", name)]


add(
    "multi-frame, two stacks",
    lambda: _frames(_TWO_STACKS, [_stack("1"), _stack("2")]),
    _TWO_STACKS,
)
_FAR = [several(2)[0], replace(several(2)[1], origin=(-11.0, 7.0, 323.0))]
add(
    "multi-frame, two parallel stacks",
    lambda: _frames(_FAR, [_stack("1"), _stack("2")]),
    _FAR,
)
add(
    "multi-frame, two echoes, interleaved",
    lambda: _frames(
        several(2),
        [[("MREchoSequence", "EffectiveEchoTime", echo)] for echo in (5.0, 10.0)],
        [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11],
    ),
    several(2),
)


def _echoes_as(syntax):
    """Two echoes, of which each is read without the other."""
    echoes = [[("MREchoSequence", "EffectiveEchoTime", echo)] for echo in (5.0, 10.0)]
    (ds,) = _frames(several(2), echoes)
    if syntax == RLELossless:
        ds.compress(syntax, generate_instance_uid=False)
    ds.file_meta.TransferSyntaxUID = syntax
    return [ds]


add("multi-frame, two echoes, RLE", lambda: _echoes_as(RLELossless), several(2))
add(
    "multi-frame, two echoes, deflated",
    lambda: _echoes_as(DeflatedExplicitVRLittleEndian),
    several(2),
)
add(
    "multi-frame, time series",
    lambda: _frames(
        several(3),
        [
            [("FrameContentSequence", "TemporalPositionIndex", time)]
            for time in (1, 2, 3)
        ],
    ),
    several(3),
)
add(
    "multi-frame, magnitude and phase",
    lambda: _frames(
        several(2),
        [
            [
                ("MRImageFrameTypeSequence", "FrameType", ["ORIGINAL", "PRIMARY", "M"]),
                ("MRImageFrameTypeSequence", "ComplexImageComponent", component),
            ]
            for component in ("MAGNITUDE", "PHASE")
        ],
    ),
    several(2)[:1],
    ["phase, real or imaginary part"],
)


def _scaled_frames():
    truth = volume()
    frames = [EnhancedFrame(truth, n, (), 1.0 + n, -3.0 * n) for n in range(6)]
    stored = [voxels()[:, :, n] for n in range(6)]
    return [enhanced(frames, stored)]


add(
    "multi-frame, a scale for each frame",
    _scaled_frames,
    [volume(array=voxels() * (1.0 + np.arange(6)) - 3.0 * np.arange(6))],
)
add(
    "multi-frame, a frame missing",
    lambda: _frames([volume()], [()], (3, 0, 5, 1, 4)),
    reasons=["missing_slices: 1 missing, the first after slice 2 of 5"],
)

# ---- mosaics

add("mosaic", lambda: [mosaic(volume())], [volume()])
add(
    "mosaic, oblique, against the normal",
    lambda: [mosaic(volume(directions=OBLIQUE), reverse=True)],
    [volume(directions=OBLIQUE)],
)
add(
    "mosaic, sagittal",
    lambda: [mosaic(volume(directions=SAGITTAL))],
    [volume(directions=SAGITTAL)],
)
add(
    "mosaic, time series",
    lambda: [
        mosaic(truth, header={"AcquisitionNumber": n + 1}, number=n + 1)
        for n, truth in enumerate(several(2))
    ],
    several(2),
)
add(
    "mosaic without its private header",
    lambda: [mosaic(volume(), csa=False)],
    reasons=["mosaic: the private header that says how many slices"],
)

# ---- settings of the scanner


def _setting(sequence, keyword, values):
    """One multi-frame volume whose slices have two settings in turns."""
    frames = [
        EnhancedFrame(volume(), number, ((sequence, keyword, values[number % 2]),))
        for number in range(volume().array.shape[2])
    ]
    return [enhanced(frames, [volume().array[:, :, f.number] for f in frames])]


for _sequence, _keyword, _values, _name in (
    ("MRTimingAndRelatedParametersSequence", "FlipAngle", (3, 15), "flip angle"),
    ("MRTimingAndRelatedParametersSequence", "RepetitionTime", (9, 99), "repetition"),
    ("CTReconstructionSequence", "ConvolutionKernel", ("A", "B"), "reconstruction"),
    ("CTXRayDetailsSequence", "KVP", (80, 140), "tube voltage"),
):
    add(
        f"multi-frame, {_name} in turns",
        lambda own=(_sequence, _keyword, _values): _setting(*own),
        reasons=[f"mixed_contrast: slices at different places differ in {_name}"],
    )
