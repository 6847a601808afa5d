"""What may differ between frames of one DICOM series that lie at one place."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from medinorm.ingest.dicom.files import Header, numbers_of, text_of
from medinorm.ingest.dicom.header_values import PRIVATE, Private

_PRIVATE_B_VALUES = ("SiemensBValue", "GEBValue", "PhilipsBValue")
_PRIVATE_PLACES = ("GEPlaces", "PhilipsPlaces")
_GE_KINDS = {1.0: "PHASE", 2.0: "REAL", 3.0: "IMAGINARY"}
_GE_B_OFFSET = 1_000_000  # newer software adds multiples of this
_GATING = frozenset({"CG", "RG", "PPG"})  # by heart, breath and pulse
# Words by which makers say that fat is suppressed.
_FAT_SATURATION = frozenset({"FS", "SFS", "FATSAT", "FAT_SAT", "FAT SAT", "FAT"})
# What stands in place of a contrast agent if none was given.
NO_AGENT = frozenset({"", "NO", "NONE", "N", "NO CONTRAST"})


@dataclass(frozen=True)
class FrameKeys:
    """What one frame says about the volume it belongs to; ``None`` is unknown.

    Args:
        image_type: its values, and which component of a complex number it shows.
        echo: echo time, ms.
        inversion: inversion time, ms.
        b_value: diffusion weighting, s/mm^2.
        gradient: direction of the diffusion gradient.
        stack: name of its stack.
        temporal: number of its time point.
        acquisition: number of its acquisition.
        trigger: time since the trigger, ms.
        number: its number in the series, which may be wrong.
        repeats: how many time points the series has.
        flip_angle: of the excitation, degrees.
        repetition: repetition time, ms.
        gated: whether heart or breath decide about the repetition time.
        reconstruction: name of the CT reconstruction kernel.
        voltage: of the X-ray tube, kV.
        echo_number: which echo it is.
        sequence: kind of pulse sequence.
        variant: which variant of it.
        fat_saturation: whether fat is suppressed.
        thickness: of the slice, mm.
        unit: of its values after rescaling.
        agent: whether a contrast agent is named.
        images: how many images its acquisition has.
        places: at how many places, by the words of some makers.
    """

    image_type: tuple[str, ...] = ()
    echo: float | None = None
    inversion: float | None = None
    b_value: float | None = None
    gradient: tuple[float, ...] | None = None
    stack: str = ""
    temporal: float | None = None
    acquisition: float | None = None
    trigger: float | None = None
    number: float | None = None
    repeats: float | None = None
    flip_angle: float | None = None
    repetition: float | None = None
    gated: bool = False
    reconstruction: str = ""
    voltage: float | None = None
    echo_number: float | None = None
    sequence: frozenset[str] = frozenset()
    variant: frozenset[str] = frozenset()
    fat_saturation: bool = False
    thickness: float | None = None
    unit: str = ""
    agent: bool = False
    images: float | None = None
    places: float | None = None


def read_keys(places: Sequence[Header]) -> FrameKeys:
    r"""The keys of a frame.

    Args:
        places: headers that may hold them; earlier ones count more.

    Examples:
        >>> header = {"EchoTime": "2.46001", "ImageType": "ORIGINAL\\PRIMARY\\M"}
        >>> keys = read_keys([header])
        >>> keys.echo, keys.image_type, keys.temporal
        (2.46, ('ORIGINAL', 'PRIMARY', 'M'), None)
    """
    return FrameKeys(
        image_type=_image_type(places),
        echo=_number(places, "EffectiveEchoTime", "EchoTime"),
        inversion=_number(places, "InversionTimes", "InversionTime"),
        b_value=_b_value(places),
        gradient=_gradient(places),
        stack=_first_text(places, "StackID"),
        temporal=_number(places, "TemporalPositionIndex", "TemporalPositionIdentifier"),
        acquisition=_number(places, "FrameAcquisitionNumber", "AcquisitionNumber"),
        trigger=_number(places, "NominalCardiacTriggerDelayTime", "TriggerTime"),
        number=_number(places, "InstanceNumber"),
        repeats=_number(places, "NumberOfTemporalPositions"),
        flip_angle=_positive(places, "FlipAngle"),
        repetition=_positive(places, "RepetitionTime"),
        gated=not _GATING.isdisjoint(_words(places, "ScanOptions"))
        or _positive(places, "TriggerTime") is not None,
        reconstruction=_first_text(places, "ConvolutionKernel").casefold(),
        voltage=_positive(places, "KVP"),
        echo_number=_positive(places, "EchoNumbers"),
        sequence=_words(places, "ScanningSequence"),
        variant=_words(places, "SequenceVariant"),
        fat_saturation=_suppresses_fat(places),
        thickness=_positive(places, "SliceThickness"),
        unit=_first_text(places, "RescaleType").upper(),
        agent=_first_text(places, "ContrastBolusAgent").upper() not in NO_AGENT,
        images=_positive(places, "ImagesInAcquisition"),
        places=_named_number(places, *_PRIVATE_PLACES) or _pet_slices(places),
    )


def private_value(header: Header, element: Private) -> Any:
    """The value of a private element, or ``None``; the index does not keep it."""
    if not isinstance(header, Dataset):
        return None
    try:
        block = header.private_block(element.group, element.creator)
        return block[element.number].value
    except Exception:  # it is absent, or damaged in whatever way
        return None


def private_number(header: Header, element: Private) -> float | None:
    """The first number of a private element, or ``None``; see `private_value`."""
    return _first_number(private_value(header, element))


def _first_number(value: Any) -> float | None:
    """The first of several numbers, or the only one."""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace").strip(" \0")
    if isinstance(value, str):
        value = value.split("\\")
    if isinstance(value, Sequence):
        value = value[0] if len(value) else None
    try:
        number = None if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _named_number(places: Sequence[Header], *names: str) -> float | None:
    """The first number of a private element by its name in the index."""
    for name in names:
        for place in places:
            known = isinstance(place, Dataset)
            value = private_value(place, PRIVATE[name]) if known else place.get(name)
            if (number := _first_number(value)) is not None:
                return number
    return None


def _image_type(places: Sequence[Header]) -> tuple[str, ...]:
    """The values of the image type and the component of a complex number, each once."""
    text = _first_text(places, "FrameType", "ImageType")
    values = tuple(value.strip().upper() for value in text.split("\\"))
    component = _first_text(places, "ComplexImageComponent").upper()
    if not component:  # GE says it in an element of its own
        component = _GE_KINDS.get(_named_number(places, "GEImageKind") or 0.0, "")
    known = not component or component in values[2:]
    return tuple(filter(None, values if known else (*values, component)))


def _first_text(places: Sequence[Header], *keywords: str) -> str:
    """The first text by any of the keywords."""
    texts = (text_of(place, keyword) for place in places for keyword in keywords)
    return next(filter(None, texts), "")


def _words(places: Sequence[Header], keyword: str) -> frozenset[str]:
    """The values of an element, in upper case."""
    text = _first_text(places, keyword).upper()
    return frozenset(filter(None, map(str.strip, text.split("\\"))))


def _suppresses_fat(places: Sequence[Header]) -> bool:
    """Whether the options of a scan, or of one frame, name fat saturation."""
    words = _words(places, "ScanOptions")
    words |= _words(places, "SpectrallySelectedSuppression")
    return not _FAT_SATURATION.isdisjoint(words)


def _positive(places: Sequence[Header], keyword: str) -> float | None:
    """The first single number by a keyword; zero means that it is not used."""
    return _number(places, keyword) or None


def _number(places: Sequence[Header], *keywords: str) -> float | None:
    """The first single number by any of the keywords, without noise."""
    for keyword in keywords:
        for place in places:
            numbers = numbers_of(place, keyword, 1)
            if numbers is not None and math.isfinite(numbers[0]):
                return round(numbers[0], 2) + 0.0
    return None


def _pet_slices(places: Sequence[Header]) -> float | None:
    """How many slices a PET image has; others use the element for something else."""
    in_pet = _first_text(places, "Modality") == "PT"
    return _positive(places, "NumberOfSlices") if in_pet else None


def _b_value(places: Sequence[Header]) -> float | None:
    """The b-value, also where vendors keep it."""
    standard = _number(places, "DiffusionBValue")
    if standard is not None:
        return standard
    private = _named_number(places, *_PRIVATE_B_VALUES)
    return None if private is None else private % _GE_B_OFFSET


def _gradient(places: Sequence[Header]) -> tuple[float, ...] | None:
    """The direction of the diffusion gradient."""
    for place in places:
        numbers = numbers_of(place, "DiffusionGradientOrientation", 3)
        if numbers is not None and all(map(math.isfinite, numbers)):
            return tuple(round(number, 4) + 0.0 for number in numbers)
    return None
