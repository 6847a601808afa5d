"""The data: what went in, what was left out, and that the counts add up."""

from markupsafe import Markup

from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.data_card import (
    count_roles,
    count_scans,
    tabulate_domains,
    tabulate_excluded,
    tabulate_files,
)

_DATA = """\
<p class="sum"><b>{{ "{:,}".format(counts.candidates) }}</b> candidate scans and \
series = <b>{{ "{:,}".format(counts.used) }}</b> used + \
<b>{{ "{:,}".format(counts.excluded) }}</b> left out{% if counts.lost %} + \
<b class="alarm">{{ counts.lost }} in no list</b>{% endif %}</p>
{% if counts.files %}<p>\
{{ plural(counts.files, "more file belongs", "more files belong") }} to no scan or \
series; the list of what was left out says why.</p>{% endif %}
{{ show_table(files, files.rows|length > 24) }}
<p>Scores: {% for state, count in scores %}{{ "{:,}".format(count) }} {{ state }}\
{{ ", " if not loop.last }}{% endfor %}; one score is one scan, label and network.</p>
{{ show_table(domains) }}
<details><summary>Scans in each split</summary>
{{ show_table(roles, roles.rows|length > 24) }}
</details>"""

_EXCLUDED = """\
{% if table.rows %}
<ul class="reasons">
{% for count, reason in reasons %}<li><b>{{ count }}</b> {{ reason }}</li>
{% endfor %}
</ul>
<details{{ " open" if table.rows|length <= 12 }}>\
<summary>{{ plural(table.rows|length, "entry", "entries") }}</summary>
{{ show_table(table, table.rows|length > 24) }}
</details>
{% else %}
<p>Nothing was left out.</p>
{% endif %}
"""

_STATES = {
    "scored": "scored",
    "missing": "without a prediction (counted as Dice 0)",
    "empty": "rightly without the label",
    "false_positive": "with a label where there is none (counted as Dice 0)",
}


@section("data", "Data card", order=100)
def write_data(inputs: ReportInputs) -> Markup:
    """What became of all scans, files and scores; the domains and their scanners."""
    findings = inputs.findings
    states = findings.cases.scores.state.count()
    return write_html(
        _DATA,
        counts=count_scans(findings),
        files=tabulate_files(inputs.account),
        scores=[(_STATES[state], count) for state, count in sorted(states.items())],
        domains=tabulate_domains(findings),
        roles=count_roles(findings),
    )


@section("excluded", "Left out", order=110)
def write_excluded(inputs: ReportInputs) -> Markup:
    """What was left out, and why."""
    findings = inputs.findings
    return write_html(
        _EXCLUDED,
        reasons=count_scans(findings).reasons,
        table=tabulate_excluded(findings),
    )
