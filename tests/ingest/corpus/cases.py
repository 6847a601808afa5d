"""The truth corpus: what hospitals send, and what must come out."""

from tests.ingest.corpus import (
    multiframe_cases,
    several_cases,
    stack_cases,
    value_cases,
)
from tests.ingest.corpus.case import CASES, Case

# Each module puts its cases there when it is imported.
PARTS = (stack_cases, several_cases, multiframe_cases, value_cases)

__all__ = ["CASES", "PARTS", "Case"]
