"""Pages of the reference that follow from declarations: methods, stages, settings."""

import importlib
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path

from medinorm import transforms
from medinorm.cli.main import main
from medinorm.cli.stages import STAGES
from medinorm.declarations import Declaration
from medinorm.method_names import INTENSITY_DECLARATIONS, NORM_DECLARATIONS

ROOT = Path(__file__).parents[1]

Lines = Iterator[str]


def write(folder: Path) -> None:
    """Write all pages into a folder; those that are current are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "layers": list_layers(),
        "intensities": list_intensities(),
        "transforms": list_transforms(),
        "command_line": list_stages(),
        "configuration": repeat(ROOT / "config" / "README.md"),
    }
    for name, lines in pages.items():
        page, text = folder / f"{name}.md", "\n".join(lines) + "\n"
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def list_layers() -> Lines:
    """Each norm with its docstring, and the functions that put norms into networks."""
    yield "# Layers"
    yield "All of them are in `medinorm.layers` and need torch only."
    for name, declared in NORM_DECLARATIONS.items():
        yield from (
            f"## `{name}`",
            "",
            f"{declared.text[0].upper()}{declared.text[1:]}.",
        )
        yield from document("class", target_of(declared))
    yield "## Norms in networks"
    for function in ("convert_norm", "register_norms", "insert_perturbation"):
        yield from document("function", f"medinorm.layers.{function}")
    yield from document("class", "medinorm.layers.ConditionalNetwork")
    yield from document("class", "medinorm.layers.ThumbnailSlidingWindowInferer")


def list_intensities() -> Lines:
    """Each intensity method of the workflow with the docstring of its function."""
    yield "# Intensity methods"
    yield "Image level, before training: `experiments.intensity` in the configuration."
    for name, declared in INTENSITY_DECLARATIONS.items():
        yield from (
            f"## `{name}`",
            "",
            f"{declared.text[0].upper()}{declared.text[1:]}.",
        )
        yield from document(kind_of(declared), target_of(declared))
        for kind, target in named_in(declared):
            yield from document(kind, target)


def list_transforms() -> Lines:
    """Each transform for arrays; the one for dictionaries has a `d` at its end."""
    yield "# Transforms"
    yield "MONAI transforms; each has a version for dictionaries with a `d` at its end."
    for name in transforms.__all__:
        if f"{name}d" in transforms.__all__:
            yield from (
                f"## `{name}`",
                *document("class", f"medinorm.transforms.{name}"),
            )


def list_stages() -> Lines:
    """What `--help` of each stage prints."""
    yield "# Command line"
    yield "Each rule of the workflow calls one stage. Every file is a flag."
    for name in STAGES:
        yield from (f"## `medinorm {name}`", "", "```text", help_of(name), "```", "")


def help_of(stage: str) -> str:
    """What `medinorm STAGE --help` prints."""
    with redirect_stdout(io.StringIO()) as printed, suppress(SystemExit):
        main([stage, "--help"])
    return printed.getvalue().rstrip()


def repeat(page: Path) -> Lines:
    """A page of the repository as it is."""
    yield from page.read_text(encoding="utf-8").splitlines()


def document(kind: str, target: str) -> Sequence[str]:
    """The docstring of a class or function, read by Sphinx."""
    directive = [f".. auto{kind}:: {target}", "   :no-index:"]
    return ["", "```{eval-rst}", *directive, "```", ""]


def sentence_of(declared: Declaration) -> str:
    """What a method does, as a sentence."""
    return f"{declared.text[0].upper()}{declared.text[1:]}."


def named_in(declared: Declaration) -> Iterator[tuple[str, str]]:
    """Functions and classes of its module that the docstring of a method names.

    They do the work, and have the equation and its source.
    """
    module = importlib.import_module(declared.module)
    text = getattr(module, declared.target).__doc__ or ""
    for name in dict.fromkeys(re.findall(r"`([A-Za-z_.]+)`", text)):
        first, _, last = name.partition(".")
        found = getattr(module, first, None)
        if callable(found):
            kind = "class" if isinstance(found, type) else "function"
            yield "method" if last else kind, f"{declared.module}.{name}"


def target_of(declared: Declaration) -> str:
    """The full name of what a declaration declares."""
    return f"{declared.module}.{declared.target}"


def kind_of(declared: Declaration) -> str:
    """Whether a declared thing is a class or a function."""
    found = getattr(importlib.import_module(declared.module), declared.target)
    return "class" if isinstance(found, type) else "function"
