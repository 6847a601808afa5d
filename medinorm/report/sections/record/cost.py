"""What the study cost: time, memory and an estimate of the energy of training."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from medinorm.records.evidence import NetworkRow
from medinorm.report.findings import ReportFindings
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.cells import Cell, Column, Table, number, word

WATTS_PER_THREAD = 10.0
"""Power of one busy core of a server with its share of memory, an assumption."""

_TEMPLATE = """\
{% if table.rows %}
<p>Training of all {{ networks }} networks that are compared took {{ hours }} on the \
clock, one after the other, and {{ energy }}. Reading, harmonizing, the search among \
learning rates, prediction and scoring are not recorded and not counted.</p>
<p>The energy is an estimate: seconds of training times threads times \
{{ "%g" % watts }} W for a busy core. It is no measurement; where a graphics \
card trained, its power is not known and the true energy is larger.</p>
{{ show_table(table) }}
{% else %}
<p class="note">What training cost was not recorded.</p>
{% endif %}
"""


@section("cost", "Cost", order=124, heading="What the study cost")
def write_cost(inputs: ReportInputs) -> Markup:
    """Time, memory and energy of training, in all and by variant."""
    networks = [row for row in inputs.findings.networks if row.seconds is not None]
    return write_html(
        _TEMPLATE,
        table=tabulate_cost(inputs.findings, networks),
        networks=len(networks),
        hours=format_duration(sum(row.seconds or 0 for row in networks)),
        energy=_energy_in_words(estimate_energy(networks)),
        watts=WATTS_PER_THREAD,
    )


def tabulate_cost(findings: ReportFindings, networks: Sequence[NetworkRow]) -> Table:
    """One row a variant, and one of all; adaptations share the networks of a variant.

    Args:
        findings: the tables.
        networks: those whose time is known.
    """
    columns = [
        Column("Variant", numeric=False),
        Column("Networks"),
        Column("Time", "hours"),
        Column("CPU time", "hours times threads"),
        Column("Peak memory", "MB"),
        Column("Energy", "Wh, estimate"),
    ]
    variants = dict.fromkeys(v._replace(adapt="none") for v in findings.variants)
    rows = []
    for variant in variants:
        own = [row for row in networks if row.variant == variant]
        if own:
            name = findings.names.get(variant, variant.name)
            rows.append([word(name, "name"), *_cells(own)])
    if rows:
        rows.append([word("all", "name"), *_cells(networks)])
    return Table("What training took, by variant.", columns, rows)


def _cells(networks: Sequence[NetworkRow]) -> list[Cell]:
    """The numbers of some networks."""
    seconds = sum(row.seconds or 0 for row in networks)
    busy = sum((row.seconds or 0) * (row.threads or 1) for row in networks)
    memory = [m for row in networks if (m := row.peak_memory_mb) is not None]
    return [
        number(len(networks), 0),
        number(seconds / 3600, 2),
        number(busy / 3600, 2),
        number(max(memory, default=None), 0),
        number(estimate_energy(networks), 1),
    ]


def estimate_energy(networks: Iterable[NetworkRow]) -> float:
    """Energy of training in watt-hours: seconds x threads x watts of a core."""
    busy = sum((row.seconds or 0) * (row.threads or 1) for row in networks)
    return busy * WATTS_PER_THREAD / 3600


def _energy_in_words(energy: float) -> str:
    """Watt-hours, or kilowatt-hours."""
    text = f"{energy / 1000:.2f} kWh" if energy >= 1000 else f"{energy:.1f} Wh"
    return f"about {text}"


def format_duration(seconds: float) -> str:
    """A time as a reader says it.

    Examples:
        >>> format_duration(90), format_duration(7200)
        ('1.5 minutes', '2.0 hours')
    """
    if seconds < 3600:
        return f"{seconds / 60:.1f} minutes"
    return f"{seconds / 3600:.1f} hours"
