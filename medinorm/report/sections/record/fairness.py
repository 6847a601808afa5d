"""Whether all variants were trained in the same way, and what each cost."""

from markupsafe import Markup

from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.comparisons import (
    find_unequal,
    tabulate_fairness,
    tabulate_rates,
    was_searched_alike,
)

_TEMPLATE = """\
{% if table.rows %}
{% if unequal %}<p class="banner"><strong>Not the same for all variants:</strong> \
{{ unequal|join(", ") }}. These settings may explain a part of the \
differences.</p>{% endif %}
{{ show_table(table) }}
{% if rates.rows %}<p>The learning rate of each variant and split was chosen on \
validation scans of its training domains. {% if alike %}Each had the same budget: one \
network a rate, {{ number }} rates.{% else %}Not all had the same rates \
to choose among.{% endif %}</p>
{{ show_table(rates) }}{% endif %}
{% else %}
<p class="note">The costs of training were not recorded.</p>
{% endif %}
"""


@section("fairness", "Fairness", order=120, heading="Fairness of the comparison")
def write_fairness(inputs: ReportInputs) -> Markup:
    """The table of costs, and a warning where settings differ."""
    findings = inputs.findings
    return write_html(
        _TEMPLATE,
        table=tabulate_fairness(findings),
        unequal=find_unequal(findings),
        rates=tabulate_rates(findings),
        alike=was_searched_alike(findings),
        number=len({row.rate for row in findings.rates}),
    )
