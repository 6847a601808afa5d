"""The style inside a figure, so that it looks the same when it is saved as a file.

`figures.css` beside the pages styles all figures. A figure carries the rules that it
needs. On the page a colour follows the scheme, light or dark; in a file of its own the
figure has the light one.
"""

import re
from functools import cache
from importlib.resources import files

from markupsafe import Markup

_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_VARIABLE = re.compile(r"(--[\w-]+):\s*([^;]+);")
_USE = re.compile(r"var\((--[\w-]+)\)")
_CLASS = re.compile(r"\.([a-zA-Z][\w-]*)")
_CLASSES = re.compile(r'\bclass="([^"]*)"')


def write_style(content: str) -> Markup:
    """The rules for the classes that occur in a figure.

    Args:
        content: the figure's elements.

    Examples:
        >>> write_style('<line class="grid"/>').count("{")
        2
    """
    used = {name for names in _CLASSES.findall(content) for name in names.split()}
    return Markup(  # noqa: S704 (rules of a file of this package)
        "".join(rule for needed, rule in _rules() if needed & used or not needed)
    )


@cache
def _rules() -> list[tuple[frozenset[str], str]]:
    """Each rule, and the classes one of which it needs; none: it always applies."""
    light = dict(_VARIABLE.findall(_read("page.css").split("}")[0]))
    rules = []
    for selectors, body in _RULE.findall(_read("figures.css")):
        fixed = _USE.sub(lambda use: f"var({use[1]}, {light[use[1]]})", body)
        for selector in selectors.strip().split(", "):
            last = _CLASS.findall(selector)[-1:]
            rules.append((frozenset(last), f"{selector} {{{fixed.rstrip()} }}"))
    return rules


def _read(name: str) -> str:
    """The text of a style sheet beside the pages."""
    return (files("medinorm.report.pages") / name).read_text("utf-8")
