"""The numbers of each variant, over all labels and label by label."""

from markupsafe import Markup

from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.comparisons import tabulate_ranking
from medinorm.report.tables.scores import (
    explain_next_domain,
    tabulate_gaps,
    tabulate_labels,
    tabulate_summary,
)

_NUMBERS = """\
{{ show_table(summary) }}
<p class="note">{{ next_domain }}</p>
{% if gaps.rows %}
<h3>Gap, {{ noun.one }} by {{ noun.one }}</h3>
{{ show_table(gaps) }}
{% endif %}
{% if ranking.rows %}
<h3>Ranking</h3>
{{ show_table(ranking) }}
{% endif %}
"""
_LABELS = "{{ show_table(table, table.rows|length > 24) }}"


@section("numbers", "The numbers", order=20)
def write_numbers(inputs: ReportInputs) -> Markup:
    """The summary of each variant, its gaps and its rank."""
    findings = inputs.findings
    return write_html(
        _NUMBERS,
        noun=findings.noun,
        summary=tabulate_summary(findings),
        next_domain=explain_next_domain(findings),
        gaps=tabulate_gaps(findings),
        ranking=tabulate_ranking(findings),
    )


@section("labels", "Label by label", order=60)
def write_labels(inputs: ReportInputs) -> Markup:
    """The scores of each label."""
    return write_html(_LABELS, table=tabulate_labels(inputs.findings))
