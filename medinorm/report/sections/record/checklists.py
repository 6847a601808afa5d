"""Checklists for a paper and a model card, beside the report."""

from markupsafe import Markup

from medinorm.report.documents.checklists import DOCUMENTS, UNKNOWN
from medinorm.report.documents.multiqc import DOMAINS, VARIANTS
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section

_TEMPLATE = """\
<p>These files lie beside this report. They are filled in as far as the study knows; \
the rest says “{{ unknown }}”.</p>
<ul>
{% for document in documents %}
<li><a href="{{ document.name }}">{{ document.title }}</a>: after \
{{ document.source }}</li>
{% endfor %}
</ul>
<p>For MultiQC: {% for name in tables %}<code>{{ name }}</code>\
{{ ", " if not loop.last }}{% endfor %}.</p>
"""


@section("checklists", "Checklists", order=142, heading="Checklists and model card")
def write_checklists(inputs: ReportInputs) -> Markup:
    """Where the checklists are."""
    del inputs  # the same for every study
    return write_html(
        _TEMPLATE, documents=DOCUMENTS, unknown=UNKNOWN, tables=(VARIANTS, DOMAINS)
    )
