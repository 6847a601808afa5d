"""The z-score of all channels of a scan together."""

from medinorm.transforms import (
    LayerNormalize,
)

POSITIVE = {"foreground": "positive"}


def test_layer_keeps_differences_between_channels(scan):
    result = LayerNormalize(foreground="image")(scan)
    values = result.as_tensor().double()
    assert abs(values.mean()) < 1e-6
    assert abs(values.std(correction=0) - 1) < 1e-6
    assert values[0].mean() < values[1].mean()
