"""What methods say about themselves, read without importing them.

Each norm, network, metric and so on is declared once, by a decorator in the file that
holds it: ``@norm("group", "group normalization, per scan and group of channels")``. The
configuration and the report need the names and the sentences but not torch, which takes
seconds to import. Therefore the declarations are read from the text of the files.
A test holds them against what the decorators register.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Declaration:
    """What a method says about itself.

    Args:
        name: its word in the configuration, on the command line and in results.
        text: what it does, in the words of a paper: a part of a sentence; the first
            line of the docstring if the decorator says nothing.
        facts: further arguments of the decorator, by keyword; literals.
        module: where it is declared, dotted.
        target: the class or function that is declared.
        parameters: its arguments; of a class, those of its own `__init__` but `self`.
            None for a class that inherits `__init__`: the text does not say them.
        kinds: the type of each of these that says one, as text.
    """

    name: str
    text: str
    facts: Mapping[str, Any]
    module: str
    target: str = ""
    parameters: tuple[str, ...] | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)


@cache
def read_declarations(place: str, decorator: str) -> Mapping[str, Declaration]:
    """All that is declared by one decorator in a package or a module, by name.

    Args:
        place: dotted name of a package, whose direct modules are read, or of a module.
        decorator: name of the decorator.

    Returns:
        The declarations in the order of their files and lines.

    Raises:
        SyntaxError: a module is not valid Python; names the module and the line.
        ValueError: a name is declared twice, or an argument is no literal.
    """
    declarations: dict[str, Declaration] = {}
    for module, source in _sources(place):
        for node, call in _calls(_decorated(source, decorator, module), decorator):
            declared = _declaration(node, call, module)
            if declared.name in declarations:
                raise ValueError(f"{decorator} {declared.name!r} is declared twice")
            declarations[declared.name] = declared
    return MappingProxyType(declarations)


def _decorated(source: str, decorator: str, module: str) -> ast.Module:
    """The classes and functions of a module below a decorator.

    They are cut out of the text first: parsing is slow, and every command does it.

    Raises:
        SyntaxError: the module is not valid Python; names the module and the line.
    """
    # A class or function ends before the next line that starts at the margin. A
    # closing bracket or a comment there still belongs to it.
    pattern = rf"^@{decorator}\(.*?^(?:class|def) .*?(?=^[^\s)\]}}#]|\Z)"
    cut = re.findall(pattern, source, re.MULTILINE | re.DOTALL)
    try:
        return ast.parse("".join(cut), filename=module)
    except SyntaxError:
        # Cut at a wrong place, such as a line of text at the margin: read all of it.
        return ast.parse(source, filename=module)


def _sources(place: str) -> Iterator[tuple[str, str]]:
    """Dotted name and text of each module."""
    # Joined by hand: asking importlib for a package would import it.
    entry = files("medinorm").joinpath(*place.split(".")[1:])
    if not entry.is_dir():
        module = files("medinorm").joinpath(*place.split(".")[1:-1])
        file = module / f"{place.rpartition('.')[2]}.py"
        yield place, file.read_text(encoding="utf-8")
        return
    for file in sorted(entry.iterdir(), key=_name):
        if file.name.endswith(".py"):
            name = file.name.removesuffix(".py")
            yield f"{place}.{name}", file.read_text(encoding="utf-8")


def _name(entry: Traversable) -> str:
    return entry.name


_Target = ast.ClassDef | ast.FunctionDef


def _calls(tree: ast.Module, decorator: str) -> Iterator[tuple[_Target, ast.Call]]:
    """The classes and functions of a module, each with its call of a decorator."""
    for node in tree.body:
        if isinstance(node, _Target):
            for call in node.decorator_list:
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Name)
                    and call.func.id == decorator
                ):
                    yield node, call


def _declaration(node: _Target, call: ast.Call, module: str) -> Declaration:
    """One call as a declaration."""
    name, *text = map(ast.literal_eval, call.args)
    facts = {
        keyword.arg: ast.literal_eval(keyword.value)
        for keyword in call.keywords
        if keyword.arg
    }
    sentence = "".join(text) or (ast.get_docstring(node) or "").partition("\n")[0]
    arguments = _arguments(node)
    return Declaration(
        name=name,
        text=sentence,
        facts=MappingProxyType(facts),
        module=module,
        target=node.name,
        parameters=None if arguments is None else tuple(one.arg for one in arguments),
        kinds={
            one.arg: ast.unparse(one.annotation)
            for one in arguments or ()
            if one.annotation
        },
    )


def _arguments(node: _Target) -> Sequence[ast.arg] | None:
    """The arguments of a function, or of the `__init__` of a class but `self`."""
    if isinstance(node, ast.FunctionDef):
        return (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            return (_arguments(inner) or ())[1:]
    return None
