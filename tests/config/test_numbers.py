"""Numbers and words have limits."""

import pytest
from pydantic import TypeAdapter, ValidationError

from medinorm.config import numbers


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (numbers.Millimetres, (0.1, 100), (0, 100.1)),
        (numbers.Fraction, (0, 0.99), (-0.1, 1)),
        (numbers.Percent, (0, 100), (-1, 101)),
        (numbers.Count, (1, 10**9), (0, 1.5)),
        (numbers.Seed, (0, 2**32 - 1), (-1, 2**32)),
        (numbers.Word, ("T1w", "field_strength"), ("", "1T", "a b", "../x")),
    ],
)
def test_limits(kind, good, bad):
    adapter = TypeAdapter(kind)
    for value in good:
        assert adapter.validate_python(value) == value
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)
