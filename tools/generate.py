"""Write the parts of files that follow from declarations: exports, tables, examples.

Each part stands between two comments, ``generated: NAME`` and ``end of NAME``. Without
an argument the parts that are out of date are written anew; with ``--check`` they are
only named, and the exit code is 1 if there are any. To generate another part: write its
function, put the two comments into the file, and add a line to `PARTS`.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # this checkout, whatever is installed

from medinorm.declarations import Declaration, read_declarations  # noqa: E402
from medinorm.method_names import NORM_DECLARATIONS  # noqa: E402
from medinorm.report.documents.evidence_schema import describe_evidence  # noqa: E402

_WIDTH = 88


def norm_imports() -> Iterable[str]:
    """The classes of the declared norms and perturbations, imported."""
    for declared in sorted(NORM_DECLARATIONS.values(), key=lambda each: each.module):
        line = f"from {declared.module} import {declared.target}"
        if len(line) <= _WIDTH:
            yield line
        else:
            yield f"from {declared.module} import ("
            yield f"    {declared.target},"
            yield ")"
    yield ""  # ruff's import sorting wants it


def norm_exports() -> Iterable[str]:
    """Their names, as an addition to `__all__`."""
    names = [declared.target for declared in NORM_DECLARATIONS.values()]
    yield "__all__ += ["
    for name in sorted(names, key=lambda name: (not name.isupper(), name)):
        yield f'    "{name}",'
    yield "]"


# What each condition is, in a call of the network.
_CONDITIONS = {
    "style": "`style=`: K scans of the same scanner",
    "regions": "`regions=`: a label map on the voxels of the input",
    "mask": "`mask=`: a map on the voxels of the input",
    "domain": "`domain=`: an index, -1 for a scanner never seen",
}


def norm_table() -> Iterable[str]:
    """Every norm of the configuration, for the README."""
    yield "| `norm:` | what it does | in MONAI | needs |"
    yield "| --- | --- | --- | --- |"
    for declared in NORM_DECLARATIONS.values():
        cells = [f"`{declared.name}`", declared.text, *_for_users(declared)]
        yield f"| {' | '.join(cells)} |".replace("|  |", "| |")


def _for_users(declared: Declaration) -> tuple[str, str]:
    """How to get a norm in MONAI code, and what it needs there."""
    facts = declared.facts
    if "behind" in facts:
        call = f'`insert_perturbation(network, "{declared.name}")`'
        return call, f"`{facts['behind']}` norms"
    conditions = (*facts.get("needs", ()), *facts.get("uses", ()))
    needs = [_CONDITIONS[condition] for condition in conditions]
    needs += [facts["remark"]] if "remark" in facts else []
    return f"`{facts.get('monai', declared.name)}`", "; ".join(needs)


def norm_list() -> Iterable[str]:
    """Every norm, for a study that compares all."""
    return (f"    - {name}" for name in NORM_DECLARATIONS)


def stage_table() -> Iterable[str]:
    """Every subcommand and its function, each behind the one that it names."""
    stages = _find_stages()
    behind: dict[str, list[str]] = {}
    for name, declared in sorted(stages.items()):
        behind.setdefault(declared.facts.get("after", ""), []).append(name)
    if unknown := behind.keys() - stages.keys() - {""}:
        raise ValueError(f"no stage is called {', '.join(sorted(unknown))}")

    def order(name: str) -> Iterator[str]:
        for each in behind.get(name, ()):
            yield each
            yield from order(each)

    for name in order(""):
        declared = stages[name]
        yield f'    "{name}": "{declared.module}:{declared.target}",'


def _find_stages() -> dict[str, Declaration]:
    """The functions that are declared as stages, in all folders of the package."""
    folders = sorted({file.parent for file in (ROOT / "medinorm").rglob("*.py")})
    return {
        name: declared
        for folder in folders
        for name, declared in read_declarations(
            ".".join(folder.relative_to(ROOT).parts), "stage"
        ).items()
    }


def evidence_schema() -> str:
    """The JSON schema of the files of the comparison."""
    return json.dumps(describe_evidence(), indent=2) + "\n"


@dataclass(frozen=True)
class Part:
    """One generated part of a file.

    Args:
        file: relative to the repository.
        name: in the comments around it.
        write: gives its lines.
    """

    file: str
    name: str
    write: Callable[[], Iterable[str]]


PARTS = (
    Part("medinorm/cli/stages.py", "stage table", stage_table),
    Part("medinorm/layers/__init__.py", "norm imports", norm_imports),
    Part("medinorm/layers/__init__.py", "norm exports", norm_exports),
    Part("README.md", "norm table", norm_table),
    Part("config/examples/all_norms.yaml", "norm list", norm_list),
)

Text = Callable[[], str]
FILES: dict[str, Text] = {"docs/reference/evidence.schema.json": evidence_schema}


def replace_part(text: str, name: str, lines: Iterable[str]) -> str:
    """A file's text with one part replaced.

    Raises:
        ValueError: the two comments of the part are not there exactly once.
    """
    comments = rf"(^[^\n]*\bgenerated: {name}\b[^\n]*\n)(.*?)(^[^\n]*\bend of {name}\b)"
    parts = list(re.finditer(comments, text, flags=re.DOTALL | re.MULTILINE))
    if len(parts) != 1:
        raise ValueError(f"expected the part {name!r} once, not {len(parts)} times")
    start, end = parts[0].span(2)
    return text[:start] + "".join(f"{line}\n" for line in lines) + text[end:]


def generate(root: Path, parts: Sequence[Part], *, check: bool) -> list[str]:
    """Bring the parts of files up to date.

    Args:
        root: folder of the repository.
        parts: what to generate.
        check: write nothing.

    Returns:
        The parts that were out of date.
    """
    outdated = []
    for part in parts:
        file = root / part.file
        text = file.read_text(encoding="utf-8")
        current = replace_part(text, part.name, part.write())
        if current != text:
            outdated.append(f"{part.file}: {part.name}")
            if not check:
                file.write_text(current, encoding="utf-8")
    return outdated


def write_files(root: Path, files: Mapping[str, Text], *, check: bool) -> list[str]:
    """Bring whole files up to date; arguments and result as of `generate`."""
    outdated = []
    for name, write in files.items():
        file, text = root / name, write()
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            outdated.append(name)
            if not check:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    return outdated


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    outdated = generate(ROOT, PARTS, check=check)
    outdated += write_files(ROOT, FILES, check=check)
    for line in outdated:
        print(f"out of date: {line}" if check else f"written: {line}")
    if check and outdated:
        print("run: python tools/tasks.py docs")
    return 1 if check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
