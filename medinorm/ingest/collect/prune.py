"""Deletes volumes of scans that a study no longer has, such as withdrawn patients'."""

import json
import logging
import os
import re
from collections.abc import Collection
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.atomic import clear_leftovers, read_json
from medinorm.ingest.convert.stage import DATASET_NAME, DESCRIPTION_NAME, LABELS_FOLDER

# Names that convert and collect give, also with the prefix of an unfinished file.
_OURS = re.compile(r"(\.\d+-)?sub-.+\.(nii\.gz|json|tsv)")


_log = logging.getLogger(__name__)


def prune(canonical: Path, keep: Collection[Path]) -> None:
    """Delete the volumes and sidecars that no scan needs, and folders left empty.

    Only files with names that `convert_scans` gives are deleted, below ``sub-*`` and
    ``derivatives/labels/sub-*``. Links are neither followed nor deleted.

    Args:
        canonical: folder that `convert_scans` wrote.
        keep: files to keep, relative to it.

    Raises:
        StageError: `convert_scans` did not write this folder, so nothing is deleted.
    """
    if not _is_canonical(canonical):
        raise StageError(
            "the folder of canonical volumes is not one that convert wrote; give that"
        )
    clear_leftovers([canonical / "*", canonical / LABELS_FOLDER / "*"])
    kept = {canonical / path for path in keep}
    deleted = 0
    for parent in (canonical, canonical / LABELS_FOLDER):
        if parent != canonical and _reached_by_link(parent, canonical):
            continue
        for subject in parent.glob("sub-*"):
            if not subject.is_symlink():
                deleted += _prune_subject(subject, kept)
    if deleted:
        _log.info("deleted %d files of scans that are not in the study", deleted)


def _is_canonical(folder: Path) -> bool:
    """Whether the description of a data set is the one that convert writes."""
    try:
        description = read_json(folder / DESCRIPTION_NAME)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        return False
    return isinstance(description, dict) and description.get("Name") == DATASET_NAME


def _reached_by_link(folder: Path, root: Path) -> bool:
    """Whether a link lies on the way from `root` to `folder`."""
    between = [folder, *folder.parents]
    return any(path.is_symlink() for path in between[: between.index(root)])


def _prune_subject(subject: Path, kept: Collection[Path]) -> int:
    """Delete what is not kept below one subject's folder; how many files that was."""
    deleted = 0
    for name, _, files in os.walk(subject, topdown=False, followlinks=False):
        folder = Path(name)
        for path in (folder / file for file in files if _OURS.fullmatch(file)):
            if path not in kept and not path.is_symlink():
                path.unlink()
                deleted += 1
        if not any(folder.iterdir()):
            folder.rmdir()
    return deleted
