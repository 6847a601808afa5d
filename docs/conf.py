"""The documentation site: ``python tools/tasks.py site``.

Pages are Markdown; the reference is made from the docstrings and the declarations, so
that it cannot say something else than the code.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generated_pages
from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from medinorm import __version__

generated_pages.write(Path(__file__).parent / "reference" / "generated")

project = "medinorm"
author = "The medinorm developers"
copyright = "2026, the medinorm developers"  # noqa: A001  (Sphinx's name)
release = version = __version__
root_doc = "index"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["README.md"]
html_theme = "furo"
html_math_renderer = "mathml"
html_title = f"medinorm {release}"
html_extra_path: list[str] = []

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
# Where a page of this site repeats a file of the repository, its links go there.
suppress_warnings = ["myst.xref_missing"]

default_role = "code"  # `name` in a docstring is a name
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"show-inheritance": True}
# What only some workstations have is not imported to read docstrings.
autodoc_mock_imports = ["triton"]
napoleon_google_docstring = True
napoleon_use_rtype = False
napoleon_custom_sections = ["Shape"]

copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True


def setup(app: Sphinx) -> None:
    """Write equations as MathML, which browsers draw without a script or a network."""
    app.add_html_math_renderer("mathml", (_write_inline, None), (_write_block, None))


def _write_inline(page: HTML5Translator, node: nodes.math) -> None:
    page.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _write_block(page: HTML5Translator, node: nodes.math_block) -> None:
    page.body.append(f"<div>{convert(node.astext(), display='block')}</div>")
    raise nodes.SkipNode
