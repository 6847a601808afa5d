"""The methods in sentences that a paper can take over, and the terms."""

from markupsafe import Markup

from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.text.methods import define_terms, describe_methods

_METHODS = """\
{% for paragraph in paragraphs %}
<p><strong>{{ paragraph.head }}.</strong> {{ paragraph.sentences|join(" ") }}</p>
{% endfor %}
"""
_GLOSSARY = """\
<dl class="glossary">
{% for term, meaning in terms.items() %}
<dt>{{ term }}</dt><dd>{{ meaning }}</dd>
{% endfor %}
</dl>"""


@section("methods", "Methods", order=130)
def write_methods(inputs: ReportInputs) -> Markup:
    """What was done."""
    paragraphs = describe_methods(inputs.findings, inputs.stages)
    return write_html(_METHODS, paragraphs=paragraphs)


@section("glossary", "Glossary", order=140)
def write_glossary(inputs: ReportInputs) -> Markup:
    """What the words mean."""
    return write_html(_GLOSSARY, terms=define_terms(inputs.findings))
