"""Freed memory stays with the process, where the C library can be asked."""

import subprocess
import sys

import pytest

from medinorm.jobs import memory
from medinorm.jobs.memory import keep_freed_memory

# Faults of pages while 8 MB are allocated, written and freed again and again.
PROBE = """
import resource, sys
from medinorm.jobs.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def touch():
    blocks = [bytearray(2**20 * 8) for _ in range(8)]
touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_faults(mode):
    command = [sys.executable, "-c", PROBE, mode]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.mark.skipif(
    not hasattr(memory.ctypes.CDLL(None), "mallopt"), reason="needs the GNU C library"
)
def test_freed_memory_is_used_again():
    assert count_faults("keep") < 0.2 * count_faults("default")


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.setattr(memory.ctypes, "CDLL", None)
    keep_freed_memory()
