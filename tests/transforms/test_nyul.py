"""The landmarks of all scans meet."""

import torch

from medinorm.transforms import (
    NyulNormalize,
)
from tests.transforms.cases import CASES, make_scan

POSITIVE = {"foreground": "positive"}


def test_landmarks_meet(scan):
    other = torch.from_numpy(make_scan(5, gain=4.0))
    fitted = CASES["NyulNormalize"].arguments["fitted"]
    transform = NyulNormalize(fitted, **POSITIVE)
    for one in (scan, other):
        result = transform(one)[0]
        values = result.as_tensor()[one[0] > 0].double()
        quantiles = torch.quantile(
            values, torch.tensor(fitted.percentiles).double() / 100
        )
        expected = torch.tensor(fitted.values[0]).double()
        # The median lies between two tissues, where lines bend and voxels are few.
        torch.testing.assert_close(quantiles[2], expected[2], rtol=0.05, atol=0)
        tissues = [0, 1, 3, 4]
        torch.testing.assert_close(
            quantiles[tissues], expected[tissues], rtol=0, atol=0.01
        )
