"""The level that is promised and the domains that it needs belong together."""

from medinorm.expected.records import GUARANTEED_DOMAINS, LEVEL


def test_the_guarantee_needs_as_many_domains_as_the_level_says():
    # The further domain has a share of 1 / (K + 1): that must not exceed 1 - level.
    assert 1 / (GUARANTEED_DOMAINS + 1) <= 1 - LEVEL + 1e-9
    assert 1 / GUARANTEED_DOMAINS > 1 - LEVEL
