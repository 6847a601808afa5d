"""Input, demo, ingest and split: one source, and enough of it."""

import pytest

from medinorm.config import InputConfig, SplitConfig
from medinorm.records.scans import IDENTITY_COLUMNS


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"input": {"scans": "a", "bids": "b"}}, "give one of scans, dicom, bids"),
        (
            {
                "input": {
                    "pacs": {"url": "https://a", "query": "q.tsv"},
                    "dicom": ["b"],
                }
            },
            "give one of",
        ),
        ({"input": {"labels": "a"}}, "labels goes with dicom or pacs"),
        ({"input": {"channels": ["t", "t"]}}, "channels must differ"),
        ({"demo": {"scanners": ["ge_15t"]}}, "demo.scanners: .* at least 2"),
        (
            {"demo": {"scanners": ["ge_15t", "ge"]}},
            "demo.scanners, entry 2: .*siemens_3t",
        ),
        ({"ingest": {"deface": "tool {input}"}}, "must name {input} and {output}"),
        ({"ingest": {"deface": "'{input} {output}"}}, "that is not closed"),
        ({"split": {"designs": ["loo"]}}, "split.designs, entry 1: .*lodo"),
        ({"split": {"folds": 3, "test_folds": 4}}, "cannot exceed folds"),
    ],
)
def test_impossible_sources_are_refused(refuse, values, message):
    refuse(values, message)


def test_without_a_source_it_is_the_demo():
    assert InputConfig().demo
    assert not InputConfig(bids="data").demo


def test_the_columns_of_a_domain_are_listed():
    text = SplitConfig.model_fields["domain"].description
    assert all(f"`{name}`" in text for name in IDENTITY_COLUMNS)
