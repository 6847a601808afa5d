"""The benchmarks run; what they measure is not judged here."""

import importlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Import a benchmark by name."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


@pytest.fixture
def layers(load, monkeypatch):
    """The benchmark of the layers, on a tiny shape."""
    module = load("layers")
    monkeypatch.setattr(module, "QUICK_SHAPES", ((1, 4, 3, 3, 3),))
    monkeypatch.setattr(module, "REPEATED", 1)
    threads = torch.get_num_threads()
    yield module
    torch.set_num_threads(threads)


def test_every_row_has_a_limit_and_a_verdict(layers, tmp_path, capsys):
    target = tmp_path / "layers.json"
    words = ["--quick", "--rounds", "1", "--json", str(target)]
    assert layers.main(words) in {0, 1}  # how fast a machine is is not judged here
    rows = json.loads(target.read_text(encoding="utf-8"))
    # Instance, group, layer, batch in training, batch in evaluation; layouts; passes.
    assert len(rows) == 5 * 2 * 2
    assert {row["limit"] for row in rows} == {1.05}
    assert {row["verdict"].partition(",")[0] for row in rows} <= {"within", "over"}
    printed = capsys.readouterr().out
    assert "20 rows with a limit" in printed
    assert "torch BatchNorm" in printed


@pytest.mark.parametrize("norm", ["instance", "group", "layer", "batch"])
@pytest.mark.parametrize("training", [True, False])
def test_a_route_of_torch_that_is_wrong_is_found(layers, norm, training):
    case = layers.Case(norm, (2, 16, 5, 4, 3), channels_last=True, training=training)
    assert max(layers.measure_errors(layers.make_ours(case), case)) < layers.RIGHT
    peers = layers.make_peers(case)
    errors = {
        name: max(layers.measure_errors(layer, case)) for name, layer in peers.items()
    }
    if norm != "batch":  # see the docstring of `normalize_pooled`
        assert errors["torch GroupNorm"] > layers.RIGHT
        assert errors["torch GroupNorm, turned"] < layers.RIGHT
    # The wrong one would have been the fastest.
    (wrong, *_) = peers
    peers[wrong] = torch.nn.Identity()
    assert max(layers.measure_errors(peers[wrong], case)) > layers.RIGHT


def test_compiled_rows_are_multiples_of_a_copy(layers):
    pytest.importorskip("numba", reason="medinorm[compiled]")
    case = layers.Case("instance", (1, 4, 3, 3, 3), channels_last=True)
    rows = [*layers.judge_compiled(case, 1, [1])]
    assert [(row.peer, row.limit) for row in rows] == [
        ("x.clone()", 1.5),
        ("x.clone()", 3.5),
    ]
    assert not layers.compiled.is_enabled()


def test_training_steps_are_shown_without_a_limit(layers, monkeypatch):
    monkeypatch.setattr(layers, "NORMS", ["instance", "group"])
    rows = [*layers.judge_steps(1, 1, patch=8)]
    assert [row.verdict for row in rows] == ["no limit", "no limit"]


def test_a_verdict_needs_more_rounds_while_it_is_unclear(load):
    verdicts = load("verdicts")
    clear = verdicts.compare("case", [2.0] * 9, "peer", [1.0] * 9, 1.05)
    assert (clear.ratio, clear.verdict) == (2.0, "over")
    noisy = verdicts.compare("case", [0.9, 1.0, 1.2], "peer", [1.0] * 3, 1.05)
    assert noisy.verdict == "within, noise > distance"
    assert (noisy.low, noisy.high) == (0.9, 1.2)
    rows = [clear, noisy, replace(clear, limit=None)]
    assert verdicts.exit_code(rows) == 1
    assert verdicts.exit_code(rows[1:]) == 0
    assert verdicts.summarize(rows) == (
        "2 rows with a limit: 1 within, 1 over; noise > distance in 1"
    )


def test_the_fastest_peer_is_the_one_that_counts(load):
    verdicts, calls = load("verdicts"), []

    def work(name, steps):
        def prepare():
            calls.append(name)
            return lambda: sum(range(steps))

        return prepare

    works = {
        verdicts.OURS: work("ours", 20_000),
        "slow": work("slow", 200_000),
        "fast": work("fast", 2_000),
    }
    row = verdicts.judge("sum", works, 1.05, verdicts.Effort(rounds=3))
    assert row.peer == "fast"
    assert row.verdict == "over"
    assert [*row.others_ms] == ["slow"]
    assert calls.count("slow") == 1 + verdicts.FIRST_ROUNDS  # and once to warm up
    assert calls.count("ours") == calls.count("fast") == 1 + 3 + 3


def test_tiled_inference_is_compared_on_real_scans(
    load, real_data, tmp_path, monkeypatch
):
    monkeypatch.setenv("MEDINORM_REAL_DATA", str(real_data))
    target = tmp_path / "thumbnail.json"
    words = ["--steps", "30", "--scans", "2", "--thin", "4", "--threads", "1"]
    assert load("thumbnail").main([*words, "--json", str(target)]) == 0
    for case in json.loads(target.read_text("utf-8")).values():
        rows = {row["statistics"]: row["difference"] for row in case}
        assert rows["exact"] < 1e-5 < rows["each tile"]
        assert 3 * rows["tiles"] < rows["each tile"]


def test_without_real_scans_it_says_so(load, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDINORM_REAL_DATA", str(tmp_path))
    assert load("thumbnail").main([]) == 1
    assert "MEDINORM_REAL_DATA" in capsys.readouterr().err
