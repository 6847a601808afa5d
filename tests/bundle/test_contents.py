"""A hostile or damaged bundle is refused in one line, and nothing in it is run."""

import json
import os
from contextlib import suppress

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


def set_labels(values, labels):
    values["medinorm"]["labels"] = labels
    values["medinorm"]["card"]["label_values"] = list(map(int, labels))


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
        set_card(patch=["a", "b", "c"]),
        set_card(patch=[10**9, 10**9, 10**9]),
        set_card(patch=[4096, 4096, 4096]),
        set_card(patch=[0, 8, 8]),
        set_card(patch=[8.5, 8, 8]),
        set_card(label_values=[1, 2.0]),
        set_card(mirror_axes=[7]),
        set_card(shots="many"),
        set_card(batch_size=0),
        set_card(foreground_ratio="x"),
        set_card(domains=[1, {}]),
        set_card(channels=["a/b"]),
        set_card(channels=[]),
        set_card(norm_options={"hostile": 1}),
        set_card(network={"channels": [10**9, 10**9]}),
        lambda values: values["medinorm"]["harmonize"].update(spacing=[1e-9] * 3),
        lambda values: set_labels(values, {"1": "shell", "300": "core"}),
        lambda values: set_labels(values, {"1": "", "2": "core"}),
        lambda values: values["medinorm"].update(domain=["a\nb"]),
        lambda values: values["medinorm"].update(domain=[1]),
        lambda values: values["medinorm"].update(domain=None),
        lambda values: values["medinorm"].update(
            reference={"model": None, "format": 2}
        ),
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


def test_another_version_is_named(bundle):
    def change(values):
        values["required_packages_version"]["medinorm"] = "99.1"
        values["medinorm"]["format"] = 2

    change_json(bundle / METADATA, change)
    with pytest.raises(StageError, match=r"\(medinorm 99\.1 made it, this is "):
        read_bundle(bundle)
    change_json(bundle / METADATA, lambda values: values["medinorm"].update(format=1))
    change_json(bundle / METADATA, lambda values: values["medinorm"].update(card={}))
    with pytest.raises(StageError, match=r"medinorm writes \(medinorm 99\.1 made it"):
        read_bundle(bundle)


@pytest.mark.parametrize("depth", [200, 900, 980, 5000])
def test_entries_within_entries_end_in_one_line(bundle, depth):
    (bundle / INFERENCE).write_text('{"x": ' + "[" * depth + "]" * depth + "}")
    with suppress(StageError):  # a shallow one is read
        read_bundle(bundle)


def test_a_pipe_or_a_device_is_not_waited_for(bundle):
    for name in (METADATA, INFERENCE):
        kept = (bundle / name).read_bytes()
        (bundle / name).unlink()
        os.mkfifo(bundle / name)
        with pytest.raises(StageError, match=f"{name.name}: missing or no JSON"):
            read_bundle(bundle)
        (bundle / name).unlink()
        (bundle / name).write_bytes(kept)
    weights = bundle / "models" / "seed-0.safetensors"
    weights.unlink()
    weights.symlink_to("/dev/zero")
    with pytest.raises(StageError, match="the weights are missing"):
        read_networks(bundle, read_bundle(bundle))


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
