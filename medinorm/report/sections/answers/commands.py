"""The commands that put a variant to use."""

from medinorm.variant import Variant


def write_commands(variant: Variant | None) -> str:
    """The commands that bundle a variant and segment new scans with it.

    Args:
        variant: the variant; None: the reader chooses.

    Examples:
        >>> print(write_commands(Variant("zscore", "instance", "flip", "none")))
        medinorm bundle --results results --bundle best --variant zscore/instance/flip
        medinorm segment --bundle best --dicom FOLDER --output new
    """
    levels = "/".join(variant[:3]) if variant else "VARIANT"
    return (
        f"medinorm bundle --results results --bundle best --variant {levels}\n"
        "medinorm segment --bundle best --dicom FOLDER --output new"
    )
