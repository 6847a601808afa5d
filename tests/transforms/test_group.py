"""Groups of channels by name and by number."""

import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.transforms import (
    GroupNormalize,
    LayerNormalize,
)

POSITIVE = {"foreground": "positive"}


def test_groups_by_name_and_by_number(scan):
    by_number = GroupNormalize([[0], [1]], **POSITIVE)(scan)
    by_name = GroupNormalize([["t1"], ["t2"]], ["t1", "t2"], **POSITIVE)(scan)
    assert torch.equal(by_number, by_name)
    together = GroupNormalize([[0, 1]], **POSITIVE)(scan)
    assert torch.equal(together, LayerNormalize(**POSITIVE)(scan))
    with pytest.raises(IntensityError, match="no channel is called 'pd'"):
        GroupNormalize([["pd"]], ["t1", "t2"])
    with pytest.raises(IntensityError, match="each of the 2 channels once"):
        GroupNormalize([[0]], **POSITIVE)(scan)
