"""Declared methods by name, without torch."""

import inspect
import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from medinorm import choices, method_names
from medinorm.layers import NORMS, PERTURBATIONS, insert_perturbation
from medinorm.layers.statistics.torch_arguments import PerScanArguments
from medinorm.method_names import (
    NormName,
    check_norm_options,
    describe,
    goes_with,
    norm_option_names,
)


def test_the_names_are_those_of_the_registry():
    assert get_args(NormName) == (*NORMS, *PERTURBATIONS)


def test_every_argument_of_a_norm_is_an_option():
    for name, kind in NORMS.items():
        _, *arguments = inspect.signature(kind).parameters
        names = norm_option_names(name)
        unsaid = {*get_type_hints(PerScanArguments), "spatial_dims"}
        assert set(names) - unsaid == set(arguments) - unsaid
        remembers = name == "batch" or getattr(kind, "has_running_statistics", False)
        assert ("momentum" in names) == remembers
        assert ("track_running_stats" in names) == (name == "batch")


def test_a_perturbation_may_also_be_told_where_it_stands():
    _, _, *arguments, rest = inspect.signature(insert_perturbation).parameters.values()
    assert rest.kind is rest.VAR_KEYWORD
    own = tuple(inspect.signature(PERTURBATIONS["dsu"]).parameters)
    assert norm_option_names("dsu") == (*own, *(each.name for each in arguments))


@pytest.mark.parametrize(
    ("norm", "option", "message"),
    [
        ("group", "groups", "group has no option groups; its options: num_groups, eps"),
        ("group", "num_features", "group has no option num_features"),
        ("none", "eps", "none has no option eps; it takes none"),
        ("grupo", "eps", "norm must be one of adaptive_instance, .*; not grupo"),
    ],
)
def test_unknown_options_are_refused_with_the_known_ones(norm, option, message):
    with pytest.raises(ValueError, match=message):
        check_norm_options(norm, [option])
    check_norm_options("group", ["eps", "num_groups"])


@pytest.mark.parametrize(
    ("norm", "option", "value", "message"),
    [
        ("group", "num_groups", "x", r"group\.num_groups: give a whole number or null"),
        ("group", "num_groups", 2.5, r"give a whole number or null \(got 2\.5\)"),
        ("group", "num_groups", True, "give a whole number or null"),
        ("group", "num_groups", [4], "group.num_groups: give a whole number or null$"),
        ("group", "affine", "no", r"give true or false \(got 'no'\)"),
        ("group", "affine", 1, "give true or false"),
        ("batch", "momentum", "fast", "give a number or null"),
        ("batch", "eps", "1e-5", r"give a number; .* such as 1\.0e-5 \(got '1e-5'\)"),
        ("batch", "eps", None, r"give a number \(got None\)"),
        ("domain_specific", "statistics", "bach", "did you mean batch"),
        ("domain_specific", "statistics", 3, "unknown name 3; known: batch, instance"),
        ("dsu", "after", "2", "give a whole number"),
        ("mixstyle", "probability", "often", "give a number"),
    ],
)
def test_values_of_another_type_are_refused(norm, option, value, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_norm_options(norm, {option: value})
    assert "\n" not in str(caught.value)


def test_values_of_the_right_type_pass():
    check_norm_options("group", {"num_groups": None, "eps": 1, "affine": False})
    check_norm_options("batch", {"momentum": None, "eps": 1e-5})
    check_norm_options("domain_specific", {"statistics": "instance"})
    check_norm_options("dsu", {"seed": 3, "after": 1})


def test_the_default_of_each_option_passes():
    for name, norm in {**NORMS, **PERTURBATIONS}.items():
        parameters = inspect.signature(norm).parameters.values()
        known = norm_option_names(name) or ()
        options = {each.name: each.default for each in parameters if each.name in known}
        check_norm_options(name, options)


def test_nothing_heavy_is_imported():
    code = "import sys, medinorm.method_names; print('torch' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("names", "declared"),
    [
        (choices.DesignName, method_names.DESIGN_DECLARATIONS),
        (choices.NetworkName, method_names.NETWORK_DECLARATIONS),
        (choices.AugmentationName, method_names.AUGMENTATION_DECLARATIONS),
        (choices.AdaptName, method_names.ADAPTATION_DECLARATIONS),
        (choices.ScannerName, method_names.SCANNER_DECLARATIONS),
    ],
)
def test_names_are_those_declared(names, declared):
    assert get_args(names) == tuple(declared)
    assert len(declared) >= 3
    assert describe(declared).count("`: ") == len(declared)


def test_only_networks_with_batch_norm_are_adapted():
    assert goes_with("batch_statistics", "batch")
    assert not goes_with("batch_statistics", "instance")
    assert all(goes_with("none", norm) for norm in get_args(NormName))


def test_norms_that_an_adaptation_names_exist():
    named = {
        norm
        for declared in method_names.ADAPTATION_DECLARATIONS.values()
        for norm in declared.facts["norms"]
    }
    assert named <= set(get_args(NormName))
