"""Networks are built as configured, or refused; variants are named once."""

import pytest

from medinorm.config import AutoTrainConfig, NetworkConfig, TrainConfig
from medinorm.method_names import NETWORK_DECLARATIONS
from tests.train.networks.installed import NETWORKS


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"name": "segresnet", "channels": [8, 12]},
            r"network: channels must double at each level of segresnet, such as "
            r"\[8, 16\]",
        ),
        (
            {"name": "dynunet", "channels": [8, 16]},
            "network: channels needs 3 numbers or more, one a level of dynunet",
        ),
        (
            {"name": "dynunet", "residual_units": 2},
            "network: residual_units is not used by dynunet; remove it",
        ),
        ({"name": "segresnet", "residual_units": 1}, "not used by segresnet"),
        ({"name": "vnet"}, "network.name: unknown name 'vnet'.*segresnet"),
    ],
)
def test_what_a_network_would_ignore_is_refused(refuse, values, message):
    refuse({"train": {"network": values}}, message)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_takes_the_default_channels(name):
    assert NetworkConfig(name=name).channels == (16, 32, 64, 128)


def test_a_network_of_an_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("medinorm.config.train.find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"pip install medinorm\[nnunet\]"):
        NetworkConfig(name="plain_unet")


def test_options_that_the_network_uses_are_taken():
    assert NetworkConfig(residual_units=2).residual_units == 2
    assert NetworkConfig(name="dynunet", channels=(8, 12, 40)).channels[1] == 12
    assert NetworkConfig(name="segresnet", channels=(6, 12)).channels == (6, 12)
    # the default, written out
    assert NetworkConfig(name="segresnet", residual_units=0).residual_units == 0


def test_every_option_of_a_network_is_used_by_one():
    used = {
        option
        for declared in NETWORK_DECLARATIONS.values()
        for option in declared.facts["uses"]
    }
    assert used == set(NetworkConfig.model_fields) - {"name"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"norm": ["foo"]}, "norm, entry 1: unknown name 'foo'; known: adapt"),
        ({"norm": ["batch", "batch"]}, "the same entry twice"),
        ({"seeds": [1, 1]}, "seeds names the same entry twice"),
        ({"adapt": ["tentt"]}, "adapt, entry 1: .*did you mean tent?"),
    ],
)
def test_variants_are_known_and_named_once(refuse, values, message):
    refuse({"experiments": values}, message)


def test_unknown_augmentations_are_refused(refuse):
    experiments = {"augmentation": ["flop"]}
    refuse({"experiments": experiments}, "augmentation, entry 1: .*flip")


def test_the_old_place_of_the_augmentation_names_the_new_one(refuse):
    refuse(
        {"train": {"augmentation": "none"}},
        "train: augmentation is an axis .* experiments.augmentation: .none.$",
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"name": "segresnet", "strides": [[2, 2, 1]]},
            "strides is not used by segres",
        ),
        (
            {"name": "segresnet", "kernels": [[3, 3, 1]]},
            "kernels is not used by segres",
        ),
        ({"strides": [[2, 2, 1]]}, "strides needs channels, one number a level"),
        (
            {"channels": [4, 8, 16], "strides": [[2, 2, 1]]},
            "strides needs 2 entries of three numbers",
        ),
        ({"channels": [4, 8], "kernels": [[3, 3, 1]]}, "kernels needs 2 entries"),
        ({"channels": [4, 8], "kernels": [[3, 3, 2]] * 2}, "kernels must be odd"),
        ({"channels": [4, 8], "strides": [[2, 2, 0]]}, "strides, entry 1, entry 3: "),
        ({"channels": "aut"}, "train.network.channels: give a list"),
    ],
)
def test_strides_and_kernels_fit_the_levels(refuse, values, message):
    refuse({"train": {"network": values}}, message)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"patch": [8, 8]}, r"^train.patch, entry 3: a value is missing$"),
        ({"patch": "automatic"}, "^train.patch: give a list"),
        ({"steps": "many"}, "^train.steps: give a whole number"),
        ({"budget": {"minutes": 0}}, "^train.budget.minutes: .* greater than 0"),
        ({"budget": {"where": "gpu"}}, "^train.budget.where: unknown name 'gpu'"),
    ],
)
def test_a_complaint_about_a_number_does_not_speak_of_auto(refuse, values, message):
    refuse({"train": values}, message)


def test_the_plan_decides_unless_a_number_is_set():
    auto = AutoTrainConfig()
    assert auto.patch == auto.steps == auto.network.channels == "auto"
    assert AutoTrainConfig(patch=(8, 8, 8), steps=3).patch == (8, 8, 8)
    assert TrainConfig().network.level_kernels == ((3, 3, 3),) * 4
