"""Dates moved by a number of days that is the same for all of one subject."""

import re
from datetime import date, timedelta

from medinorm.ingest.deidentify.pseudonyms import Pseudonyms

_LONGEST = 3650  # days
_SHORTEST = 30
_DATE = re.compile(r"(\d{4})[.]?(\d\d)[.]?(\d\d)")  # with points until DICOM 3.0
_TIME = re.compile(r"([01]\d|2[0-3])(:?[0-5]\d(:?[0-5]\d(\.\d{1,6})?)?)?")
_ZONE = re.compile(r"[+-]\d{4}")
_AGE = re.compile(r"(\d{3})([DWMY])")
_PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}

OLDEST = 90  # years: all higher ages become this one, as HIPAA asks


def shift_of(pseudonyms: Pseudonyms, patient: str) -> timedelta:
    """By how much the dates of one patient move into the past.

    The number of days depends on the key. The distance between two dates of one patient
    stays.

    Args:
        pseudonyms: holds the key.
        patient: the original number.

    Examples:
        >>> names = Pseudonyms(bytes(32))
        >>> shift_of(names, "1") == shift_of(names, "1") != shift_of(names, "2")
        True
        >>> 30 <= -shift_of(names, "1").days < 3650
        True
    """
    number = pseudonyms.number("date shift", patient, bits=64)
    return timedelta(days=-(_SHORTEST + number % (_LONGEST - _SHORTEST)))


def shift_date(text: str, shift: timedelta) -> str:
    """A DICOM date, moved; empty if the text is no date.

    Examples:
        >>> shift_date("20240301", timedelta(days=-1)), shift_date("soon", timedelta())
        ('20240229', '')
    """
    day = parse_date(text)
    if day is None:
        return ""
    try:
        return (day + shift).strftime("%Y%m%d").rjust(8, "0")
    except OverflowError:
        return ""


def shift_datetime(text: str, shift: timedelta) -> str:
    """A DICOM date and time, moved by days; its time zone is left out.

    Examples:
        >>> shift_datetime("20240301120000.5+0100", timedelta(days=-1))
        '20240229120000.5'
    """
    local = _ZONE.sub("", text.strip())
    day, time = shift_date(local[:8], shift), clean_time(local[8:])
    return day + time if day and (time or len(local) == 8) else ""


def clean_time(text: str) -> str:
    """A DICOM time without colons; empty if the text is no time.

    Examples:
        >>> clean_time("12:30:05.25"), clean_time("noon")
        ('123005.25', '')
    """
    clean = text.strip()
    return clean.replace(":", "") if _TIME.fullmatch(clean) else ""


def cap_age(text: str) -> str:
    """An age as DICOM writes it, at most 90 years; empty if the text is no age.

    Examples:
        >>> cap_age("090Y"), cap_age("097Y"), cap_age("089Y"), cap_age("Methuselah")
        ('090Y', '090Y', '089Y', '')
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        return ""
    years = int(match[1]) / _PER_YEAR[match[2]]
    return f"{OLDEST:03d}Y" if years >= OLDEST else match[0]


def age_between(birth: str, day: str) -> str:
    """The age on a day, capped; empty if either text is no date.

    Examples:
        >>> age_between("19510203", "20240202"), age_between("19210203", "20240202")
        ('072Y', '090Y')
    """
    born, then = parse_date(birth), parse_date(day)
    if born is None or then is None or then < born:
        return ""
    years = then.year - born.year - ((then.month, then.day) < (born.month, born.day))
    if years == 0:
        return f"{(then - born).days:03d}D"
    return cap_age(f"{min(years, OLDEST):03d}Y")


def parse_date(text: str) -> date | None:
    """A DICOM date, or ``None`` if the text is no date."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return date(*(int(digits) for digits in match.groups()))
    except ValueError:
        return None
