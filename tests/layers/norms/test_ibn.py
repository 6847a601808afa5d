import pytest
import torch

from medinorm.layers import BatchNorm3d, IBN3d, InstanceNorm3d

CONFORMANCE = {
    "invariant": False,
}


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("channels", [1, 5])
def test_first_channels_are_instance_and_the_rest_batch_norm(layout, ratio, channels):
    x = layout(torch.randn(2, channels, 3, 4, 5) * 2 + 1)
    first = int(ratio * channels)
    norm, batch = IBN3d(channels, ratio), BatchNorm3d(channels)
    for _ in range(2):  # the second time in evaluation
        wanted = batch(x)
        wanted[:, :first] = InstanceNorm3d(channels)(x)[:, :first]
        torch.testing.assert_close(norm(x), wanted, rtol=1e-5, atol=1e-5)
        norm.eval(), batch.eval()


@pytest.mark.parametrize("ratio", [-0.1, 1.1])
def test_an_impossible_ratio_is_refused(ratio):
    with pytest.raises(ValueError, match="between 0 and 1"):
        IBN3d(4, ratio)
