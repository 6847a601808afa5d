"""The head of the report: the verdict in words, and the size of the study."""

from markupsafe import Markup

from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section

_TEMPLATE = """\
<p class="kicker">Which normalization still works on {{ noun.with_article }} that the \
network has never seen?</p>
<h1>{{ title }}</h1>
<dl class="size">
{% for name, count in size %}
<div><dt>{{ name if count == 1 else name ~ "s" }}</dt>\
<dd>{{ "{:,}".format(count) }}</dd></div>
{% endfor %}
</dl>
{% if not verdict.ranked %}
<div class="banner" role="alert"><strong>Not ranked.</strong> The reason: \
{{ verdict.reason }}.</div>
{% endif %}
{% if verdict.weaknesses %}
<div class="banner weaknesses" role="note"><strong>What speaks against this \
study.</strong><ul>
{% for weakness in verdict.weaknesses %}
<li>{{ weakness }}</li>
{% endfor %}
</ul></div>
{% endif %}
<div class="verdict">
{% for sentence in sentences %}
<p>{{ sentence }}</p>
{% endfor %}
</div>"""


@section("verdict", "Verdict", order=0, heading="")
def write_verdict(inputs: ReportInputs) -> Markup:
    """The verdict and the size of the study."""
    findings = inputs.findings
    verdict = findings.verdict
    reason = verdict.reason
    return write_html(
        _TEMPLATE,
        title=inputs.title,
        noun=findings.noun,
        verdict=verdict,
        # The banner has the reason already.
        sentences=[
            sentence
            for sentence in verdict.sentences
            if not (reason and reason in sentence)
        ],
        size=[
            ("scan", len(findings.domain_of)),
            ("subject", len(findings.subjects)),
            ("domain", len(findings.domain_names)),
            ("variant", len(findings.variants)),
            ("seed", len(findings.seeds)),
        ],
    )
