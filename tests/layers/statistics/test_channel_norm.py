import pytest
import torch

from medinorm.layers.statistics.channel_norm import (
    ChannelNorm,
    check_input,
    check_values,
)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_features": 0},
        {"num_features": 2, "eps": 0.0},
        {"num_features": 2, "eps": float("nan")},
    ],
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="must be positive"):
        ChannelNorm(**arguments)


def test_without_affine_there_is_nothing_to_learn():
    assert not list(ChannelNorm(4, affine=False).parameters())


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 1, 1, 1, 1)])
def test_the_number_of_axes_is_checked(shape):
    with pytest.raises(ValueError, match="1 to 3 spatial axes"):
        check_input(torch.zeros(shape), 4)


def test_the_number_of_channels_is_checked():
    with pytest.raises(ValueError, match="expected 4 channels, got 3"):
        check_input(torch.zeros(2, 3, 2), 4)


def test_a_single_value_has_no_statistics():
    with pytest.raises(ValueError, match="more than one value"):
        check_values(1)
    check_values(2)
