"""De-identified copies of DICOM headers: only what is listed stays.

References:
    DICOM PS3.15, annex E: "Attribute Confidentiality Profiles".
    DICOM PS3.16, CID 7050: "De-identification Method".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import UID_dictionary

from medinorm import __version__
from medinorm.config import ExportConfig
from medinorm.ingest.deidentify.allowed_attributes import (
    ALWAYS,
    ATTRIBUTES,
    CHARACTERISTICS,
    CODES,
    DATES,
    SEQUENCES,
    UNITS,
)
from medinorm.ingest.deidentify.dates import (
    age_between,
    cap_age,
    clean_time,
    shift_date,
    shift_datetime,
    shift_of,
)
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.deidentify.scanner_names import (
    redact_coil,
    redact_model,
    redact_reconstruction_kernel,
    redact_software,
)
from medinorm.ingest.deidentify.vendors import vendor_of
from medinorm.ingest.dicom.files import items_of, quiet_reading, text_of, value_of

Rule = Callable[[Dataset, str], Any]

_METHODS = {
    "113100": "Basic Application Confidentiality Profile",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# Longer ones may be a patient's number, and no series has as many files.
_COUNT = re.compile(r"[+-]?\d{1,6}")
_STANDARD_UIDS = frozenset(UID_dictionary)


@dataclass(frozen=True)
class Subject:
    """The patient that an object belongs to.

    Args:
        patient: original number, or what stands for it.
        label: pseudonym.
    """

    patient: str
    label: str


@dataclass(frozen=True)
class Deidentifier:
    """Makes de-identified headers for one subject.

    Args:
        pseudonyms: holds the key.
        subject: whose objects they are.
        settings: what may stay.
    """

    pseudonyms: Pseudonyms
    subject: Subject
    settings: ExportConfig

    def header(self, original: Dataset) -> Dataset:
        """A new header with what is allowed of the original, nested items included.

        Pixels, overlays, curves and private elements are not in it; nor are the file
        meta elements and the preamble, which the writer makes anew.

        Args:
            original: as read from the file.
        """
        with quiet_reading():
            made = self._items(original)
            for keyword, value in self._identity(original).items():
                setattr(made, keyword, value)
            for keyword in ALWAYS:
                if keyword not in made:
                    setattr(made, keyword, None)
            made.update(_method_record(self.settings))
        return made

    def _items(self, original: Dataset) -> Dataset:
        """The allowed elements of a data set, or of an item of a sequence."""
        made = Dataset()
        for tag in sorted(original.keys()):
            keyword = keyword_for_tag(tag)
            if keyword not in self._rules:
                continue
            value = self._rules[keyword](original, keyword)
            if value not in (None, "", [], [""]):
                made.add_new(tag, _representation(original, keyword), value)
        return made

    @cached_property
    def _rules(self) -> Mapping[str, Rule]:
        """What becomes of each keyword that may stay."""
        names: dict[str, Callable[[str], str]] = {
            "Manufacturer": vendor_of,
            "ManufacturerModelName": partial(redact_model, pseudonyms=self.pseudonyms),
            "SoftwareVersions": redact_software,
            "ConvolutionKernel": redact_reconstruction_kernel,
            "ReceiveCoilName": partial(redact_coil, pseudonyms=self.pseudonyms),
            "TransmitCoilName": partial(redact_coil, pseudonyms=self.pseudonyms),
        }
        rules = {name: self._rule_for(name) for name in ATTRIBUTES}
        rules |= dict.fromkeys(SEQUENCES, self._sequence)
        rules |= {"MeasurementUnitsCodeSequence": _units, "StackID": _count}
        rules |= {name: partial(_rewritten, clean=names[name]) for name in names}
        if self.settings.dates == "shift":
            rules |= dict.fromkeys(DATES, self._moved)
        if self.settings.characteristics:
            rules |= {name: self._rule_for(name) for name in CHARACTERISTICS}
        return rules

    def _rule_for(self, keyword: str) -> Rule:
        """The rule for an element that is no free text, by its representation."""
        if (kind := dictionary_VR(keyword)) == "UI":
            return self._uids
        return _RULES.get(kind, value_of)

    def _sequence(self, original: Dataset, keyword: str) -> list[Dataset]:
        """All items, in number and order as they were: frames are counted by them."""
        return [self._items(item) for item in items_of(original, keyword)]

    def _uids(self, original: Dataset, keyword: str) -> list[str]:
        """UIDs of the standard as they are, all others replaced everywhere alike."""
        uids = [uid.strip(" \0") for uid in text_of(original, keyword).split("\\")]
        return [
            uid if uid in _STANDARD_UIDS else self.pseudonyms.uid(uid)
            for uid in uids
            if uid
        ]

    def _moved(self, original: Dataset, keyword: str) -> str:
        """A date moved, a time as it is."""
        text, kind = text_of(original, keyword), dictionary_VR(keyword)
        if kind == "TM":
            return clean_time(text)
        shift = shift_of(self.pseudonyms, self.subject.patient)
        return (shift_date if kind == "DA" else shift_datetime)(text, shift)

    def _identity(self, original: Dataset) -> dict[str, str]:
        """What stands for the patient, the age, and the device."""
        made = {"PatientID": self.subject.label, "PatientName": self.subject.label}
        if self.settings.characteristics:
            days = (
                text_of(original, name) for name in ("PatientBirthDate", "StudyDate")
            )
            made["PatientAge"] = cap_age(
                text_of(original, "PatientAge")
            ) or age_between(*days)
        if self.settings.devices:
            vendor = vendor_of(text_of(original, "Manufacturer"))
            serial = text_of(original, "DeviceSerialNumber")
            station = text_of(original, "StationName")
            site = text_of(original, "InstitutionName")
            made |= {
                "DeviceSerialNumber": self._named("device", vendor, serial or station),
                "StationName": self._named("station", station),
                "InstitutionName": self._named("site", site),
            }
        return {keyword: value for keyword, value in made.items() if value}

    def _named(self, kind: str, *original: str) -> str:
        """A pseudonym; empty if the original is."""
        return self.pseudonyms.name(kind, *original) if original[-1] else ""


def _representation(original: Dataset, keyword: str) -> str:
    """How a value is stored; some elements leave the choice to the file."""
    known = dictionary_VR(keyword)
    return str(original[keyword].VR) if " or " in known else known


def _numbers(original: Dataset, keyword: str, *, form: re.Pattern[str]) -> list[str]:
    """Numbers written as text; none at all if one text is no number."""
    texts = [text.strip() for text in text_of(original, keyword).split("\\")]
    return texts if all(map(form.fullmatch, texts)) else []


def _count(original: Dataset, keyword: str) -> list[str]:
    """A small whole number."""
    return _numbers(original, keyword, form=_COUNT)


def _codes(original: Dataset, keyword: str) -> list[str]:
    """Codes that are words of the standard; each other code becomes ``OTHER``."""
    codes = [code.strip() for code in text_of(original, keyword).split("\\")]
    if not CODES.intersection(codes):
        return []
    return [code if code in CODES or not code else "OTHER" for code in codes]


def _binary(original: Dataset, keyword: str) -> Any:
    """Numbers stored as such."""
    value = value_of(original, keyword)
    values = value if not isinstance(value, int | float) else [value]
    try:
        usable = all(isinstance(number, int | float) for number in values)
    except TypeError:
        return None
    return value if usable else None


def _units(original: Dataset, keyword: str) -> list[Dataset]:
    """Units of measurement by their code, which says all that the meaning does."""
    codes = (text_of(item, "CodeValue") for item in items_of(original, keyword))
    return [_code(code, "UCUM", code) for code in codes if code in UNITS]


def _rewritten(original: Dataset, keyword: str, *, clean: Callable[[str], str]) -> Any:
    """The name of a scanner, without other words."""
    return clean(text_of(original, keyword)).split("; ")


def _capped(original: Dataset, keyword: str) -> str:
    """An age."""
    return cap_age(text_of(original, keyword))


_RULES: Mapping[str, Rule] = {
    "DS": partial(_numbers, form=_NUMBER),
    "IS": _count,
    "AS": _capped,
    **dict.fromkeys(("CS", "LO", "SH"), _codes),
    **dict.fromkeys(("AT", "FD", "FL", "SL", "SS", "UL", "US", "US or SS"), _binary),
}


def _method_record(settings: ExportConfig) -> Dataset:
    """The elements that say that, and how, a header was de-identified."""
    codes = ["113100"]
    codes += ["113107"] if settings.dates == "shift" else []
    codes += ["113108"] if settings.characteristics else []
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = f"medinorm {__version__}: PS3.15 by allow-list"
    made.DeidentificationMethodCodeSequence = [
        _code(code, "DCM", _METHODS[code]) for code in codes
    ]
    made.LongitudinalTemporalInformationModified = (
        "MODIFIED" if settings.dates == "shift" else "REMOVED"
    )
    return made


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    """An entry of a coding scheme."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = value, scheme
    code.CodeMeaning = meaning
    return code
