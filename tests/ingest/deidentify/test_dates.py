from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from medinorm.ingest.deidentify.dates import (
    age_between,
    cap_age,
    clean_time,
    parse_date,
    shift_date,
    shift_datetime,
    shift_of,
)
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms

DAYS = st.dates(date(1920, 1, 1), date(2100, 1, 1))


@given(DAYS, DAYS, st.binary(min_size=32, max_size=32), st.text())
def test_distances_stay(first, second, key, patient):
    shift = shift_of(Pseudonyms(key), patient)
    assert timedelta(days=-3650) < shift <= timedelta(days=-30)
    moved = [
        parse_date(shift_date(day.strftime("%Y%m%d"), shift)) for day in (first, second)
    ]
    assert moved[1] - moved[0] == second - first
    assert moved[0] == first + shift


@given(st.text())
def test_what_is_no_date_or_time_or_age_is_dropped(text):
    shift = timedelta(days=-100)
    for made in (
        shift_date(text, shift),
        shift_datetime(text, shift),
        clean_time(text),
        cap_age(text),
    ):
        assert set(made) <= set("0123456789.DWMY")


def test_dates_before_the_calendar_are_dropped():
    assert shift_date("00010101", timedelta(days=-30)) == ""
    assert shift_date("2020.01.31", timedelta(days=-30)) == "20200101"
    assert shift_datetime("20200131", timedelta(days=-30)) == "20200101"
    assert shift_datetime("20200131noon", timedelta(days=-30)) == ""


@given(DAYS, st.integers(0, 45_000))
def test_nobody_is_older_than_90(born, days):
    try:
        day = born + timedelta(days=days)
    except OverflowError:
        return
    age = age_between(born.strftime("%Y%m%d"), day.strftime("%Y%m%d"))
    if age.endswith("Y"):
        years = min((day - born).days / 365.2425, 90)
        assert abs(int(age[:3]) - years) <= 1.01
        assert int(age[:3]) <= 90
    else:
        assert (int(age[:3]), age[3]) == ((day - born).days, "D")


def test_old_ages_in_all_units():
    assert cap_age("999M") == "999M"  # 83 years
    assert {cap_age(age) for age in ("090Y", "120Y", "999Y")} == {"090Y"}
