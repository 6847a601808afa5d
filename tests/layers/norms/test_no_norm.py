import torch

from medinorm.layers import NoNorm

CONFORMANCE = {"one_voxel": True, "invariant": False}


def test_returns_what_it_was_given():
    x = torch.randn(2, 3, 4)
    assert NoNorm(3)(x) is x
    assert not NoNorm(3).state_dict()
