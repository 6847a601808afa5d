"""The settings of a study as they may be shown: nothing that may name a patient."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medinorm.config.study import StudyConfig
from medinorm.errors import may_be_shown

NOT_SHOWN = "(not shown)"
_SUFFIXES = frozenset({".tsv", ".csv", ".txt"})
# How the page looks: that changes no number.
_OF_THE_PAGE = frozenset({"title", "report"})


def show_study(study: StudyConfig) -> dict[str, Any]:
    """The settings of a study, without the paths of the user and the PACS.

    Names of files and folders are often those of patients. Of a path only the suffix
    of a table is kept; of a text with slashes, which may hold a path, nothing.

    Args:
        study: its configuration.

    Examples:
        >>> study = StudyConfig.model_validate({"input": {"bids": "/data/Doe_John"}})
        >>> show_study(study)["input"]["bids"]
        '(not shown)'
    """
    values = study.model_dump(mode="python", exclude=set(_OF_THE_PAGE))
    if values["input"]["pacs"] is not None:
        values["input"]["pacs"] = NOT_SHOWN
    return {name: _shown(value) for name, value in values.items()}


def _shown(value: Any) -> Any:
    """A value as JSON, without what is private."""
    if isinstance(value, Path):
        suffix = value.suffix if value.suffix in _SUFFIXES else ""
        return f"{NOT_SHOWN}{suffix}"
    if isinstance(value, Mapping):
        return {str(_shown(key)): _shown(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(entry) for entry in value]
    return value if may_be_shown(value) else NOT_SHOWN
