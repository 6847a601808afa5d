"""A hostile or damaged bundle is refused in one line, and nothing in it is run."""

import json

import pytest
from safetensors.torch import load, save

from medinorm.bundle.contents import (
    INFERENCE,
    METADATA,
    read_bundle,
    read_networks,
)
from medinorm.errors import StageError
from medinorm.files.atomic import checksum
from tests.bundle.finished_study import change_json


def test_what_was_written_is_read(bundle):
    contents = read_bundle(bundle)
    assert contents.intensity == "nyul"
    assert contents.fitted is not None
    assert len(read_networks(bundle, contents)) == 1


@pytest.mark.parametrize(
    "entries",
    [
        {"network_def": {"_target_": "os.system", "command": "touch pwned"}},
        {"segmenter": {"_target_": "medinorm.segment.stage.segment_scans.__globals__"}},
        {"run": ["$__import__('os').system('touch pwned')"]},
        {"images": "$open('pwned', 'w')"},
        {"$import os": 1},
        {"imports": ["$import os"]},
        {"initialize": ["x"]},
        {"images": "%/etc/hostile.json::run"},
        {"segmenter": {"_mode_": "debug"}},
        {"deep": [{"er": [{"_target_": "builtins.eval"}]}]},
        {"x": {"_target_": ["os.system"]}},
    ],
)
def test_code_that_is_not_ours_is_refused(bundle, tmp_path, monkeypatch, entries):
    monkeypatch.chdir(tmp_path)
    change_json(bundle / INFERENCE, lambda values: values.update(entries))
    with pytest.raises(StageError, match="names code that is not medinorm's"):
        read_bundle(bundle)
    assert not (tmp_path / "pwned").exists()


def set_card(**entries):
    return lambda values: values["medinorm"]["card"].update(entries)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["medinorm"]["weights"].update({"../../x": "0"}),
        lambda values: values["medinorm"]["weights"].update({"/etc/passwd": "0"}),
        lambda values: values["medinorm"].update(weights={}),
        lambda values: values["medinorm"].update(weights=["seed-0.safetensors"]),
        lambda values: values["medinorm"].update(labels={"1": "shell"}),
        lambda values: values["medinorm"].pop("harmonize"),
        lambda values: values["medinorm"]["harmonize"].update(spacing="x"),
        lambda values: values["medinorm"]["harmonize"].update(masks="/etc"),
        set_card(norm="os.system"),
        set_card(intensity="zscore"),
        set_card(intensity="unknown"),
        set_card(network={"name": "os"}),
        set_card(patch=None),
        lambda values: values["medinorm"].update(reference={"model": None}),
        lambda values: values["medinorm"]["reference"].update(model={"slope": "x"}),
        lambda values: values["medinorm"]["reference"].update(features=["seed-0"]),
        lambda values: values["medinorm"]["reference"].update(volumes={"1": [2, 1]}),
        lambda values: values["medinorm"]["reference"]["intensities"].update(means={}),
    ],
)
def test_contents_that_no_study_makes_are_refused(bundle, change):
    change_json(bundle / METADATA, change)
    with pytest.raises(StageError, match="not those that medinorm writes"):
        read_bundle(bundle)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"medinorm": 1}', "[" * 100_000])
def test_what_is_no_bundle_says_so(bundle, text):
    (bundle / METADATA).write_text(text)
    with pytest.raises(StageError, match=r"^metadata\.json: [^\n]*$"):
        read_bundle(bundle)


def with_weights(bundle, weights):
    """Put weights into a bundle, with their right checksum."""
    path = bundle / "models" / "seed-0.safetensors"
    path.write_bytes(weights if isinstance(weights, bytes) else save(weights))
    digest = checksum(path)
    change_json(
        bundle / METADATA,
        lambda values: values["medinorm"]["weights"].update({path.name: digest}),
    )
    return read_bundle(bundle)


def test_weights_that_are_truncated_or_of_another_network_are_refused(bundle):
    path = bundle / "models" / "seed-0.safetensors"
    whole = path.read_bytes()
    tensors = load(whole)  # not of the file, which is written anew
    path.write_bytes(whole[:-100])
    with pytest.raises(StageError, match="not those that were bundled"):
        read_networks(bundle, read_bundle(bundle))
    first = max(tensors, key=lambda name: tensors[name].numel())
    header = (2**60).to_bytes(8, "little") + b"{}"
    for weights in (
        whole[:-100],
        b"",
        header,
        b"\x80\x04c__main__\nx\n.",  # a pickle
        {name: tensor for name, tensor in tensors.items() if name != first},
        {**tensors, first: tensors[first].flatten()[:1].clone()},
        {**tensors, "more": tensors[first].clone()},
    ):
        contents = with_weights(bundle, weights)
        with pytest.raises(StageError, match="do not fit the network"):
            read_networks(bundle, contents)


def test_a_network_file_that_is_not_there_is_named(bundle):
    (bundle / "models" / "seed-0.safetensors").unlink()
    with pytest.raises(StageError, match=r"^seed-0\.safetensors: the weights are miss"):
        read_networks(bundle, read_bundle(bundle))


def test_entries_stay_json(bundle):
    values = json.loads((bundle / METADATA).read_text())["medinorm"]
    contents = read_bundle(bundle)
    assert values == {**values, **json.loads(json.dumps(contents.to_json()))}
