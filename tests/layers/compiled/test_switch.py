"""The switch of the compiled loops."""

import pytest
import torch

from medinorm.layers.compiled import switch


def test_off_until_asked_for():
    assert not switch.is_enabled()
    assert not switch.takes(torch.zeros(1, 8, 2))


def test_without_numba_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(switch, "find_spec", lambda _name: None)
    with pytest.raises(ImportError, match=r"pip install medinorm\[compiled\]"):
        switch.enable()
    assert not switch.is_enabled()


@pytest.mark.usefixtures("compiled")
def test_dtypes_that_numba_lacks_or_that_differ_are_not_taken():
    one, other = torch.zeros(1, 8, 2), torch.zeros(1, 8, 2, dtype=torch.float64)
    assert switch.takes(one)
    assert switch.takes(other, other)
    assert not switch.takes(one, other)
    assert not switch.takes(one.half())
