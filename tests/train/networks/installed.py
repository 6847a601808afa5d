"""The networks by name; those of an extra are skipped where it is not installed."""

from importlib.util import find_spec

import pytest

from medinorm.method_names import NETWORK_DECLARATIONS


def is_missing(name):
    package = NETWORK_DECLARATIONS[name].facts.get("package", "")
    return bool(package) and find_spec(package) is None


NETWORKS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            is_missing(name), reason="pip install medinorm[nnunet]"
        ),
    )
    for name in NETWORK_DECLARATIONS
]
