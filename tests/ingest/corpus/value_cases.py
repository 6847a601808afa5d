"""How values are stored, scaled and encoded; and what is no scan."""

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

from tests.ingest.corpus.case import (
    CASES,
    Case,
    add,
    changed,
    one,
)
from tests.ingest.corpus.series import (
    save,
    slices,
    volume,
    voxels,
)

_HTJ2K = Path(__file__).parent / "htj2k"

# ---- values

one("8 bits", volume(array=voxels(dtype=np.uint8)))
one("8 bits, signed", volume(array=voxels(dtype=np.int8)))
one("12 bits", volume(array=voxels(dtype=np.uint16, start=2752)), bits=12)
one("12 bits, signed", volume(array=voxels(start=-600)), bits=12)
one("16 bits", volume(array=voxels(dtype=np.uint16, start=65536 - 1344)))
one("16 bits, signed", volume(array=voxels(start=-32768)))
add(
    "MONOCHROME1",
    lambda: slices(volume(), header={"PhotometricInterpretation": "MONOCHROME1"}),
    [volume()],
    notes={"PhotometricInterpretation": "MONOCHROME1"},
)
_PADDED = np.where(voxels() % 5, voxels(), -2000).astype(np.int16)
_CT = {"SOPClassUID": CTImageStorage, "Modality": "CT", "RescaleSlope": "1"}
add(
    "CT with padding",
    lambda: [
        changed([ds], [0], PixelPaddingValue=-2000)[0]
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


add(
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


add(
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
    add(_syntax.name, lambda syntax=_syntax: _encoded(syntax), [_LARGE])
add("deflated", lambda: _encoded(DeflatedExplicitVRLittleEndian), [_LARGE])
for _name, _syntax in (
    ("RLE", RLELossless),
    ("JPEG-LS", JPEGLSLossless),
    ("JPEG 2000", JPEG2000Lossless),
):
    add(_name, lambda syntax=_syntax: _compressed(syntax), [_LARGE])


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


add("high-throughput JPEG 2000", _htj2k, [_LARGE])
add("no preamble", lambda: slices(volume()), [volume()], preamble=False)

# ---- what is no scan

add(
    "derived map",
    lambda: slices(volume(), header={"ImageType": ["DERIVED", "PRIMARY", "ADC"]}),
    reasons=["a derived map or projection"],
)
add(
    "screenshot",
    lambda: slices(
        volume(), header={"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}
    ),
    reasons=["a saved screen or dose page"],
)
add(
    "dose page",
    lambda: slices(
        volume(), header={"ImageType": ["DERIVED", "SECONDARY", "DOSE_INFO"]}
    )[:1],
    reasons=["a saved screen or dose page"],
)
add(
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


add("colours", _coloured, reasons=["a coloured image"])


def _looked_up():
    found = slices(volume())
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 16]
    found[0].ModalityLUTSequence = Sequence([table])
    return found


add("values by a table", _looked_up, reasons=["values need a lookup table"])
