"""Networks of MONAI and nnU-Net train with every norm, by name and converted."""

import pytest
import torch
from monai.networks import nets
from torch import nn

from medinorm.layers import NORMS, convert_norm, monai_norm, register_norms
from tests.layers.test_conformance import CASES, call

SMALL = 16
DEEP = {"BasicUNetPlusPlus", "ResNet"}
MONAI = {
    "AttentionUnet": lambda: nets.AttentionUnet(3, 1, 2, (4, 8), (2,)),
    "BasicUNetPlusPlus": lambda: nets.BasicUNetPlusPlus(
        3, 1, 2, features=(4, 4, 4, 4, 4, 4)
    ),
    "DenseNet": lambda: nets.DenseNet(
        3, 1, 2, init_features=8, growth_rate=4, block_config=(2, 2)
    ),
    "HighResNet": lambda: nets.HighResNet(
        3,
        1,
        2,
        layer_params=(
            {"name": "conv_0", "n_features": 4, "kernel_size": 3},
            {"name": "res_1", "n_features": 4, "kernels": (3, 3), "repeat": 1},
            {"name": "conv_1", "n_features": 4, "kernel_size": 1},
            {"name": "conv_2", "kernel_size": 1},
        ),
    ),
    "ResNet": lambda: nets.ResNet(
        "basic", (1, 1, 1, 1), (4, 4, 8, 8), n_input_channels=1, num_classes=2
    ),
    "SegResNetDS": lambda: nets.SegResNetDS(
        3, init_filters=8, blocks_down=(1, 1), norm="batch"
    ),
    "UNETR": lambda: nets.UNETR(
        1, 2, SMALL, feature_size=4, hidden_size=12, mlp_dim=12, num_heads=2
    ),
}
FITS = sorted(set(NORMS) - {"none"})


def _train(network, name, side=SMALL):
    x = torch.randn(2, 1, side, side, side)
    y = call(network, x, name)
    outputs = y if isinstance(y, list | tuple) else [y]
    sum(one.square().mean() for one in outputs).backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("place", range(len(MONAI)), ids=[*MONAI])
def test_converted_networks_of_monai_train(place):
    name_of_network = [*MONAI][place]
    torch.manual_seed(0)
    for name in FITS[place % 4 :: 4]:  # each norm in two networks
        network = convert_norm(MONAI[name_of_network](), name, **CASES[name].options)
        assert any(isinstance(m, NORMS[name]) for m in network.modules())
        side = (
            32 if name_of_network in {"BasicUNetPlusPlus", "ResNet", "VNet"} else SMALL
        )
        _train(network, name, side)


@pytest.mark.parametrize("name", FITS)
def test_norms_by_name_in_a_network_in_2d(name):
    register_norms()
    torch.manual_seed(0)
    norm = monai_norm(name, CASES[name].options)
    network = nets.UNet(2, 1, 2, (4, 8), (2,), num_res_units=1, norm=norm)
    x = torch.randn(4, 1, 8, 8)  # as many scans as channels: axes must not be mixed up
    call(network, x, name).square().mean().backward()


def _nnunet(kind, **norm):
    unet = pytest.importorskip(
        "dynamic_network_architectures.architectures.unet",
        reason="nnU-Net's architectures are not installed",
    )
    arguments = {
        "input_channels": 1,
        "n_stages": 3,
        "features_per_stage": (4, 8, 8),
        "conv_op": nn.Conv3d,
        "kernel_sizes": 3,
        "strides": (1, 2, 2),
        "num_classes": 2,
        "n_conv_per_stage_decoder": 1,
        "nonlin": nn.LeakyReLU,
        "nonlin_kwargs": {"inplace": True},
        **norm,
    }
    if kind == "PlainConvUNet":
        return unet.PlainConvUNet(n_conv_per_stage=1, **arguments)
    return unet.ResidualEncoderUNet(n_blocks_per_stage=1, **arguments)


@pytest.mark.parametrize("kind", ["PlainConvUNet", "ResidualEncoderUNet"])
@pytest.mark.parametrize("name", FITS)
def test_architectures_of_nnunet_train(kind, name):
    torch.manual_seed(0)
    options = {"norm_op_kwargs": dict(CASES[name].options)}
    _train(_nnunet(kind, norm_op=NORMS[name], **options), name, side=8)


@pytest.mark.parametrize("kind", ["PlainConvUNet", "ResidualEncoderUNet"])
def test_our_instance_norm_gives_the_outputs_of_nnunets(kind):
    affine = {"norm_op_kwargs": {"eps": 1e-5, "affine": True}}
    torch.manual_seed(0)
    theirs = _nnunet(kind, norm_op=nn.InstanceNorm3d, **affine)
    ours = _nnunet(kind, norm_op=NORMS["instance"], **affine)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 1, 8, 8, 8)
    wanted = theirs(x)
    torch.testing.assert_close(ours(x), wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        convert_norm(theirs, "instance")(x), wanted, rtol=1e-4, atol=1e-5
    )
