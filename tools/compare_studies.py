"""Whether two runs of one study gave the same numbers: tables, volumes, weights.

    python tools/compare_studies.py BEFORE AFTER

Both are results folders of a study that was run from the same private key, by two
versions of the code. Every table is compared cell by cell, every volume voxel by voxel,
every network tensor by tensor, every JSON file value by value. Left out is what must
differ: times, memory, versions, and what a stage recorded about itself. Exit code 1 if
anything differs or is missing.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from pyarrow import parquet
from safetensors.numpy import load_file

from medinorm.files.tables import read_table

# What an older version called these files and folders.
RENAMED = (
    (r"(^|/)thumbnails/", r"\1previews/"),
    (r"/batch-(\d+)\.tsv$", r"/job-\1.tsv"),
)
# What an older version called these columns.
RENAMED_COLUMNS = {"kernel": "reconstruction_kernel"}
# Neither a measurement nor made from scans: they tell of this run only.
IGNORED = re.compile(
    r"(^|/)(logs|tensorboard|report|ingest/strict)(/|$)|\.png$|\.checksum$"
    r"|\.edited(-\d+)?$|(^|/)evidence/environment\.json$"
)
CHANGING_COLUMNS = {"seconds", "seconds_per_step", "peak_memory_mb"}
CHANGING_KEYS = {
    *("settings", "version", "inputs", "sidecar"),
    *CHANGING_COLUMNS,
}


def main() -> int:
    """Compare, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="results folder of one run")
    parser.add_argument("after", type=Path, help="results folder of the other")
    given = parser.parse_args()
    before, after = _files(given.before), _files(given.after)
    compared: Counter[str] = Counter()
    wrong = [f"only before: {name}" for name in sorted(before.keys() - after.keys())]
    wrong += [f"only after: {name}" for name in sorted(after.keys() - before.keys())]
    for name in sorted(before.keys() & after.keys()):
        kind = _kind(name)
        compared[kind] += 1
        wrong += [f"{name}: {line}" for line in _differences(before[name], after[name])]
    for kind, count in sorted(compared.items()):
        print(f"{count:6d} {kind} compared")
    for line in wrong[:40]:
        print(line)
    print(f"{len(wrong)} differences" if wrong else "no difference")
    return 1 if wrong or not compared else 0


def _files(folder: Path) -> dict[str, Path]:
    """The files to compare, by the name they have today."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not IGNORED.search(name):
            for old, new in RENAMED:
                name = re.sub(old, new, name)
            found[name] = path
    return found


def _kind(name: str) -> str:
    """What a file is, as one word."""
    suffix = Path(name.removesuffix(".gz")).suffix
    words = {".tsv": "tables", ".nii": "volumes", ".safetensors": "networks"}
    words[".parquet"] = "tables of columns"
    return words.get(suffix, "JSON files" if suffix == ".json" else "other files")


def _differences(before: Path, after: Path) -> Iterator[str]:
    """What differs between two files, one line each."""
    compare = {
        "tables": _table_differences,
        "tables of columns": _column_differences,
        "volumes": _volume_differences,
        "networks": _network_differences,
        "JSON files": _json_differences,
    }.get(_kind(before.name))
    if compare:
        yield from compare(before, after)
    elif before.read_bytes() != after.read_bytes():
        yield "bytes"


def _volume_differences(before: Path, after: Path) -> Iterator[str]:
    """The affine, or some voxel."""
    first, second = nib.load(before), nib.load(after)
    if not np.array_equal(first.affine, second.affine):
        yield "affine"
    if not np.array_equal(first.dataobj, second.dataobj, equal_nan=True):
        yield "voxels"


def _network_differences(before: Path, after: Path) -> Iterator[str]:
    """Names of tensors, or some weight."""
    first, second = load_file(before), load_file(after)
    if first.keys() != second.keys():
        yield "names of tensors"
    elif not all(np.array_equal(first[name], second[name]) for name in first):
        yield "weights"


def _json_differences(before: Path, after: Path) -> Iterator[str]:
    """Some value that must not change."""
    first, second = (_lasting(json.loads(path.read_text())) for path in (before, after))
    if first != second:
        yield "values"


def _table_differences(before: Path, after: Path) -> Iterator[str]:
    """Columns and cells that differ."""
    first, second = map(_read_table, (before, after))
    if len(first) != len(second):
        yield f"{len(first)} and {len(second)} rows"
        return
    for number, (old, new) in enumerate(zip(first, second, strict=True), start=1):
        if list(old) != list(new):
            yield f"columns {sorted(old.keys() ^ new.keys()) or 'in another order'}"
            return
        for column in old.keys() - CHANGING_COLUMNS:
            if old[column] != new[column]:
                yield f"row {number}, {column}: {old[column]!r}, {new[column]!r}"


def _column_differences(before: Path, after: Path) -> Iterator[str]:
    """Columns that differ; what their files say of the version may."""
    first, second = map(parquet.read_table, (before, after))
    if first.column_names != second.column_names or len(first) != len(second):
        yield "names of columns, or number of rows"
        return
    for name in first.column_names:
        if first.column(name).to_pylist() != second.column(name).to_pylist():
            yield f"column {name}"


def _read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table, by the names that its columns have today."""
    return [
        {RENAMED_COLUMNS.get(name, name): text for name, text in row.items()}
        for row in read_table(path)
    ]


def _lasting(value: Any) -> Any:
    """A JSON value without what must differ."""
    if isinstance(value, dict):
        return {k: _lasting(v) for k, v in value.items() if k not in CHANGING_KEYS}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
