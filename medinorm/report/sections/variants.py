"""The key figure: each variant on known and on unseen domains."""

from markupsafe import Markup

from medinorm.report.figures.charts import chart_variants
from medinorm.report.figures.svg import show_by_width
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section

_TEMPLATE = """\
<p>Each row is one way to normalize. If the two marks are close together, the \
network is nearly as good on a new {{ noun.one }} as on a known one. Marks far to the \
right mean a high Dice.</p>
<ul class="legend">
<li><svg width="34" height="16" aria-hidden="true">\
<line x1="2" y1="8" x2="32" y2="8" class="whisker inside"/>\
<circle cx="17" cy="8" r="6" class="inside"/></svg>\
in-domain: {{ noun.one }} seen in training</li>
<li><svg width="34" height="16" aria-hidden="true">\
<line x1="2" y1="8" x2="32" y2="8" class="whisker outside"/>\
<path d="M17 0l8 8l-8 8l-8 -8z" class="outside"/></svg>\
out-of-domain: {{ noun.one }} never seen</li>
<li><svg width="34" height="16" aria-hidden="true">\
<rect x="1" y="1" width="32" height="14" class="band"/></svg>\
where the next new {{ noun.one }} is expected</li>
{% if cut %}<li><svg width="34" height="16" aria-hidden="true">\
<rect x="1" y="1" width="32" height="14" class="band"/>\
<path d="M1 8l7 -7v14z" class="cut"/></svg>\
goes on beyond the axis</li>{% endif %}
</ul>
<figure>{{ figure }}
<figcaption>Marks with {{ level }} intervals. Gap: in-domain minus out-of-domain on \
the same scans. The shaded band is the prediction interval for one further \
{{ noun.one }}{% if cut %}; an arrow at its end says that it goes on beyond the axis, \
and the table below has its ends{% endif %}.</figcaption></figure>
{% if not out_domain %}<p class="note">There is no out-of-domain mean: it needs the \
design that leaves one domain out (<code>lodo</code>).</p>{% endif %}
{% if not in_domain %}<p class="note">There is no in-domain mean and no gap: they \
need the design <code>pooled</code>.</p>{% endif %}
"""


@section("variants", "Known and unseen {many}", order=10)
def write_variants(inputs: ReportInputs) -> Markup:
    """The key figure and how to read it."""
    findings = inputs.findings
    wide, narrow = (chart_variants(findings, narrow=small) for small in (False, True))
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        level=findings.level,
        figure=show_by_width(wide, narrow),
        cut='class="cut"' in wide,
        in_domain=any(row.in_domain is not None for row in findings.summary),
        out_domain=any(row.out_domain is not None for row in findings.summary),
    )
