"""The word for a domain: a column's own where it is one, else none is made up."""

import pytest

from medinorm.config import SplitConfig
from medinorm.domain_noun import DomainNoun


def test_the_default_is_the_scanner():
    noun = DomainNoun.of(SplitConfig().domain)
    assert (noun.one, noun.many) == ("scanner", "scanners")
    assert noun.with_article == "a scanner"


@pytest.mark.parametrize(
    ("column", "many", "with_article"),
    [
        ("site", "sites", "a site"),
        ("export", "exports", "an export"),
        ("vendor", "vendors", "a vendor"),
        ("hospital", "hospitals", "a hospital"),
        ("institution", "institutions", "an institution"),
        ("unit", "units", "a unit"),
    ],
)
def test_a_regular_noun_is_used(column, many, with_article):
    noun = DomainNoun.of([column])
    assert (noun.one, noun.many) == (column, many)
    assert noun.with_article == with_article


@pytest.mark.parametrize(
    "columns",
    [
        *(["series"], ["city"], ["batch"], ["sex"], ["quartz"], ["echo"], ["shelf"]),
        *(["Site"], ["field_strength"], ["site2"], ["export format"], ["\u00e9cole"]),
        *(["tr"], ["e"], ["site\n"], ["scanner", "site"], ["vendor", "model"]),
    ],
)
def test_anything_else_is_a_domain(columns):
    noun = DomainNoun.of(columns)
    assert (noun.one, noun.many) == ("domain", "domains")
    assert noun.with_article == "a domain"
