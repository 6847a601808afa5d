"""The software and the machine, read without importing heavy packages."""

import os
import platform
import subprocess
from collections.abc import Iterator
from importlib import metadata, resources
from json import loads
from pathlib import Path

SOFTWARE = (
    "torch",
    "monai",
    "lightning",
    "numpy",
    "scipy",
    "nibabel",
    "pydicom",
    "SimpleITK",
    "snakemake",
)

_CARDS = Path("/proc/driver/nvidia/gpus")
_CPU = Path("/proc/cpuinfo")
_SECONDS = 5  # for git to answer


def read_versions() -> dict[str, str]:
    """Versions of the software that decides numbers, by name of the distribution."""
    versions = {}
    for name in SOFTWARE:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def describe_system() -> str:
    """The operating system and Python; no name of the computer."""
    return (
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def read_commit() -> str | None:
    """The commit that this package is of, if that is known."""
    package = Path(str(resources.files("medinorm")))
    if (package.parent / ".git").exists():
        return _ask_git(package.parent)
    return _installed_commit()


def _ask_git(clone: Path) -> str | None:
    """The commit of a clone, with a mark if files were changed since."""
    git = ["git", "-C", str(clone)]
    try:
        head, status = (
            subprocess.run(  # noqa: S603  (fixed words and our own folder)
                [*git, *words],
                capture_output=True,
                check=True,
                text=True,
                timeout=_SECONDS,
            ).stdout.strip()
            for words in (
                ["rev-parse", "HEAD"],
                ["status", "--porcelain", "--untracked-files=no", "--", "medinorm"],
            )
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head} with changes" if status else head


def _installed_commit() -> str | None:
    """The commit that an installed package was made from (PEP 610)."""
    try:
        text = metadata.distribution("medinorm").read_text("direct_url.json")
        commit = loads(text)["vcs_info"]["commit_id"] if text else None
    except (metadata.PackageNotFoundError, KeyError, TypeError, ValueError):
        return None
    return commit if isinstance(commit, str) else None


def read_processor(cpu: Path = _CPU) -> str:
    """The model of the CPU; the kind of machine where it is not told."""
    models = [value for name, value in _entries(cpu) if name == "model name"]
    return models[0] if models else platform.machine()


def read_cards(cards: Path = _CARDS) -> tuple[str, ...]:
    """Models of the graphics cards of NVIDIA that the system lists."""
    return tuple(
        value
        for card in sorted(cards.glob("*/information"))
        for name, value in _entries(card)
        if name == "Model"
    )


def measure_memory() -> float | None:
    """Memory of the machine in GiB, if the system tells it."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
    return round(size / 2**30, 1)


def _entries(path: Path) -> Iterator[tuple[str, str]]:
    """The lines ``name: value`` of a file, if it can be read."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        name, _, value = line.partition(":")
        yield name.strip(), value.strip()
