"""What a network was trained on against what it was tested on: tables, heat maps."""

from markupsafe import Markup

from medinorm.method_names import DESIGN_DECLARATIONS
from medinorm.report.figures.charts import chart_heatmaps
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.train_to_test import tabulate_highest, tabulate_tested

_TEMPLATE = """\
{% if highest %}
<h3>Which variant for which {{ noun.one }}?</h3>
<p>Find the {{ noun.one }} that is most like yours among the columns, and what you can \
train on among the rows. The cell names the variant with the highest Dice there. This \
is what was measured on these scans, without a test: a lead of less than \
{{ margin }} Dice does not matter, and a larger one may be chance.</p>
{{ show_table(highest) }}
{% endif %}
<h3>All numbers, {{ noun.one }} by {{ noun.one }}</h3>
{% for domain, table in tested %}
<details><summary>Tested on {{ domain }}</summary>{{ show_table(table) }}</details>
{% endfor %}
<h3>All variants as heat maps</h3>
<p>Rows: what a network was trained on. Columns: the {{ noun.one }} it was tested on. \
Framed cells are {{ noun.many }} that it never saw. One colour scale for all.</p>
<div class="scale">{{ scale }}<span>Dice (0 to 1, higher is better), mean over labels \
and seeds</span></div>
{% set layout = "panels single" if domains > 5 else "panels" %}
<div class="{{ layout }}">
{% for panel in heatmaps[:8] %}{{ show_panel(panel) }}{% endfor %}
</div>
{% if heatmaps|length > 8 %}
<details><summary>{{ plural(heatmaps|length - 8, "more variant") }}</summary>
<div class="{{ layout }}">
{% for panel in heatmaps[8:] %}{{ show_panel(panel) }}{% endfor %}
</div>
</details>
{% endif %}
{% for sentence in not_run %}<p class="note">{{ sentence }}</p>
{% endfor %}
"""


@section("matrix", "Train to test", order=40)
def write_train_to_test(inputs: ReportInputs) -> Markup:
    """The best of each cell, one table a domain, one heat map a variant."""
    findings = inputs.findings
    scale, heatmaps = chart_heatmaps(findings)
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        domains=len(findings.domain_names),
        not_run=[
            design.facts["missing"]
            for name, design in DESIGN_DECLARATIONS.items()
            if name not in findings.designs and "missing" in design.facts
        ],
        scale=scale,
        heatmaps=heatmaps,
        highest=tabulate_highest(findings) if len(findings.variants) > 1 else None,
        margin=f"{findings.verdict.settings['equivalence']:g}",
        tested=[
            (domain, tabulate_tested(findings, domain))
            for domain in findings.domain_names
        ],
    )
