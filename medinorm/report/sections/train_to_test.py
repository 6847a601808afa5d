"""Heat maps: what a network was trained on against what it was tested on."""

from markupsafe import Markup

from medinorm.method_names import DESIGN_DECLARATIONS
from medinorm.report.figures.charts import chart_heatmaps
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section

_TEMPLATE = """\
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
    """One heat map a variant, and which designs were not run."""
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
    )
