"""Paired differences between variants."""

from dataclasses import replace

from markupsafe import Markup

from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.comparisons import compare_with, tabulate_differences

_TEMPLATE = """\
{% if all.rows %}
<p>Pairs with <strong>{{ best }}</strong>, which has the highest out-of-domain Dice. \
<em>Equivalent</em>: the difference is too small to matter; <em>undecided</em>: this \
study is too small to decide.</p>
{{ show_table(with_best, with_best.rows|length > 24) }}
{% if all.rows|length > with_best.rows|length %}
<details><summary>All {{ all.rows|length }} pairs</summary>
{{ show_table(all, all.rows|length > 24) }}
</details>
{% endif %}
{% else %}
<p class="note">No pair of variants was compared.</p>
{% endif %}
"""


@section("differences", "Differences", order=70, heading="Differences between variants")
def write_differences(inputs: ReportInputs) -> Markup:
    """The differences with the best variant, then all."""
    findings = inputs.findings
    best = findings.variants[0]
    with_best = tabulate_differences(findings, compare_with(findings, best))
    pairs = tabulate_differences(findings, findings.differences)
    return write_html(
        _TEMPLATE,
        best=findings.names[best],
        with_best=with_best,
        all=replace(pairs, caption=f"All pairs. {pairs.caption}"),
    )
