"""What the function of a stage asks for, read from its text without importing it.

The signature and the docstring say all that the command line needs. Importing the
function may take seconds, for torch and MONAI; ``--help`` must not wait for that.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from inspect import Parameter
from typing import Any

REQUIRED = Parameter.empty  # in place of a default


@dataclass(frozen=True)
class Argument:
    """One argument of a stage.

    Args:
        name: its name, which is its flag too.
        kind: its type, as annotated.
        default: its value if it is not given; `REQUIRED` if it must be.
        text: what it is, from the docstring.
    """

    name: str
    kind: Any
    default: Any
    text: str


def read_summary(target: str) -> str:
    """The first sentence of a stage's docstring.

    Args:
        target: the function, as ``module:function``.

    Raises:
        ValueError: the module has no such function.

    Examples:
        >>> read_summary("medinorm.ingest.strict:require_all")
        'Fail if any scan was excluded.'
    """
    _, function = _parse(target)
    return _plain_text(_docstring(function).partition("\n\n")[0])


def read_arguments(target: str) -> tuple[Argument, ...]:
    """The arguments of a stage, in the order of its signature.

    Args:
        target: the function, as ``module:function``.

    Raises:
        ValueError: the module has no such function, or the type or the default of an
            argument names something that the module does not import.
    """
    tree, function = _parse(target)
    texts = _argument_texts(_docstring(function))
    return tuple(
        Argument(
            node.arg,
            _evaluate(node.annotation, tree, target),
            REQUIRED if default is None else _evaluate(default, tree, target),
            texts.get(node.arg, ""),
        )
        for node, default in _parameters(function.args)
    )


def _parse(target: str) -> tuple[ast.Module, ast.FunctionDef]:
    """The module of a stage, and the function in it."""
    module, _, name = target.partition(":")
    *packages, last = module.split(".")[1:]
    # Joined by hand: asking importlib for the package would import it.
    file = files("medinorm").joinpath(*packages, f"{last}.py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return tree, node
    raise ValueError(f"{target}: the module has no such function")


def _parameters(signature: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Each parameter with its default, if it has one."""
    positional = [*signature.posonlyargs, *signature.args]
    without_default = len(positional) - len(signature.defaults)
    defaults = [*[None] * without_default, *signature.defaults]
    yield from zip(positional, defaults, strict=True)
    yield from zip(signature.kwonlyargs, signature.kw_defaults, strict=True)


def _evaluate(node: ast.expr | None, tree: ast.Module, target: str) -> Any:
    """The value of a type or a default.

    Only those imports of the module are made that the expression names.

    Raises:
        ValueError: there is no expression, or it uses a name that is not imported.
    """
    if node is None:
        raise ValueError(f"{target}: an argument has no type")
    named = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    try:
        # The text is part of this package; an import would evaluate the same.
        return eval(  # noqa: S307
            compile(ast.Expression(node), target, "eval"),
            dict(_imported(tree, named)),
        )
    except NameError as error:
        raise ValueError(f"{target}: {error}, so no flag can be made of it") from None


def _imported(tree: ast.Module, names: set[str]) -> Iterator[tuple[str, Any]]:
    """What the module imports under these names."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (name := alias.asname or alias.name) in names:
                    yield name, getattr(import_module(node.module), alias.name)


def _docstring(function: ast.FunctionDef) -> str:
    """The docstring of a function, without its indent."""
    return ast.get_docstring(function) or ""


def _argument_texts(docstring: str) -> Mapping[str, str]:
    """What a docstring says about each argument."""
    section = docstring.partition("\nArgs:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section, re.MULTILINE)
    return {name: _plain_text(text).removesuffix(".") for name, text in entries}


def _plain_text(text: str) -> str:
    """A text on one line, without the marks of reStructuredText."""
    return re.sub(r"(``|`|\*)(\S(?:.*?\S)??)\1", r"\2", " ".join(text.split()))
