"""Time and memory of turning DICOM series into volumes, beside three peers.

    python benchmarks/ingest.py [--json] [--repetitions 3] [--folders ge_t1 vendors]

Each tool converts one folder of the shared real series (``MEDINORM_REAL_DATA``) to
uncompressed NIfTI, in a process of its own. Time begins when the tool is loaded; what
loading takes (Python's start and imports) stands beside it. medinorm indexes the
folder, divides it into volumes, judges their geometry, reads and writes them: all of
ingest but labels and checksums. It refuses volumes that the others write, such as those
with missing slices, so the counts differ. Memory is the peak of the process.

Below stands how many files a second `medinorm index` reads (one process, files in the
page cache): new ones, ones that did not change since, and pydicom's header reader on
the same files.
"""

# ruff: noqa: PLC0415 - each process loads one tool only, so that its memory counts

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDERS = ("ge_t1", "vendors")
INDEXED = 4000  # files


# Each of these imports a tool and gives a function that converts a folder. What it
# gives back is how many volumes were written.
Converter = Callable[[Path, Path], int]


def load_medinorm() -> Converter:
    """Convert by medinorm."""
    from medinorm.config import IngestConfig
    from medinorm.errors import ScanError
    from medinorm.files.nifti import write_volume
    from medinorm.ingest.dicom.volume import read_series_part
    from medinorm.ingest.index import look_through
    from medinorm.ingest.plan.dicom_entries import sort_rows
    from medinorm.ingest.plan.judge_series import find_parts, frames_of

    def convert(source: Path, target: Path) -> int:
        entries, _ = sort_rows(look_through([source]))
        written = 0
        for number, part in enumerate(find_parts(entries, IngestConfig())):
            if part.reason:
                continue
            paths = [entry.path for entry in part.entries]
            numbers = [part.numbers[p] if part.numbers else None for p in paths]
            try:
                volume = read_series_part(frames_of(paths, numbers)).volume
            except ScanError:
                continue
            write_volume(volume, target / f"{number}.nii")
            written += 1
        return written

    return convert


def load_dcm2niix() -> Converter:
    """Convert by dcm2niix, which is no Python program."""
    from dcm2niix import bin as program

    def convert(source: Path, target: Path) -> int:
        command = [program, "-z", "n", "-f", "%s_%d_%p", "-o", target, source]
        subprocess.run(map(str, command), check=False, stdout=subprocess.DEVNULL)
        return len(list(target.glob("*.nii")))

    return convert


def load_dicom2nifti() -> Converter:
    """Convert by dicom2nifti, as stored, without compression."""
    import logging

    import dicom2nifti

    logging.disable()

    def convert(source: Path, target: Path) -> int:
        for folder in folders_with_files(source):
            own = target / str(len(list(target.iterdir())))
            own.mkdir()
            dicom2nifti.convert_directory(
                str(folder), str(own), compression=False, reorient=False
            )
        return len(list(target.rglob("*.nii")))

    return convert


