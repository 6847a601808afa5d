"""One name for each model, and the user's own names."""

import pytest

from medinorm.ingest.deidentify.scanner_models import _NAMES, name_model, rename_scanner
from medinorm.records.scans import Identity


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        (
            ["Prisma_fit", "Prisma fit", "MAGNETOM Prisma Fit"],
            "Prisma Fit",
        ),
        (["Prisma", "MAGNETOM Prisma", "SIEMENS MAGNETOM Prisma"], "Prisma"),
        (["Skyra_fit", "MAGNETOM Skyra Fit"], "Skyra Fit"),
        (["TrioTim", "Trio Tim", "MAGNETOM Trio_Tim"], "TrioTim"),
        (["Biograph_mMR", "Biograph mMR"], "Biograph mMR"),
        (["DISCOVERY MR750", "Discovery_MR750"], "Discovery MR750"),
        (["Signa HDxt", "SIGNA HDxt"], "Signa HDxt"),
        (["GENESIS_SIGNA", "Genesis Signa"], "Genesis SIGNA"),
        (["Philips Ingenia", "Ingenia"], "Ingenia"),
        (["Philips Medical Systems Achieva_dStream"], "Achieva dStream"),
        (["SOMATOM Definition AS+", "Definition AS+"], "Definition AS+"),
        (["uMR790", "uMR 790", "UIH uMR_790"], "uMR 790"),
        (["Other_new_model", "Other new model"], "Other new model"),
        (["GE"], "GE"),
        (["MAGNETOM"], "MAGNETOM"),
        ([""], ""),
    ],
)
def test_spellings_of_one_model_have_one_name(spellings, name):
    assert [name_model(own) for own in spellings] == [name] * len(spellings)


@pytest.mark.parametrize("name", _NAMES.values())
def test_a_public_name_stays(name):
    assert name_model(name) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Prisma", "Prisma_fit"),
        ("Avanto", "Avanto Fit"),
        ("Definition AS", "Definition AS+"),
        ("Trio", "TrioTim"),
        ("Achieva", "Achieva dStream"),
        ("Discovery MR750", "Discovery MR750w"),
    ],
)
def test_other_machines_keep_other_names(one, other):
    assert name_model(one) != name_model(other)


PRISMA = Identity.of(
    {"scanner": "Siemens Prisma Fit 3T", "vendor": "Siemens", "model": "Prisma Fit"}
)


@pytest.mark.parametrize(
    ("names", "scanner", "model"),
    [
        ({}, "Siemens Prisma Fit 3T", "Prisma Fit"),
        ({"siemens prisma_fit 3t": "Prismas"}, "Prismas", "Prisma Fit"),
        ({"Prisma_fit": "Prisma"}, "Siemens Prisma 3T", "Prisma"),
        ({"MAGNETOM Prisma Fit": "Prisma"}, "Siemens Prisma 3T", "Prisma"),
        ({"Skyra": "Prisma"}, "Siemens Prisma Fit 3T", "Prisma Fit"),
        ({"": "nobody"}, "Siemens Prisma Fit 3T", "Prisma Fit"),
    ],
)
def test_the_users_names_are_used(names, scanner, model):
    renamed = rename_scanner(PRISMA, names)
    assert (renamed.scanner, renamed.model) == (scanner, model)
    assert renamed.vendor == "Siemens"


def test_an_unknown_scanner_stays_unknown():
    assert rename_scanner(Identity.of({}), {"": "x", "?": "y"}) == Identity.of({})
