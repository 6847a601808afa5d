"""The Dice of each scan on unseen domains."""

from markupsafe import Markup

from medinorm.report.figures.charts import FEW_DOMAINS, chart_distributions
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section

_TEMPLATE = """\
{% if panels %}
<p>Each dot is one scan of a held-out {{ noun.one }}; its Dice is the mean over \
labels and seeds. Scans that fail do not show in a mean; here each scan is shown.</p>
<div class="panels {{ "single" if panels|length <= few_domains else "wide" }}">
{% for panel in panels %}{{ show_panel(panel) }}{% endfor %}
</div>
{% else %}
<p class="note">No design of this study tests on {{ noun.with_article }} that the \
network never saw.</p>
{% endif %}
"""


@section(
    "distributions",
    "Scan by scan",
    order=50,
    heading="Scan by scan, on {many} never seen",
)
def write_distributions(inputs: ReportInputs) -> Markup:
    """One panel a domain, one dot a scan."""
    findings = inputs.findings
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        panels=chart_distributions(findings),
        few_domains=FEW_DOMAINS,
    )
