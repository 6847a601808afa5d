"""Each method has a source, and each key that is cited is in the BibTeX."""

import re

import pytest

from medinorm.config import HarmonizeConfig, TrainConfig
from medinorm.method_names import (
    ADAPTATION_DECLARATIONS,
    AUGMENTATION_DECLARATIONS,
    INTENSITY_DECLARATIONS,
    NETWORK_DECLARATIONS,
    NORM_DECLARATIONS,
)
from medinorm.records.metrics import METRICS
from medinorm.report.text.citations import (
    WITHOUT_SOURCE,
    cite,
    find_sources,
    list_used,
    read_sources,
    write_bibtex,
)
from medinorm.report.text.methods import StageSettings
from medinorm.report.text.scores import CONFIDENCE_MEASURES

# Metrics without a paper of their own are those that Metrics Reloaded recommends.
DECLARED = {
    "norm": NORM_DECLARATIONS,
    "intensity": INTENSITY_DECLARATIONS,
    "augmentation": AUGMENTATION_DECLARATIONS,
    "adapt": ADAPTATION_DECLARATIONS,
    "network": NETWORK_DECLARATIONS,
    "metric": {name: None for name in METRICS if name in {"dice", "hd95", "nsd"}},
}
NAMES = [f"{kind}:{name}" for kind, names in DECLARED.items() for name in names]


@pytest.mark.parametrize("name", NAMES)
def test_each_declared_method_has_a_source(name):
    assert bool(find_sources([name])) is not (name in WITHOUT_SOURCE)


def test_sources_are_of_methods_that_exist():
    used = {use for source in read_sources().values() for use in source.uses}
    assert used >= {name for name in NAMES if name not in WITHOUT_SOURCE}
    settings = ("optimizer", "schedule", "foreground", "bias_field", "confidence")
    others = {u for u in used - set(NAMES) if u.partition(":")[0] not in settings}
    assert others == {"always", "training"}


@pytest.mark.parametrize("key", read_sources())
def test_each_entry_is_whole(key):
    source = read_sources()[key]
    assert {"title", "year", "medinorm"} <= source.fields.keys()
    assert source.fields.get("doi", "10.").startswith("10.")
    assert {"doi", "note"} & source.fields.keys()
    assert "medinorm" not in source.text
    assert source.text.count("{") == source.text.count("}")


def test_measures_of_confidence_have_sources():
    assert all(find_sources([name]) for name in CONFIDENCE_MEASURES)
    assert next(cite(CONFIDENCE_MEASURES)) == "calibration error [@guo2017]"


def test_the_file_has_no_entry_that_is_not_read():
    import medinorm.report.text.citations as module  # noqa: PLC0415

    text = (module.files("medinorm.report.text") / "references.bib").read_text()
    assert len(re.findall("^@", text, re.MULTILINE)) == len(read_sources())


def test_all_keys_that_are_cited_are_in_the_bibtex(fake_study):
    settings = StageSettings(HarmonizeConfig(bias_field="n4"), TrainConfig())
    used = list_used(fake_study(subjects=2).findings(), settings)
    bibtex = write_bibtex(find_sources(used))
    keys = re.findall(r"@(\w+)", " ".join(cite(used)))
    assert {"ioffe2015", "tustison2010", "loshchilov2019", "li2016"} <= set(keys)
    assert all(f"{{{key},\n" in bibtex for key in keys)
    assert "mixstyle" not in bibtex.lower()  # nothing that the study did not use
