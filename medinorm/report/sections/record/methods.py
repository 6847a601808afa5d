"""The training plan, the methods in sentences for a paper, and the terms."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from medinorm.records.environment import read_environment
from medinorm.records.training_plan import TrainingPlan
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.sections.beyond_means.calibration import has_confidence
from medinorm.report.text.citations import (
    cite,
    find_sources,
    list_used,
    write_bibtex,
)
from medinorm.report.text.methods import Paragraph, define_terms, describe_methods
from medinorm.report.text.scores import CONFIDENCE_MEASURES, describe_confidence
from medinorm.report.text.training import describe_prediction

_METHODS = """\
{% for paragraph in paragraphs %}
<p><strong>{{ paragraph.head }}.</strong> {{ paragraph.sentences|join(" ") }}</p>
{% endfor %}
<p>Keys in brackets are those of the BibTeX entries.</p>
<details><summary>BibTeX of the {{ number }} sources</summary>
<div class="scroll tall" tabindex="0" role="region" aria-label="BibTeX">\
<pre><code>{{ bibtex }}</code></pre></div>
</details>
"""
_GLOSSARY = """\
<dl class="glossary">
{% for term, meaning in terms.items() %}
<dt>{{ term }}</dt><dd>{{ meaning }}</dd>
{% endfor %}
</dl>"""

_PLAN = """\
<p>One plan for all variants, from the headers of the {{ facts.scans }} scans of \
{{ facts.domains }} domains that train in at least one split. No label map and no scan \
that only tests was read. Its budget for one network: \
{{ "%g" % facts.minutes }} minutes and {{ "%g" % facts.memory }} GiB on a \
{{ "graphics card" if facts.where == "card" else "CPU" }}.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Training plan"><table>
<thead><tr><th scope="col">Setting</th><th scope="col">Value</th>\
<th scope="col">Reason</th></tr></thead>
<tbody>
{% for name, value, reason in rows %}<tr><th scope="row">{{ name }}</th>\
<td>{{ value }}</td><td>{{ reason }}</td></tr>
{% endfor %}</tbody></table></div>
"""

_TITLES = {
    "spacing": "Voxel spacing (R, A, S)",
    "patch": "Patch (R, A, S)",
    "batch_size": "Patches in a mini-batch",
    "channels": "Channels of each level",
    "strides": "Strides between levels",
    "kernels": "Convolutions of each level",
    "steps": "Steps",
    "foreground_ratio": "Patches with foreground",
}


@section("training-plan", "Training plan", order=118)
def write_training_plan(inputs: ReportInputs) -> Markup | None:
    """The table of the plan; nothing for a study without one."""
    if inputs.plan is None:
        return None
    rows = [
        (title, show_value(inputs.plan, name), inputs.plan.reasons[name])
        for name, title in _TITLES.items()
    ]
    return write_html(_PLAN, facts=inputs.plan.facts, rows=rows)


def show_value(plan: TrainingPlan, name: str) -> str:
    """One number, or several, as a reader writes them."""
    value = getattr(plan, name)
    if name == "spacing":
        return " x ".join(f"{step:g}" for step in value) + " mm"
    if name == "patch":
        return " x ".join(map(str, value)) + " voxels"
    if name == "foreground_ratio":
        return f"{value:.0%}"
    if name == "channels":
        return ", ".join(map(str, value))
    if isinstance(value, tuple):
        return ", ".join(" x ".join(map(str, level)) for level in value)
    return f"{value:,}"


@section("methods", "Methods", order=130)
def write_methods(inputs: ReportInputs) -> Markup:
    """What was done, with its sources."""
    used = list_used(inputs.findings, inputs.stages)
    if has_confidence(inputs.evidence):
        used += CONFIDENCE_MEASURES
    sources = find_sources(used)
    return write_html(
        _METHODS,
        paragraphs=[
            *describe_methods(inputs.findings, inputs.stages),
            *_describe_rest(inputs, used),
        ],
        number=len(sources),
        bibtex=write_bibtex(sources),
    )


def _describe_rest(inputs: ReportInputs, used: Sequence[str]) -> Iterator[Paragraph]:
    """What the record of the study says, and the sources."""
    if has_confidence(inputs.evidence):
        yield Paragraph("Confidence", describe_confidence())
    environment = read_environment(inputs.evidence / "environment.json")
    if environment:
        predicted = [*describe_prediction(environment.configuration)]
        if predicted:
            yield Paragraph("Prediction", predicted)
        listed = (f"{name} {own}" for name, own in environment.software.items())
        ran = f"{environment.system}, {environment.processor}"
        yield Paragraph("Versions", [f"{', '.join(listed)}; {ran}."])
    both = find_sources(["always", "training"])
    general = ", ".join(f"@{one.key}" for one in both)
    cited = "; ".join(cite(used))
    rest = f"Loss, statistics and software: {general}."
    yield Paragraph("Sources", [f"{cited}. {rest}"])


@section("glossary", "Glossary", order=140)
def write_glossary(inputs: ReportInputs) -> Markup:
    """What the words mean."""
    return write_html(_GLOSSARY, terms=define_terms(inputs.findings))
