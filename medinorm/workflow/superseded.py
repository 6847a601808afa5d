"""Files of an earlier version in a results folder, under names no longer used.

No stage reads such files, and no other code deletes them: the preview of a scan that is
excluded later would stay in a folder that is shared. They are made again under their
new names.
"""

from pathlib import Path

from medinorm.layout import Layout


def discard_superseded(layout: Layout) -> None:
    """Delete such files, and the folders that are empty then.

    Args:
        layout: where the files of the study live.
    """
    results = Path(layout.results)
    for pattern in layout.superseded:
        for path in results.glob(str(Path(pattern).relative_to(results))):
            path.unlink(missing_ok=True)
            _remove_empty(path.parent, results)


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder and those above it, as long as they are empty."""
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
