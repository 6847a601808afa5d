from dataclasses import astuple

import pytest
from pydicom import uid

from medinorm.config import DemoConfig
from medinorm.declarations import Declaration
from medinorm.demo import patients
from medinorm.demo.patients import (
    ANATOMY,
    draw_patient,
    draw_site,
    planted_tokens,
    stream,
    uid_of,
)
from medinorm.method_names import SCANNER_DECLARATIONS


def test_tokens_are_long_distinct_and_complete():
    settings = DemoConfig(subjects=12)
    tokens = planted_tokens(settings)
    assert all(len(token) >= 8 for token in tokens)
    subjects, scanners = 3 * 12, 3
    # All identities differ; only dates may coincide.
    fields = len(astuple(draw_patient(0, "ge_15t", 0)))
    site = len(astuple(draw_site(0, "ge_15t")))
    assert len(tokens) > subjects * (fields - 1) + scanners * site
    assert len(tokens) <= subjects * fields + scanners * site


def test_a_patient_depends_on_nothing_but_seed_scanner_and_number():
    assert draw_patient(3, "ge_15t", 1) == draw_patient(3, "ge_15t", 1)
    others = [(4, "ge_15t", 1), (3, "siemens_3t", 1), (3, "ge_15t", 2)]
    for other in others:
        assert (
            draw_patient(*other).family_name != draw_patient(3, "ge_15t", 1).family_name
        )


def test_identifiers_are_valid_dicom():
    assert uid.UID(uid_of("a", 1)).is_valid
    assert uid_of("a", 1) != uid_of("a", 2)
    patient = draw_patient(0, "philips_3t", 5)
    assert len(patient.accession) <= 16
    assert len(patient.telephone) <= 16


# The first random number of each scanner, as earlier versions drew it.
FIRST = {
    "ge_15t": 0.8331748283767769,
    "siemens_3t": 0.7447983794990424,
    "philips_3t": 0.5231147502091889,
    "lowfield_64mt": 0.5324211967452813,
}


def test_the_subjects_of_a_scanner_are_those_of_earlier_versions():
    assert {name: stream(7, name, 1, ANATOMY).random() for name in FIRST} == FIRST


@pytest.mark.parametrize("place", range(len(FIRST) + 1))
def test_a_scanner_added_anywhere_changes_no_other(monkeypatch, place):
    declared = list(SCANNER_DECLARATIONS.items())
    new = Declaration("new", "a further one", {"seed": 4}, "medinorm.demo.scanners")
    declared.insert(place, ("new", new))
    monkeypatch.setattr(patients, "SCANNER_DECLARATIONS", dict(declared))
    assert {name: stream(7, name, 1, ANATOMY).random() for name in FIRST} == FIRST
    assert stream(7, "new", 1, ANATOMY).random() not in FIRST.values()
