"""A fault of the machine is told from a fault of a file."""

import errno

import pytest

from medinorm.errors import DamagedError, ReadError
from medinorm.files.machine import machine_fault, pass_on_machine_fault


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "memory ran out"),
        (OSError(errno.ENOMEM, "x"), "memory ran out"),
        (RuntimeError("std::bad_alloc"), "memory ran out"),
        (RuntimeError("Failed to allocate memory for image."), "memory ran out"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "memory ran out"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "memory ran out"),
        (OSError(errno.EIO, "x"), "Input/output error"),
        (OSError(errno.ESTALE, "x"), "Stale file handle"),
        (OSError(errno.ETIMEDOUT, "x"), "timed out"),
        (OSError(errno.EMFILE, "x"), "Too many open files"),
        (DamagedError("a.nii is damaged"), "a.nii is damaged"),
    ],
)
def test_the_machine_is_at_fault(error, words):
    assert words in machine_fault(error)
    with pytest.raises(type(error)):
        pass_on_machine_fault(error)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "x"),
        PermissionError(errno.EACCES, "x"),
        IsADirectoryError(errno.EISDIR, "x"),
        OSError(errno.ENAMETOOLONG, "x"),
        OSError("broken data stream when reading image file"),
        RuntimeError("Expected more than 1 value per channel"),
        ValueError("memory"),
        ReadError("truncated or damaged"),
    ],
)
def test_the_file_is_at_fault(error):
    assert machine_fault(error) is None
    pass_on_machine_fault(error)


def test_the_path_of_a_file_is_never_said():
    assert "Miller" not in machine_fault(OSError(errno.EIO, "x", "/data/Miller.dcm"))
