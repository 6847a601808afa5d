"""Where harmonized scans lie."""

from pathlib import Path

_PLAIN, _PACKED = ".nii", ".nii.gz"


def harmonized_paths(harmonized: Path, scan: str) -> tuple[Path, Path]:
    """Where the harmonized image and label map of a scan are.

    They are compressed where the study asked for that; then the plain ones are absent.
    """
    packed = named_paths(harmonized, scan, compress=True)
    return packed if packed[0].exists() else named_paths(harmonized, scan)


def named_paths(
    harmonized: Path, scan: str, *, compress: bool = False
) -> tuple[Path, Path]:
    """Names of the image and the label map of a scan, plain or compressed.

    Examples:
        >>> named_paths(Path("h"), "sub-1_T1w", compress=True)[1].name
        'sub-1_T1w_label.nii.gz'
    """
    suffix = _PACKED if compress else _PLAIN
    return harmonized / f"{scan}{suffix}", harmonized / f"{scan}_label{suffix}"
