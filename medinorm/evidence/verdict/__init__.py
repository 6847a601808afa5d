"""The verdict: its sentences, and the cell of a table behind each of their numbers."""

from medinorm.evidence.verdict.comparison import Comparison
from medinorm.evidence.verdict.reach import reach_verdict

__all__ = ["Comparison", "reach_verdict"]
