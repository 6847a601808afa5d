"""One panel for each domain that a network never saw, or a note."""

from medinorm.report.sections.distributions import write_distributions
from tests.report.page import words


def test_each_unseen_domain_has_a_panel(fake_study):
    study = fake_study()
    section = write_distributions.write(study.inputs())
    assert section.count("<figure>") == len(study.scanners)
    for scanner in study.scanners:
        assert f"<h3>{scanner} (3 scans)</h3>" in section


def test_without_an_unseen_domain_there_is_a_note(fake_study):
    section = write_distributions.write(fake_study(designs=("pooled",)).inputs())
    assert "tests on a scanner that the network never saw" in words(section)
    assert "<figure>" not in section
