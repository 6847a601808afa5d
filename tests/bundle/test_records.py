from pathlib import Path

from medinorm.bundle.records import choose_variant


def test_settings_are_those_that_the_results_record(made_bundle):
    layout, _ = made_bundle
    chosen = choose_variant(Path(layout.results), "nyul", None)
    assert (chosen.name, chosen.domain) == ("pooled", ("scanner",))
    assert chosen.harmonize().spacing == (1.5, 1.5, 1.5)
    assert chosen.predict().overlap == 0.5
    assert chosen.labels() == {1: "shell", 2: "core"}
    assert chosen.card.norm == "instance"
