"""Declared methods by name, without torch."""

import inspect
import subprocess
import sys
from typing import get_args

import pytest

from medinorm import choices, method_names
from medinorm.layers import NORMS, PERTURBATIONS, insert_perturbation
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
        assert norm_option_names(name) == tuple(arguments)


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
