"""Invented patients and hospitals: all that ingest has to remove.

Names are words that no language has and numbers are long, so that a search of the
outputs for them finds leaks only.
"""

import hashlib
from dataclasses import dataclass, fields

import numpy as np

from medinorm.choices import ScannerName
from medinorm.config import DemoConfig
from medinorm.method_names import SCANNER_DECLARATIONS

# Parts of invented words; with rare letters no word of a report matches by chance.
_STARTS = ("Qua", "Xy", "Zvo", "Vre", "Tzi", "Kju", "Yque", "Jhu", "Dwy", "Gzo")
_MIDDLES = ("lqui", "rxo", "vzy", "mbwa", "thqe", "nzu", "skvi", "dgja", "pfo", "xle")
_ENDS = ("nqvist", "rwyx", "zholm", "vaq", "xborn", "jtken", "quorn", "zmyr", "fwik")

# Series of one study, in the order in which they are made.
SERIES = ("localizer", "t1", "extra")

# Purposes of the random streams of one scan.
ANATOMY, SCAN, IDENTITY, SITE = range(4)


@dataclass(frozen=True)
class Patient:
    """The identity of one patient; every value could be used to find the person."""

    family_name: str
    given_name: str
    identifier: str
    other_identifier: str
    birth_date: str
    street: str
    city: str
    telephone: str
    accession: str
    referring: str
    operator: str
    study_date: str
    study_time: str
    study_uid: str
    frame_uid: str
    localizer_uid: str
    t1_uid: str
    extra_uid: str


@dataclass(frozen=True)
class Site:
    """The identity of one hospital and of its scanner."""

    institution: str
    street: str
    city: str
    station: str
    serial: str


def stream(
    seed: int, scanner: ScannerName, subject: int, purpose: int
) -> np.random.Generator:
    """Random numbers of one scan for one purpose, independent of all others.

    Independent also of which other scanners and how many subjects the study has.

    Args:
        seed: of the study.
        scanner: where the subject is scanned.
        subject: counted from 0.
        purpose: `ANATOMY`, `SCAN`, `IDENTITY` or `SITE`.
    """
    number = SCANNER_DECLARATIONS[scanner].facts["seed"]
    return np.random.default_rng([seed, number, subject, purpose])


def draw_patient(seed: int, scanner: ScannerName, subject: int) -> Patient:
    """The patient behind one subject of the demo."""
    rng = stream(seed, scanner, subject, IDENTITY)
    day = np.datetime64("2017-01-02") + int(rng.integers(0, 2000))
    birth = np.datetime64("1931-01-01") + int(rng.integers(0, 24000))
    hour, minute, second = (int(rng.integers(low, 60)) for low in (8, 0, 0))
    fraction = int(rng.integers(100_000, 999_999))
    uids = {
        f"{what}_uid": uid_of(seed, scanner, subject, what)
        for what in ("study", "frame", *SERIES)
    }
    return Patient(
        family_name=_word(rng),
        given_name=_word(rng),
        identifier=f"MRN{_digits(rng, 9)}",
        other_identifier=f"INS{_digits(rng, 11)}",
        birth_date=str(birth).replace("-", ""),
        street=_word(rng),
        city=_word(rng),
        telephone=f"+00-{_digits(rng, 10)}",
        accession=f"A{_digits(rng, 11)}",
        referring=_word(rng),
        operator=_word(rng),
        study_date=str(day).replace("-", ""),
        study_time=f"{hour % 12 + 8:02d}{minute:02d}{second:02d}.{fraction}",
        **uids,
    )


def draw_site(seed: int, scanner: ScannerName) -> Site:
    """The hospital that owns one scanner."""
    rng = stream(seed, scanner, 0, SITE)
    return Site(
        institution=_word(rng),
        street=_word(rng),
        city=_word(rng),
        station=f"MRC{_digits(rng, 8)}",
        serial=_digits(rng, 11),
    )


def planted_tokens(settings: DemoConfig) -> set[str]:
    """Every identifying string in the headers, file names and folders of the demo.

    Words and numbers without the text around them: a search for ``Xyrxozholm`` finds
    ``Xyrxozholm Hospital`` and ``Dr. Xyrxozholm`` too. Search without regard to case.

    Args:
        settings: those the demo was written with.
    """
    identities: list[Patient | Site] = []
    for scanner in settings.scanners:
        identities.append(draw_site(settings.seed, scanner))
        identities += [
            draw_patient(settings.seed, scanner, subject)
            for subject in range(settings.subjects)
        ]
    return {
        getattr(identity, field.name)
        for identity in identities
        for field in fields(identity)
    }


def uid_of(*what: object) -> str:
    """A DICOM unique identifier, always the same for the same things.

    It has the form of a UUID under the root that the standard reserves for those.

    Examples:
        >>> uid_of(0, "ge_15t", 3) == uid_of(0, "ge_15t", 3)
        True

    References:
        DICOM PS3.5, B.2 "UUID Derived UID".
    """
    text = "/".join(map(str, what))
    digest = hashlib.blake2b(text.encode(), digest_size=16, person=b"medinorm.demo")
    return f"2.25.{int.from_bytes(digest.digest(), 'big')}"


def _word(rng: np.random.Generator) -> str:
    """An invented word."""
    middles = rng.choice(_MIDDLES, size=2).tolist()
    return f"{rng.choice(_STARTS)}{''.join(middles)}{rng.choice(_ENDS)}"


def _digits(rng: np.random.Generator, count: int) -> str:
    """A number of `count` digits."""
    return str(rng.integers(10 ** (count - 1), 10**count))
