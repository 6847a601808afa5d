"""The Dice of each scan on unseen domains."""

from markupsafe import Markup

from medinorm.report.figures.charts import FEW_DOMAINS, chart_distributions
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section

_TEMPLATE = """\
{% if panels %}
<p>Each mark is one scan of a held-out {{ noun.one }}; its Dice is the mean over \
labels and seeds. Scans that fail do not show in a mean; here each scan is shown. \
Marks at exactly the same place are one.</p>
<ul class="legend">
<li><svg width="16" height="16" aria-hidden="true">\
<path d="M8 8h0" class="dots"/></svg>a scan</li>
<li><svg width="16" height="16" aria-hidden="true">\
<path d="M4 4l8 8m0 -8l-8 8" class="failed"/></svg>\
a scan that failed with one seed at least</li>
<li><svg width="16" height="16" aria-hidden="true">\
<path d="M8 1v14" class="median"/></svg>the median</li>
<li><svg width="26" height="16" aria-hidden="true">\
<rect x="1" y="2" width="24" height="12" rx="2" class="box"/></svg>\
the middle half, of five scans or more</li>
</ul>
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
