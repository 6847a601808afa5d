import json
from pathlib import Path

import pytest

from medinorm.bundle.stage import write_bundle
from medinorm.errors import StageError

NO_PICKLE = {".json", ".md", ".safetensors"}


def test_a_bundle_stands_alone_and_holds_no_pickle(made_bundle):
    _, bundle = made_bundle
    files = [path for path in bundle.rglob("*") if path.is_file()]
    assert {path.suffix for path in files if path.name != "LICENSE"} == NO_PICKLE
    assert "networks in this bundle: CC0." in (bundle / "LICENSE").read_text()
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    own = metadata["medinorm"]
    assert own["labels"] == {"1": "shell", "2": "core"}
    assert own["harmonize"]["spacing"] == [1.5, 1.5, 1.5]
    assert own["harmonize"]["foreground"] == "image"
    assert own["predict"]["overlap"] == 0.5
    assert own["training_domains"] == ["a", "b"]
    assert own["expected_dice"]["out_domain"] == 0.7
    assert own["weights"].keys() == {"seed-0.safetensors"}
    text = "".join(path.read_text() for path in files if path.suffix != ".safetensors")
    assert str(bundle.parent) not in text


def test_what_is_not_there_is_named(made_bundle, tmp_path):
    layout, bundle = made_bundle
    results = Path(layout.results)
    with pytest.raises(StageError, match="--bundle: the folder is there already"):
        write_bundle(results, bundle)
    with pytest.raises(StageError, match=r"0 variants fit; known: nyul/instance/none"):
        write_bundle(results, tmp_path / "b", variant="zscore/instance")
    with pytest.raises(StageError, match=r"--split: name one of .*pooled"):
        write_bundle(results, tmp_path / "b", split="other")
    with pytest.raises(StageError, match="no trained network in this split"):
        write_bundle(results, tmp_path / "b", split="lodo-a")
    assert not (tmp_path / "b").exists()


def test_a_call_that_was_broken_off_leaves_nothing_in_the_way(
    made_bundle, tmp_path, monkeypatch
):
    results, target = Path(made_bundle[0].results), tmp_path / "b"
    left = tmp_path / ".b-unfinished"
    (left / "models").mkdir(parents=True)  # of a killed call

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("medinorm.bundle.stage._write_licence", stop)
        with pytest.raises(KeyboardInterrupt):
            write_bundle(results, target)
    assert not target.exists()
    assert not left.exists()
    write_bundle(results, target)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
