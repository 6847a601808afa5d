from pathlib import Path

import pytest

from medinorm.config import SelectRule
from medinorm.ingest.dicom.frames import Frame
from medinorm.ingest.plan.selection import (
    fitting_rule,
    reason_against_traits,
    traits_of,
)

TRUE_TRAITS = {
    "Modality": "MR",
    "SeriesDescription": "AX T1",
    "ProtocolName": "head routine",
}


def frames(directions, step=(0.0, 0.0, 4.0), spacing=(1.0, 2.0)):
    return [
        Frame(
            path=Path("x"),
            index=0,
            position=tuple(number * x for x in step),
            directions=directions,
            spacing=spacing,
            shape=(8.0, 8.0),
        )
        for number in range(4)
    ]


@pytest.mark.parametrize(
    ("directions", "orientation"),
    [
        ((1.0, 0, 0, 0, 1.0, 0), "axial"),
        ((1.0, 0, 0, 0, 0, -1.0), "coronal"),
        ((0, 1.0, 0, 0, 0, -1.0), "sagittal"),
        ((0.8, 0, 0.6, 0, 1.0, 0), "axial"),
        ((0.6, 0, 0.8, 0, 1.0, 0), "sagittal"),
        ((float("nan"),) * 6, ""),
    ],
)
def test_the_nearest_plane(directions, orientation):
    assert traits_of({}, frames(directions)).orientation == orientation


@pytest.mark.parametrize(("gap", "widest"), [(4.0, 4.0), (1.5, 2.0)])
def test_the_widest_spacing(gap, widest):
    found = traits_of({}, frames((1.0, 0, 0, 0, 1.0, 0), step=(0, 0, gap)))
    assert found.spacing == widest


@pytest.mark.parametrize(
    ("agent", "given"), [("", False), ("none", False), ("No", False), ("Gd", True)]
)
def test_contrast_agents(agent, given):
    found = traits_of({"ContrastBolusAgent": agent}, frames((1.0, 0, 0, 0, 1.0, 0)))
    assert found.contrast_agent is given


def test_either_name_may_fit():
    traits = traits_of(TRUE_TRAITS, frames((1.0, 0, 0, 0, 1.0, 0)))
    for text in ("^ax t1$", "ROUTINE"):
        assert not reason_against_traits([SelectRule(description=text)], traits)


def test_all_rules_are_answered():
    traits = traits_of(TRUE_TRAITS, frames((1.0, 0, 0, 0, 1.0, 0)))
    rules = [SelectRule(modality=["CT"], max_spacing=1), SelectRule(description="t2")]
    assert reason_against_traits(rules, traits) == (
        "not selected by ingest.select: rule 1 asks for another modality and "
        "max_spacing; rule 2 asks for another description"
    )


def test_what_is_unknown_fits_no_rule():
    nothing = frames((float("nan"),) * 6, spacing=(float("nan"),) * 2)
    traits = traits_of({}, nothing)
    assert reason_against_traits([SelectRule(orientation=["axial"])], traits)
    assert reason_against_traits([SelectRule(max_spacing=5)], traits)
    assert not reason_against_traits([SelectRule()], traits)


def test_the_first_rule_that_fits_decides():
    traits = traits_of(TRUE_TRAITS, frames((1.0, 0, 0, 0, 1.0, 0)))
    rules = [SelectRule(description=text) for text in ("t2", "t1", "head")]
    assert fitting_rule(rules, traits) == 1
    assert fitting_rule(rules[:1], traits) is None
