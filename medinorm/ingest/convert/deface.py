"""The user's own command that takes the face out of a volume.

medinorm contains no such tool: they have licences and requirements of their own. The
configured command runs on each converted volume before any other step reads it.
"""

import shlex
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medinorm.errors import GeometryError, IntensityError, ReadError
from medinorm.files.nifti import Volume, read_volume, write_volume

_PATIENCE = 3600  # seconds for one volume
_SAME_GRID = 0.1  # of a voxel: tools round the affines that they write


def deface_volume(volume: Volume, command: str, private: Path) -> Volume:
    """Run a command on each channel of a volume.

    The command reads and writes files without any header text, in a private folder that
    is deleted afterwards; what it prints is not kept.

    Args:
        volume: as converted.
        command: words of a program, in which ``{input}`` and ``{output}`` stand for
            the NIfTI files to read and to write. No shell sees it.
        private: folder for the files.

    Returns:
        The volume on the same grid, with the voxels that the command wrote.

    Raises:
        ReadError: the command failed, or wrote no image.
        GeometryError: it wrote another grid.
        IntensityError: it changed nothing.
    """
    with tempfile.TemporaryDirectory(dir=private, prefix="deface-") as folder:
        parts = [
            _without_face(volume.with_array(channel[np.newaxis]), command, Path(folder))
            for channel in volume.array
        ]
    return volume.with_array(np.concatenate(parts))


def _without_face(volume: Volume, command: str, folder: Path) -> NDArray[np.generic]:
    """One channel after the command."""
    source, target = folder / "input.nii.gz", folder / "output.nii.gz"
    target.unlink(missing_ok=True)
    write_volume(volume, source)
    _run(command, source, target)
    try:
        result = read_volume(target)
    except ReadError:
        raise ReadError(
            "ingest.deface: the command wrote no NIfTI image; check it by hand"
        ) from None
    if result.array.shape != volume.array.shape or not volume.same_grid(
        result, _SAME_GRID
    ):
        raise GeometryError(
            "ingest.deface: the command changed the grid; use one that keeps it"
        )
    numbers = volume.array.dtype.kind in "fc"
    if np.array_equal(result.array, volume.array, equal_nan=numbers):
        raise IntensityError(
            "ingest.deface: the command changed no voxel; the face may still be there"
        )
    return result.array


def _run(command: str, source: Path, target: Path) -> None:
    """Run the command on two files.

    Raises:
        ReadError: it cannot be started, takes too long or fails.
    """
    places = {"{input}": str(source), "{output}": str(target)}
    words = shlex.split(command)
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(  # noqa: S603  (a command of the user's, no shell)
            words,
            check=False,
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            timeout=_PATIENCE,
        )
    except OSError:
        raise ReadError("ingest.deface: the command cannot be started") from None
    except subprocess.TimeoutExpired:
        raise ReadError(
            f"ingest.deface: the command took more than {_PATIENCE} s"
        ) from None
    if done.returncode:
        raise ReadError(
            f"ingest.deface: the command failed with code {done.returncode}; "
            "try it by hand"
        )
