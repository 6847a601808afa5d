"""What to compare a new scanner with: acquisition and intensities of each domain."""

from markupsafe import Markup

from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.sections.answers.commands import write_commands
from medinorm.report.sections.answers.expected import read_expected
from medinorm.report.tables.acquisition import (
    SCANS_MEASURED,
    is_known,
    measure_domains,
    tabulate_acquisition,
)

_TEMPLATE = """\
<p>These commands look at scans of your {{ noun.one }}. No label map is needed:</p>
<div class="scroll" tabindex="0" role="region" aria-label="Commands for a new \
{{ noun.one }}"><pre><code>{{ commands }}</code></pre></div>
<p>The table <code>new/expected.tsv</code> then says of each scan whether it is \
flagged as unlike the scans that the networks know, with the reasons: another \
{{ noun.one }}, headers, intensities, what the networks see, networks that contradict \
each other, labels of an odd size. It also gives the Dice to expect\
{% if expected %}; <a href="#expected-dice">how often that was right</a> in this study \
is shown below{% endif %}.</p>
{% if known %}
<p>Or compare by hand. Find the same facts of your own {{ noun.one }} and compare each \
with every column. If each lies between the lowest and the highest value of at least \
one column, the {{ noun.one }} is like those of this study. A fact outside of all \
columns (another field strength, sequence, spacing or vendor) is new to every network \
here: the numbers of this report then say little about it, so test on labelled scans \
of it first. Agreement in this table does not prove that a network works.</p>
<p>Number of voxels and intensities: up to {{ scans }} scans of each domain, first \
channel, all voxels. “50 % below” is the intensity that half of the voxels stay \
below. Before normalization the scales of {{ noun.many }} differ; after it they should \
agree.</p>
{{ show_table(table, table.rows|length > 24) }}
{% else %}
<p class="note">Nothing is known about how these scans were acquired, and none could \
be read.</p>
{% endif %}
"""


@section(
    "new-domain",
    "Is a new {one} like these?",
    order=92,
    heading="Is my new {one} like these?",
)
def write_new_scanner(inputs: ReportInputs) -> Markup:
    """The table of acquisition and intensities, and how to read it."""
    findings = inputs.findings
    chosen = next(iter((*findings.verdict.best, *findings.variants)), None)
    measured = measure_domains(findings, inputs.volumes, inputs.harmonized)
    table = tabulate_acquisition(findings, measured)
    return write_html(
        _TEMPLATE,
        commands=write_commands(chosen),
        expected=bool(read_expected(inputs.evidence)[1]),
        noun=findings.noun,
        scans=SCANS_MEASURED,
        known=is_known(table),
        table=table,
    )
