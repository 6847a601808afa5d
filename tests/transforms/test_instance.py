"""Each channel of a scan has mean 0 and standard deviation 1 in the foreground."""

from medinorm.intensity import Policy, measure_foreground
from medinorm.transforms import InstanceNormalize
from tests.transforms.cases import make_scan


def test_each_channel_is_standardized_in_the_foreground():
    scan = make_scan()
    mapped = InstanceNormalize(foreground="positive")(scan).numpy()
    moments = measure_foreground(mapped, Policy("file"), scan > 0)
    assert max(map(abs, moments.mean)) < 1e-5
    assert max(abs(std - 1) for std in moments.std) < 1e-5
