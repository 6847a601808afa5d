"""White matter goes to 0."""

import pytest

from medinorm.transforms import (
    WhiteStripeNormalize,
)

POSITIVE = {"foreground": "positive"}


def test_white_matter_is_at_zero(scan):
    result = WhiteStripeNormalize(**POSITIVE)(scan)
    white = result[:, 4:-4, 4:-4, 10:-3].as_tensor()
    gray = result[:, 4:-4, 4:-4, 3:7].as_tensor()
    for channel in range(2):
        assert abs(white[channel].median()) < 1.5
        assert gray[channel].median() < -5


def test_an_unknown_peak_is_refused():
    with pytest.raises(ValueError, match="peak 'high' is unknown; known: dark"):
        WhiteStripeNormalize("high")
