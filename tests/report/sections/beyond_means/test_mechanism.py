"""What the norms do inside the network: sentences, figure, table."""

from medinorm.files.records import write_records
from medinorm.records.beyond_means import DomainProbeRow, FeatureDriftRow
from medinorm.report.sections.beyond_means.mechanism import write_mechanism
from tests.report.page import Page, words


def write(study):
    return write_mechanism.write(study.inputs())


def measure(study, designs=("pooled", "lodo"), subjects=9):
    """Features lie 0.8 apart before layers and 0.2 after; the first is read."""
    drift, probes = [], []
    for place, variant in enumerate(study.findings().variants):
        for design in designs:
            drift += [
                FeatureDriftRow(
                    *(variant, design, layer, 8, side, 6, shift, shift / 2, 2 * shift),
                    scale=0.1,
                )
                for layer in (1, 2, 3)
                for side, shift in (("before", 0.8), ("after", 0.2))
            ]
            low, accuracy = (0.7, 1.0) if place == 0 else (0.1, 0.4)
            probes.append(
                DomainProbeRow(
                    *(variant, design, 6, 3, 9, subjects),
                    *(accuracy, low, 1.0, 1 / 3),
                )
            )
    evidence = study.root / "evidence"
    write_records(evidence / "drift.tsv", drift, FeatureDriftRow)
    write_records(evidence / "probe.tsv", probes, DomainProbeRow)


def test_drift_and_probe_are_said(fake_study):
    study = fake_study()
    measure(study)
    first, second, *_ = (
        study.findings().names[variant] for variant in study.findings().variants
    )
    text = words(write(study))
    assert "no variant is chosen by it" in text
    assert f"{first}: features of scanners lie 0.80 standard deviations apart" in text
    assert f"more often than by chance: {first}." in text
    assert f"than by chance, from 9 subjects: {second}" in text


def test_each_variant_has_a_figure_with_words_and_a_table(fake_study):
    study = fake_study()
    measure(study)
    page = Page(write(study))
    figures = [own for own in page.named("svg") if own.get("role") == "img"]
    assert len(figures) == len(study.findings().variants)
    assert all("Before the layer: 0.80" in own["aria-label"] for own in figures)
    assert "0.800" in page.text
    assert "0.333" in page.text


def test_networks_that_left_a_domain_out_are_shown_if_there_are(fake_study):
    study = fake_study()
    measure(study)
    assert "had left one scanner out" in words(write(study))
    measure(study, designs=("pooled",))
    assert "trained on all scanners" in words(write(study))


def test_without_measurements_there_is_no_section(fake_study):
    study = fake_study()
    assert write(study) is None
    measure(study, designs=())
    assert write(study) is None
