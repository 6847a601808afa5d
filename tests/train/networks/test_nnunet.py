"""The networks of nnU-Net are built as configured, with our norms."""

import pytest
import torch

from medinorm.config import NetworkConfig
from medinorm.layers import PERTURBATIONS, InstanceNorm3d, register_norms
from medinorm.train.networks.build import build_network
from medinorm.train.networks.registry import find_networks

pytest.importorskip("dynamic_network_architectures", reason="medinorm[nnunet]")

NAMES = ("plain_unet", "residual_encoder_unet")
NORM = ("medinorm_instance", {})


def build(name, **options):
    register_norms()
    config = NetworkConfig(
        name=name,
        channels=(4, 6, 10),
        strides=((2, 2, 1), (2, 2, 2)),
        kernels=((3, 3, 1), (3, 3, 3), (3, 3, 3)),
    )
    return find_networks()[name].build(config, 1, 2, NORM, **options)


@pytest.mark.parametrize("name", NAMES)
def test_levels_are_those_asked_for_and_norms_are_ours(name):
    network = build(name)
    widths = {m.num_features for m in network.modules() if type(m) is InstanceNorm3d}
    assert widths == {4, 6, 10}
    kernels = {m.kernel_size for m in network.modules() if type(m) is torch.nn.Conv3d}
    assert {(3, 3, 1), (3, 3, 3)} <= kernels
    assert network(torch.randn(1, 1, 8, 8, 6)).shape == (1, 2, 8, 8, 6)
    network(torch.randn(1, 1, 8, 8, 6)).square().sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_lower_outputs_are_for_training_only(name):
    deep, plain = build(name, deep_supervision=True), build(name)
    x = torch.randn(1, 1, 16, 16, 16)
    sizes = [tuple(logits.shape) for logits in deep(x)]
    assert sizes == [(1, 2, 16, 16, 16), (1, 2, 8, 8, 16)]
    weights = {name: deep.state_dict()[name] for name in plain.state_dict()}
    plain.load_state_dict(weights)
    assert torch.equal(deep.eval()(x), plain.eval()(x))


@pytest.mark.parametrize("name", NAMES)
def test_each_module_has_one_name(name):
    """What replaces a norm under a second name would never be called."""
    network = build(name)
    names = [n for n, _ in network.named_modules(remove_duplicate=False)]
    assert len(names) == len(list(network.named_modules()))


@pytest.mark.parametrize("name", NAMES)
def test_a_perturbation_is_called(name):
    config = NetworkConfig(name=name, channels=(4, 4))
    network = build_network(
        config, channels=1, classes=2, norm="mixstyle", norm_options={}
    )
    kind = PERTURBATIONS["mixstyle"]
    layers = [m for m in network.modules() if isinstance(m, kind)]
    called = []
    for layer in layers:
        layer.register_forward_hook(lambda *_: called.append(1))
    network(torch.randn(2, 1, 8, 8, 8))
    assert len(called) == len(layers) == 2


def test_the_encoder_has_the_blocks_of_nnunet():
    network = build("residual_encoder_unet")
    assert [len(stage.blocks) for stage in network.encoder.stages] == [1, 3, 4]
