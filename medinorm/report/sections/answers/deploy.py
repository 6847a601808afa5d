"""Which network to use on new scans: its files, its command, what speaks against it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from medinorm.domain_noun import count_noun
from medinorm.records.evidence import DomainRow, NetworkRow, SummaryRow
from medinorm.report.findings import ReportFindings
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.sections.answers.commands import write_commands
from medinorm.report.tables.cells import Column, Table, number, word
from medinorm.variant import Variant

_PREFERRED = ("pooled", "size_matched", "lodo")  # trained on the most scans first

_TEMPLATE = """\
{% if reason %}
<p><strong>None yet</strong>: {{ reason }}. Until then no variant of this study is \
shown to be better than another, and none should be used for its place in a table.</p>
{% else %}
<p>Deploy <strong>{{ name }}</strong>.{% if alike %} These were as good within \
{{ margin }} Dice and may be used as well: {{ alike|join(", ") }}.{% endif %}\
{% if undecided %} Of these this study cannot say whether they are worse: \
{{ undecided|join(", ") }}.{% endif %}</p>
<h3>What to expect</h3>
<ul>
{% for sentence in expected %}<li>{{ sentence }}</li>
{% endfor %}</ul>
<h3>What speaks against it</h3>
<ul>
{% for sentence in against %}<li>{{ sentence }}</li>
{% endfor %}</ul>
<h3>Its networks</h3>
{% if networks.rows %}
<p>{{ kind }} Paths are relative to the folder of the results.</p>
{{ show_table(networks, networks.rows|length > 24) }}
{% else %}
<p class="note">The networks of this variant were not recorded; make the evidence \
again.</p>
{% endif %}
<h3>The commands</h3>
<p>The first writes a folder that stands alone: networks, intensity step, labels, \
model card. The second checks, de-identifies, harmonizes and segments new scans as it \
was done with those of this study; <a href="#new-domain">{{ new_domain }}</a> explains \
what it says of each.{% if adapt %} The adaptation needs unlabelled scans of \
the new {{ noun.one }}: add <code>--like FOLDER --adapt {{ adapt }}</code> to the \
second.{% endif %}</p>
<div class="scroll" tabindex="0" role="region" aria-label="Commands that deploy it">\
<pre><code>{{ commands }}</code></pre></div>
{% endif %}
"""

_KINDS = {
    "pooled": "These networks trained on all {many} of the study, other than the ones "
    "whose numbers stand above: those never saw the {one} they were tested on.",
    "size_matched": "These networks trained on all {many} of the study, with as many "
    "scans as those that leave one {one} out.",
    "lodo": "The study has no network that trained on all {many}: each of these left "
    "one {one} out.",
    "single": "The study has no network that trained on all {many}: each of these "
    "trained on one {one}.",
}


@dataclass(frozen=True)
class Deployed:
    """What is deployed.

    Args:
        variant: the variant.
        networks: its networks, of the design that trained on the most scans.
    """

    variant: Variant
    networks: Sequence[NetworkRow]


@section("deploy", "Which model to deploy", order=5, heading="Which model do I deploy?")
def write_deploy(inputs: ReportInputs) -> Markup:
    """The best variant with its networks, or why there is none yet."""
    findings = inputs.findings
    if reason := find_reason_against(findings):
        return write_html(_TEMPLATE, reason=reason)
    deployed = choose_deployed(findings)
    names, noun = findings.names, findings.noun
    alike, undecided = divide_others(findings)
    kind = _KINDS.get(deployed.networks[0].design, "") if deployed.networks else ""
    return write_html(
        _TEMPLATE,
        reason="",
        name=names.get(deployed.variant, deployed.variant.name),
        alike=[names.get(variant, variant.name) for variant in alike],
        undecided=[names.get(variant, variant.name) for variant in undecided],
        margin=f"{findings.verdict.settings['equivalence']:g}",
        expected=list(describe_expected(findings, deployed.variant)),
        against=list(describe_objections(findings, deployed.variant)),
        networks=tabulate_weights(deployed.networks),
        kind=kind.format(one=noun.one, many=noun.many),
        commands=write_commands(deployed.variant),
        adapt=deployed.variant.adapt.replace("none", ""),
        noun=noun,
        new_domain=f"Is a new {noun.one} like these?",
    )


def find_reason_against(findings: ReportFindings) -> str:
    """Why no variant can be named; empty if one can."""
    verdict = findings.verdict
    if not verdict.ranked:
        return verdict.reason or "the variants were not ranked"
    return "" if verdict.best else "no variant is named as the best"


def choose_deployed(findings: ReportFindings) -> Deployed:
    """The best variant and its networks.

    Those trained on all domains are taken where they were trained.

    Args:
        findings: of a study whose verdict names a best variant.
    """
    variant = findings.verdict.best[0]
    trained = variant._replace(adapt="none")
    own = [row for row in findings.networks if row.variant == trained]
    designs = {row.design for row in own}
    chosen = [design for design in (*_PREFERRED, *sorted(designs)) if design in designs]
    return Deployed(variant, [row for row in own if row.design in chosen[:1]])


def divide_others(findings: ReportFindings) -> tuple[list[Variant], list[Variant]]:
    """The variants not shown to be worse: those shown to be as good, and the rest.

    Args:
        findings: of a study whose verdict names a best variant.
    """
    first, *others = findings.verdict.best
    alike = {
        variant
        for row in findings.differences
        if row.verdict == "equivalent" and first in (row.variant, row.other)
        for variant in (row.variant, row.other)
    }
    undecided = [variant for variant in others if variant not in alike]
    return [variant for variant in others if variant in alike], undecided


def describe_expected(findings: ReportFindings, variant: Variant) -> Iterator[str]:
    """What to expect of a variant, in sentences."""
    row = _summary_of(findings, variant)
    noun = findings.noun
    if row is None or row.out_domain is None:
        yield f"Dice on {noun.with_article} that it never saw was not measured."
        return
    ends = _ends(row.out_domain_low, row.out_domain_high)
    interval = f" ({findings.level} interval {ends})" if ends else ""
    yield (
        f"On {noun.many} that it never saw, its mean Dice was {row.out_domain:.3f}"
        f"{interval}: on {count_noun(row.domains, noun.one)} and "
        f"{count_noun(row.subjects, 'subject')}."
    )
    if new := _ends(row.new_low, row.new_high):
        yield (
            f"On one further {noun.one} like these, its mean Dice is expected between "
            f"{new.replace(' to ', ' and ')} ({findings.level} prediction interval)."
        )
    if row.in_domain is not None:
        yield (
            f"On {noun.many} that it saw in training, on other subjects, it was "
            f"{row.in_domain:.3f}."
        )


def describe_objections(findings: ReportFindings, variant: Variant) -> Iterator[str]:
    """What speaks against a variant, in sentences; at least one."""
    row = _summary_of(findings, variant)
    noun = findings.noun
    if row and row.worst_domain is not None and row.worst_dice is not None:
        yield f"Worst unseen {noun.one}: {row.worst_domain}, Dice {row.worst_dice:.3f}."
    yield _count_failures(findings, variant)
    yield from _lost_domains(findings, variant)
    yield from findings.verdict.weaknesses
    yield (
        f"All numbers hold for {noun.many} like the {len(findings.domain_names)} of "
        "this study; before clinical use it has to be tested on scans of your own."
    )


def _count_failures(findings: ReportFindings, variant: Variant) -> str:
    """How many of its predictions on unseen domains failed, and how many were poor."""
    cases = findings.held_out
    own = cases[cases.scores.variant.equals(variant)]
    predictions = own.predictions
    failed = np.unique(predictions.of_row[own.failed])
    dice = own.scores.dice[np.isfinite(own.scores.dice)]
    low = f", lowest Dice of a label {dice.min():.2f}" if len(dice) else ""
    tested = count_noun(len(predictions.first), "prediction")
    return (
        f"{len(failed)} of {tested} on unseen "
        f"{findings.noun.many} failed for at least one label{low}."
    )


def _lost_domains(findings: ReportFindings, variant: Variant) -> Iterator[str]:
    """The unseen domains on which another variant had a higher mean."""
    of_domain: dict[str, list[DomainRow]] = {}
    for row in findings.held_out_domains:
        if row.label == "mean" and row.dice is not None:
            of_domain.setdefault(row.domain, []).append(row)
    for domain, rows in sorted(of_domain.items()):
        first = max(rows, key=_dice)
        own = [row for row in rows if row.variant == variant]
        if own and _dice(own[0]) < _dice(first):
            yield (
                f"On {domain}, {findings.names[first.variant]} had a higher mean Dice: "
                f"{_dice(first):.3f}, it had {_dice(own[0]):.3f}."
            )


def _dice(row: DomainRow) -> float:
    """Dice of a row that has one."""
    return row.dice if row.dice is not None else 0.0


def tabulate_weights(networks: Sequence[NetworkRow]) -> Table:
    """One line a network: split, seed, file and checksum."""
    columns = [
        Column("Split", numeric=False),
        Column("Seed"),
        Column("Weights", numeric=False),
        Column("Checksum", "BLAKE2b, 128 bits", numeric=False),
        Column("Training scans"),
    ]
    rows = [
        [
            word(row.split, "name"),
            number(row.seed, 0),
            word(row.weights),
            word(row.checksum),
            number(row.training_scans, 0),
        ]
        for row in networks
    ]
    return Table("The networks of this variant, one line a seed.", columns, rows)


def _summary_of(findings: ReportFindings, variant: Variant) -> SummaryRow | None:
    """The row of a variant, if it has one."""
    rows = (row for row in findings.summary if row.variant == variant)
    return next(rows, None)


def _ends(low: float | None, high: float | None) -> str:
    """An interval in words; empty where there is none."""
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
