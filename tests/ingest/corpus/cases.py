"""The truth corpus: what hospitals send, and what must come out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import gdcm
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from tests.ingest.corpus.series import (
    CORONAL,
    OBLIQUE,
    SAGITTAL,
    EnhancedFrame,
    Truth,
    enhanced,
    mosaic,
    save,
    slices,
    volume,
    voxels,
)

CASES: dict[str, "Case"] = {}

_HTJ2K = Path(__file__).parent / "htj2k"


@dataclass(frozen=True)
class Case:
    """Files, and what must become of them.

    Args:
        write: writes them to a folder.
        volumes: all volumes that must come out, values and places exact.
        reasons: patterns of all the reasons why something does not come out.
        notes: what the sidecar of the only volume must say.
    """

    write: Callable[[Path], None]
    volumes: tuple[Truth, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[tuple[str, object], ...] = ()


def _add(name, datasets, volumes=(), reasons=(), notes=(), **saving):
    """Put a case into the corpus; its datasets are made when it is written."""
    CASES[name] = Case(
        lambda folder: save(datasets(), folder, **saving),
        tuple(volumes),
        tuple(reasons),
        tuple(dict(notes).items()),
    )


def _changed(datasets, numbers, **values):
    """Some files with other elements."""
    for number in numbers:
        for keyword, value in values.items():
            setattr(datasets[number], keyword, value)
    return datasets


def _one(name, truth, **writing):
    """A case of one series that is one volume."""
    _add(name, lambda: slices(truth, **writing), [truth])


def _each(truths, headers):
    """One series of several volumes, each with its own elements."""
    found = []
    for truth, header in zip(truths, headers, strict=True):
        found += slices(truth, header=header, first=len(found) + 1)
    return found


def _several(count, **changes):
    """Volumes at one place, of which no two values are alike."""
    size = voxels().size
    return [volume(array=voxels(start=1 + size * n), **changes) for n in range(count)]


# ---- directions and order

_one("axial", volume())
_one("coronal", volume(directions=CORONAL))
_one("sagittal", volume(directions=SAGITTAL))
_one("oblique", volume(directions=OBLIQUE))
_one("descending", volume(directions=((1.0, 0, 0), (0, -1.0, 0))))
_add(
    "numbers that lie",
    lambda: [
        _changed([ds], [0], InstanceNumber=number, SliceLocation=-7 * number)[0]
        for ds, number in zip(slices(volume()), (4, 1, 6, 2, 5, 3), strict=True)
    ],
    [volume()],
)

# ---- slices that are no even stack

_add(
    "one slice missing",
    lambda: [ds for n, ds in enumerate(slices(volume())) if n != 2],
    reasons=["missing_slices: 1 missing, the first after slice 2 of 5"],
)
_add(
    "several slices missing",
    lambda: [ds for n, ds in enumerate(slices(volume())) if n not in {1, 4}],
    reasons=["missing_slices: 2 missing, the first after slice 1 of 4"],
)
_add(
    "a slice twice",
    lambda: [*slices(volume()), *slices(volume(), first=90)[3:4]],
    reasons=["duplicate: 1 of 7 slices lie where another lies, all with the same"],
)
_add(
    "another slice at one place",
    lambda: [*slices(volume()), *slices(_several(2)[1], first=90)[3:4]],
    reasons=["duplicate: 1 of 7 slices lie where another lies, not all with the same"],
)
_add(
    "the series twice",
    lambda: [*slices(volume()), *slices(volume())],
    reasons=["duplicate: 6 of 12 slices lie where another lies, all with the same"],
)
_UNEVEN = (0, 1, 2.5, 3.5, 5.5, 6.5)


def _uneven():
    found = slices(volume())
    for ds, place in zip(found, _UNEVEN, strict=True):
        ds.ImagePositionPatient = list(volume().position(place))
    return found


_add(
    "uneven distances",
    _uneven,
    reasons=["variable_spacing: distances of slices range from 2 to 4 mm"],
)


def _jitter():
    found = slices(volume())
    found[3].ImagePositionPatient = list(volume().position(3) + np.array([0.4, 0, 0]))
    return found


_add("jitter", _jitter, reasons=["jitter: a slice lies 0.4 mm from its place"])
_TILTED = volume(lean=(0.0, 0.5))
_add(
    "gantry tilt",
    lambda: slices(_TILTED, header={"Modality": "CT", "GantryDetectorTilt": "14"}),
    reasons=[r"tilt: slices are shifted sideways by 14\.0 degrees"],
)
_add("single slice", lambda: slices(volume())[:1], reasons=["single_slice: "])


def _without(ds, *keywords):
    for keyword in keywords:
        delattr(ds, keyword)
    return ds


_add(
    "no geometry",
    lambda: [
        _without(ds, "ImagePositionPatient", "ImageOrientationPatient")
        for ds in slices(volume())
    ],
    reasons=["no_geometry: "],
)
_add(
    "a slice without a position",
    lambda: [
        *slices(volume())[:-1],
        _without(slices(volume())[-1], "ImagePositionPatient"),
    ],
    reasons=["no_geometry: "],
)
_add(
    "sizes differ",
    lambda: [
        *slices(volume())[:-1],
        slices(volume(array=voxels((14, 16, 6))), first=50)[-1],
    ],
    reasons=["mixed_grid: "],
)

# ---- directions in one series

_PLANES = [
    replace(truth, directions=directions)
    for truth, directions in zip(
        _several(3), (volume().directions, CORONAL, SAGITTAL), strict=True
    )
]
_LOCALIZER = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
_add("three planes", lambda: _each(_PLANES, [{}] * 3), _PLANES)
_add(
    "localizer",
    lambda: _each(_PLANES, [_LOCALIZER] * 3),
    reasons=["a localizer"],
)
_add(
    "three single planes",
    lambda: _each(_PLANES, [{}] * 3)[::6],
    reasons=["mixed_orientation: "],
)
_add(
    "a slice of another direction",
    lambda: _each(_PLANES[:2], [{}] * 2)[:7],
    reasons=["mixed_orientation: "],
)

# ---- several volumes at one place

_add(
    "two echoes",
    lambda: _each(
        _several(2),
        [{"EchoTime": 5, "EchoNumbers": 1}, {"EchoTime": 10, "EchoNumbers": 2}],
    ),
    _several(2),
)
_add(
    "magnitude and phase",
    lambda: _each(_several(2), [{}, {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}]),
    _several(2)[:1],
    ["phase, real or imaginary part"],
)


def _ge_kinds():
    found = _each(_several(2), [{"Manufacturer": "GE MEDICAL SYSTEMS"}] * 2)
    for number, ds in enumerate(found):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        block = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x2F, "SS", number // 6)
    return found


_add(
    "magnitude and phase, by GE's element",
    _ge_kinds,
    _several(2)[:1],
    ["phase, real or imaginary part"],
)
_add(
    "two image types",
    lambda: _each(
        _several(2),
        [{"ImageType": ["ORIGINAL", "PRIMARY", "M", kind]} for kind in ("ND", "NORM")],
    ),
    _several(2),
)
_add(
    "inversion times",
    lambda: _each(_several(2), [{"InversionTime": time} for time in (700, 2500)]),
    _several(2),
)
_add(
    "time series, time points numbered",
    lambda: _each(
        _several(3),
        [
            {"TemporalPositionIdentifier": time, "NumberOfTemporalPositions": 3}
            for time in (1, 2, 3)
        ],
    ),
    _several(3),
)
_add(
    "time series, acquisitions numbered",
    lambda: _each(_several(3), [{"AcquisitionNumber": time} for time in (1, 2, 3)]),
    _several(3),
)
_add(
    "time series, trigger times",
    lambda: _each(_several(3), [{"TriggerTime": time} for time in (0, 40, 80)]),
    _several(3),
)
_GE_TIMES = {"NumberOfTemporalPositions": 3, "Manufacturer": "GE MEDICAL SYSTEMS"}
_add(
    "time series, only counted",
    lambda: _each(_several(3), [_GE_TIMES] * 3),
    _several(3),
)
_add(
    "time series, by nothing at all",
    lambda: _each(_several(3), [{}] * 3),
    reasons=["duplicate: 12 of 18 slices lie where another lies, not all"],
)
_add(
    "time series, broken off",
    lambda: _each(_several(3), [{"AcquisitionNumber": time} for time in (1, 2, 3)])[
        :15
    ],
    _several(3)[:2],
    ["missing_slices: 3 of the 6 slices that other volumes of the series have"],
)
_add(
    "two echoes in two halves",
    lambda: _changed(slices(volume()), range(3), EchoTime=10),
    reasons=["mixed_contrast: slices at different places differ in echo time"],
)
_SHELLS = (0, 1000, 1000)
_GRADIENTS = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.6, 0.8))
_add(
    "diffusion, standard elements",
    lambda: _each(
        _several(3),
        [
            {
                "DiffusionBValue": float(shell),
                "DiffusionGradientOrientation": list(gradient),
            }
            for shell, gradient in zip(_SHELLS, _GRADIENTS, strict=True)
        ],
    ),
    _several(3),
)


def _private_shells(group, creator, element, kind, values, manufacturer):
    found = _each(_several(2), [{"Manufacturer": manufacturer}] * 2)
    for number, ds in enumerate(found):
        block = ds.private_block(group, creator, create=True)
        block.add_new(element, kind, values[number // 6])
    return found


_add(
    "diffusion, Siemens' element",
    lambda: _private_shells(
        0x0019, "SIEMENS MR HEADER", 0x0C, "IS", [0, 1000], "SIEMENS"
    ),
    _several(2),
)
_add(
    "diffusion, GE's element",
    lambda: _private_shells(
        0x0043,
        "GEMS_PARM_01",
        0x39,
        "IS",
        [[1000000000, 8, 0, 0], [1000001000, 8, 0, 0]],
        "GE MEDICAL SYSTEMS",
    ),
    _several(2),
)
_add(
    "diffusion, Philips' element",
    lambda: _private_shells(
        0x2001,
        "Philips Imaging DD 001",
        0x03,
        "FL",
        [0.0, 1000.0],
        "Philips Medical Systems",
    ),
    _several(2),
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
_add("multi-frame", lambda: _frames([volume()], [()]), [volume()])
_add(
    "multi-frame, shuffled and oblique",
    lambda: _frames([volume(directions=OBLIQUE)], [()], _SHUFFLED),
    [volume(directions=OBLIQUE)],
)
_TWO_STACKS = [
    _several(2)[0],
    replace(_several(2)[1], directions=CORONAL, origin=(3.0, 4.0, 5.0)),
]


def _stack(name):
    return [("FrameContentSequence", "StackID", name)]


_add(
    "multi-frame, two stacks",
    lambda: _frames(_TWO_STACKS, [_stack("1"), _stack("2")]),
    _TWO_STACKS,
)
_FAR = [_several(2)[0], replace(_several(2)[1], origin=(-11.0, 7.0, 323.0))]
_add(
    "multi-frame, two parallel stacks",
    lambda: _frames(_FAR, [_stack("1"), _stack("2")]),
    _FAR,
)
_add(
    "multi-frame, two echoes, interleaved",
    lambda: _frames(
        _several(2),
        [[("MREchoSequence", "EffectiveEchoTime", echo)] for echo in (5.0, 10.0)],
        [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11],
    ),
    _several(2),
)
_add(
    "multi-frame, time series",
    lambda: _frames(
        _several(3),
        [
            [("FrameContentSequence", "TemporalPositionIndex", time)]
            for time in (1, 2, 3)
        ],
    ),
    _several(3),
)
_add(
    "multi-frame, magnitude and phase",
    lambda: _frames(
        _several(2),
        [
            [
                ("MRImageFrameTypeSequence", "FrameType", ["ORIGINAL", "PRIMARY", "M"]),
                ("MRImageFrameTypeSequence", "ComplexImageComponent", component),
            ]
            for component in ("MAGNITUDE", "PHASE")
        ],
    ),
    _several(2)[:1],
    ["phase, real or imaginary part"],
)


def _scaled_frames():
    truth = volume()
    frames = [EnhancedFrame(truth, n, (), 1.0 + n, -3.0 * n) for n in range(6)]
    stored = [voxels()[:, :, n] for n in range(6)]
    return [enhanced(frames, stored)]


_add(
    "multi-frame, a scale for each frame",
    _scaled_frames,
    [volume(array=voxels() * (1.0 + np.arange(6)) - 3.0 * np.arange(6))],
)
_add(
    "multi-frame, a frame missing",
    lambda: _frames([volume()], [()], (3, 0, 5, 1, 4)),
    reasons=["missing_slices: 1 missing, the first after slice 2 of 5"],
)

# ---- mosaics

_add("mosaic", lambda: [mosaic(volume())], [volume()])
_add(
    "mosaic, oblique, against the normal",
    lambda: [mosaic(volume(directions=OBLIQUE), reverse=True)],
    [volume(directions=OBLIQUE)],
)
_add(
    "mosaic, sagittal",
    lambda: [mosaic(volume(directions=SAGITTAL))],
    [volume(directions=SAGITTAL)],
)
_add(
    "mosaic, time series",
    lambda: [
        mosaic(truth, header={"AcquisitionNumber": n + 1}, number=n + 1)
        for n, truth in enumerate(_several(2))
    ],
    _several(2),
)
_add(
    "mosaic without its private header",
    lambda: [mosaic(volume(), csa=False)],
    reasons=["mosaic: the private header that says how many slices"],
)

# ---- values

_one("8 bits", volume(array=voxels(dtype=np.uint8)))
_one("8 bits, signed", volume(array=voxels(dtype=np.int8)))
_one("12 bits", volume(array=voxels(dtype=np.uint16, start=2752)), bits=12)
_one("12 bits, signed", volume(array=voxels(start=-600)), bits=12)
_one("16 bits", volume(array=voxels(dtype=np.uint16, start=65536 - 1344)))
_one("16 bits, signed", volume(array=voxels(start=-32768)))
_add(
    "MONOCHROME1",
    lambda: slices(volume(), header={"PhotometricInterpretation": "MONOCHROME1"}),
    [volume()],
    notes={"PhotometricInterpretation": "MONOCHROME1"},
)
_PADDED = np.where(voxels() % 5, voxels(), -2000).astype(np.int16)
_CT = {"SOPClassUID": CTImageStorage, "Modality": "CT", "RescaleSlope": "1"}
_add(
    "CT with padding",
    lambda: [
        _changed([ds], [0], PixelPaddingValue=-2000)[0]
        for ds in slices(
            volume(array=_PADDED - 1024),
            stored=_PADDED,
            header=_CT | {"RescaleIntercept": "-1024"},
        )
    ],
    [volume(array=_PADDED - 1024)],
    notes={"PaddingValue": -3024.0},
)

_SLOPES = 0.5 + np.arange(6) / 8


def _scaled_slices():
    found = slices(volume())
    for ds, slope in zip(found, _SLOPES, strict=True):
        ds.RescaleSlope, ds.RescaleIntercept = f"{slope:.12g}", "-3.5"
    return found


_add(
    "a scale for each slice",
    _scaled_slices,
    [volume(array=voxels() * _SLOPES - 3.5)],
)


def _philips():
    header = {
        "Manufacturer": "Philips Medical Systems",
        "RescaleSlope": "2.5",
        "RescaleIntercept": "0",
    }
    found = slices(volume(), header=header)
    for ds in found:
        block = ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0D, "FL", 0.0)
        block.add_new(0x0E, "FL", 0.125)
    return found


_add(
    "Philips' own scaling",
    _philips,
    [volume(array=voxels() * 2.5)],
    notes={
        "PhilipsRescaleSlope": 2.5,
        "PhilipsRescaleIntercept": 0.0,
        "PhilipsScaleSlope": 0.125,
        "PhilipsScaleIntercept": 0.0,
    },
)

# ---- encodings

_LARGE = volume(array=voxels((40, 36, 3), np.uint16))


def _compressed(syntax):
    found = slices(_LARGE)
    for ds in found:
        ds.compress(syntax, generate_instance_uid=False)
    return found


def _encoded(syntax):
    found = slices(_LARGE)
    for ds in found:
        ds.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            swapped = np.frombuffer(ds.PixelData, "<u2").astype(">u2")
            ds.PixelData = swapped.tobytes()
            ds["PixelData"].VR = "OW"
    return found


for _syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
    _add(_syntax.name, lambda syntax=_syntax: _encoded(syntax), [_LARGE])
_add("deflated", lambda: _encoded(DeflatedExplicitVRLittleEndian), [_LARGE])
for _name, _syntax in (
    ("RLE", RLELossless),
    ("JPEG-LS", JPEGLSLossless),
    ("JPEG 2000", JPEG2000Lossless),
):
    _add(_name, lambda syntax=_syntax: _compressed(syntax), [_LARGE])


def _write_jpeg(folder):
    """GDCM has the only encoder of lossless JPEG at hand; it works on files."""
    save(slices(_LARGE), folder)
    for path in folder.iterdir():
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(
            gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1)
        )
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(path))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()


CASES["JPEG lossless"] = Case(_write_jpeg, (_LARGE,))


def _htj2k():
    found = slices(_LARGE)
    for number, ds in enumerate(found):
        ds.file_meta.TransferSyntaxUID = HTJ2KLossless
        stream = (_HTJ2K / f"{number}.jhc").read_bytes()
        ds.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2)])
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
    return found


_add("high-throughput JPEG 2000", _htj2k, [_LARGE])
_add("no preamble", lambda: slices(volume()), [volume()], preamble=False)

# ---- what is no scan

_add(
    "derived map",
    lambda: slices(volume(), header={"ImageType": ["DERIVED", "PRIMARY", "ADC"]}),
    reasons=["a derived map or projection"],
)
_add(
    "screenshot",
    lambda: slices(
        volume(), header={"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}
    ),
    reasons=["a saved screen or dose page"],
)
_add(
    "dose page",
    lambda: slices(
        volume(), header={"ImageType": ["DERIVED", "SECONDARY", "DOSE_INFO"]}
    )[:1],
    reasons=["a saved screen or dose page"],
)
_add(
    "secondary capture",
    lambda: slices(volume(), header={"SOPClassUID": SecondaryCaptureImageStorage}),
    reasons=["a secondary capture"],
)


def _coloured():
    found = slices(volume(array=voxels(dtype=np.uint8)))
    for ds in found:
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 3, "RGB"
        ds.PlanarConfiguration = 0
        ds.PixelData = ds.PixelData * 3
    return found


_add("colours", _coloured, reasons=["a coloured picture"])


def _looked_up():
    found = slices(volume())
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 16]
    found[0].ModalityLUTSequence = Sequence([table])
    return found


_add("values by a table", _looked_up, reasons=["values need a lookup table"])