def load_simpleitk() -> Converter:
    """Convert by SimpleITK's series reader."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)

    def convert(source: Path, target: Path) -> int:
        written = 0
        for folder in folders_with_files(source):
            for series in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
                names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(
                    str(folder), series
                )
                try:
                    image = sitk.ReadImage(names)
                except RuntimeError:
                    continue
                sitk.WriteImage(image, str(target / f"{written}.nii"))
                written += 1
        return written

    return convert


TOOLS = {
    "medinorm": load_medinorm,
    "dcm2niix": load_dcm2niix,
    "dicom2nifti": load_dicom2nifti,
    "SimpleITK": load_simpleitk,
}


def folders_with_files(source: Path) -> Iterator[Path]:
    """All folders that hold files."""
    for parent, inner, names in os.walk(source):
        inner.sort()
        if names:
            yield Path(parent)


def work(tool: str, source: Path) -> None:
    """In a process of its own: load one tool, convert once, tell how it went."""
    loaded_in = time.perf_counter()
    convert = TOOLS[tool]()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as target:
        volumes = convert(source, Path(target))
        seconds = time.perf_counter() - began
    who = resource.RUSAGE_CHILDREN if tool == "dcm2niix" else resource.RUSAGE_SELF
    peak = resource.getrusage(who).ru_maxrss / 1024
    result = {
        "volumes": volumes,
        "seconds": seconds,
        "loading": began - loaded_in,
        "peak_mb": peak,
    }
    sys.stderr.flush()
    print("\n" + json.dumps(result))


def measure(tool: str, source: Path, repetitions: int) -> dict[str, float]:
    """Medians over several processes; `loading` includes Python's own start."""
    results = []
    for _ in range(repetitions):
        began = time.perf_counter()
        command = [sys.executable, __file__, "--work", tool, str(source)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        spent = time.perf_counter() - began
        result = json.loads(done.stdout.splitlines()[-1])
        result["loading"] = max(result["loading"], spent - result["seconds"])
        results.append(result)
    return {key: statistics.median(r[key] for r in results) for key in results[0]}


def measure_index(source: Path, count: int) -> dict[str, float]:
    """Files a second: new ones, unchanged ones, and by pydicom."""
    from pydicom import dcmread

    from medinorm.config import InputConfig
    from medinorm.ingest.dicom.header_values import KEYWORDS
    from medinorm.ingest.index import index_input

    files = sorted(path for path in source.iterdir() if path.is_file())
    with tempfile.TemporaryDirectory() as folder:
        copies, private = Path(folder, "dicom"), Path(folder, "private")
        for number in range(count // len(files)):
            (copies / str(number)).mkdir(parents=True)
            for file in files:
                shutil.copy(file, copies / str(number) / file.name)
        everything = sorted(copies.rglob("*.*"))
        for path in everything:
            path.read_bytes()  # into the page cache
        rates = {}
        for what in ("new", "unchanged"):
            began = time.perf_counter()
            index_input(
                private / "index.jsonl",
                private=private,
                input=InputConfig(dicom=(copies,)),
            )
            rates[what] = len(everything) / (time.perf_counter() - began)
        began = time.perf_counter()
        for path in everything:
            dcmread(path, stop_before_pixels=True, specific_tags=list(KEYWORDS))
        rates["pydicom"] = len(everything) / (time.perf_counter() - began)
    return rates


def show(found: dict[str, Any]) -> None:
    """Print all tables."""
    for folder, tools in found["convert"].items():
        print(f"{folder}: to uncompressed NIfTI, one process")
        print(
            f"{'':>14}{'volumes':>9}{'s':>9}{'to dcm2niix':>13}"
            f"{'volumes/s':>11}{'loading s':>11}{'peak MB':>9}"
        )
        base = tools.get("dcm2niix", {}).get("seconds", float("nan"))
        for tool, row in tools.items():
            seconds = row["seconds"]
            print(
                f"{tool:>14}{row['volumes']:>9.0f}{seconds:>9.3f}"
                f"{seconds / base:>12.2f}x{row['volumes'] / seconds:>11.1f}"
                f"{row['loading']:>11.2f}{row['peak_mb']:>9.0f}"
            )
    if rates := found["index"]:
        print(
            "index, files a second: "
            + ", ".join(f"{r:,.0f} {w}" for w, r in rates.items())
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="numbers for a machine")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--folders", nargs="+", default=FOLDERS)
    parser.add_argument("--tools", nargs="+", default=list(TOOLS), choices=TOOLS)
    parser.add_argument("--indexed", type=int, default=INDEXED, help="files")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work[0], Path(given.work[1]))
        return
    data = Path(os.environ.get("MEDINORM_REAL_DATA", DEFAULT_DATA)) / "dicom"
    if not data.is_dir():
        parser.error("needs the real series: set MEDINORM_REAL_DATA")
    found = {
        "convert": {
            folder: {
                tool: measure(tool, data / folder, given.repetitions)
                for tool in given.tools
            }
            for folder in given.folders
        },
        "index": measure_index(data / "ge_t1" / "In", given.indexed),
    }
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
