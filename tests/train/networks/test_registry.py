"""What the registry finds is what the files declare."""

import pytest

from medinorm.method_names import NETWORK_DECLARATIONS
from medinorm.train.networks.registry import find_networks


def test_found_and_declared_are_the_same():
    assert set(find_networks()) == set(NETWORK_DECLARATIONS)


@pytest.mark.parametrize("name", NETWORK_DECLARATIONS)
def test_the_text_of_the_file_says_what_the_decorator_does(name):
    network, declared = find_networks()[name], NETWORK_DECLARATIONS[name]
    assert network.text == declared.text
    for fact, value in declared.facts.items():
        assert getattr(network, fact) == value
