"""From templates to HTML; values that are not markup are escaped."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from medinorm import __version__
from medinorm.report.text.isolate import isolate


def write_html(template: str, **values: object) -> Markup:
    """Fill a template in the language of Jinja.

    Templates may use ``show_table(table)``, ``show_panel(panel)`` and
    ``plural(count, one)``.

    Args:
        template: its text.
        values: what it names.

    Examples:
        >>> write_html("<p>{{ plural(count, 'scan') }} of {{ name }}</p>", count=2,
        ...     name="A & B")
        Markup('<p>2 scans of A &amp; B</p>')
    """
    # The environment escapes all values.
    return Markup(_environment().from_string(template).render(values))  # noqa: S704


def write_page(name: str, sheets: tuple[str, ...], **values: object) -> Markup:
    """Fill the template of a whole page, with its style and script inside.

    Args:
        name: of the template in `medinorm.report.pages`.
        sheets: names of style sheets and scripts there.
        values: what the template names.
    """
    styles = (*(f"{sheet}.css" for sheet in sheets), "figures.css")
    scripts = (f"{sheet}.js" for sheet in sheets)
    style, script = (
        Markup("".join(map(_read, names)))  # noqa: S704
        for names in (styles, scripts)
    )
    return write_html(
        _read(f"{name}.html.j2"),
        style=style,
        script=script,
        version=__version__,
        **values,
    )


@cache
def _environment() -> Environment:
    """How templates are read, with the macros that all of them may use."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_isolated,
    )
    macros = environment.from_string(_read("macros.html.j2")).module
    for name in ("show_table", "show_panel", "plural"):
        environment.globals[name] = getattr(macros, name)
    return environment


def _isolated(value: object) -> object:
    """A value; a text that is no markup cannot turn the text around it."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return isolate(value)
    return value


def _read(name: str) -> str:
    """The text of a file beside the pages."""
    return (files("medinorm.report.pages") / name).read_text("utf-8")
