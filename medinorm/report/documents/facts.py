"""What a study knows, as sentences that answer items of checklists."""

from collections.abc import Sequence

from medinorm import __version__
from medinorm.domain_noun import count_noun
from medinorm.report.section import ReportInputs
from medinorm.report.sections.answers.deploy import (
    choose_deployed,
    describe_expected,
    describe_objections,
    find_reason_against,
)
from medinorm.report.text.methods import describe_methods
from medinorm.report.text.training import describe_training

_NONE_YET = "No model of this study is ranked first: "


def gather_facts(inputs: ReportInputs) -> dict[str, str]:
    """All facts by name; what the study does not know is not there.

    Args:
        inputs: everything that the report may use.
    """
    facts = {**_fixed(inputs), **_from_methods(inputs), **_results(inputs)}
    return {name: text for name, text in facts.items() if text}


def _fixed(inputs: ReportInputs) -> dict[str, str]:
    """What holds for every study of this package."""
    noun = inputs.findings.noun
    return {
        "aim": "To find the normalization that still segments well on "
        f"{noun.with_article} never seen in training.",
        "deidentified": "Headers were reduced to a list of allowed attributes, "
        "identifiers replaced by keyed pseudonyms, and dates shifted, before anything "
        "else was read.",
        "missing": "Scans that cannot be used are left out with a reason; a missing "
        "prediction counts as Dice 0.",
        "disjoint": "At the level of subjects: none is in two parts of a division.",
        "initial": "Random, from the seed; no weights were trained before.",
        "ensemble": "None: each network was scored by itself.",
        "updating": "No network was updated after training, except where an adaptation "
        "at test time is named.",
        "output": "A label map on the voxel grid of the scan.",
        "configuration": "Whole, with its hash, in environment.json beside the tables.",
        "software": f"medinorm {__version__}; all versions in the report.",
    }


def _from_methods(inputs: ReportInputs) -> dict[str, str]:
    """The paragraphs of the methods."""
    findings, train = inputs.findings, inputs.stages.train
    heads = {
        "Data": "data",
        "Division": "division",
        "Normalizations": "preprocessing",
        "Scores": "scores",
        "Generalization gap": "gap",
        "Statistics": "statistics",
    }
    facts = {
        heads[paragraph.head]: " ".join(paragraph.sentences)
        for paragraph in describe_methods(findings, inputs.stages)
        if paragraph.head in heads
    }
    training = [*describe_training(findings, train)]
    facts["training"] = " ".join(training)
    if train is not None:
        facts["selection"] = training[-1]
        facts["imbalance"] = (
            f"{train.centred_share:.0%} of the training patches were centred on a "
            "labelled voxel."
        )
    return facts


def _results(inputs: ReportInputs) -> dict[str, str]:
    """What the tables show."""
    findings = inputs.findings
    verdict, noun = findings.verdict, findings.noun
    size = (
        f"{count_noun(len(findings.domain_of), 'scan')} of "
        f"{count_noun(len(findings.subjects), 'subject')} on "
        f"{count_noun(len(findings.domain_names), noun.one)}: "
        f"{', '.join(findings.domain_names)}."
    )
    left_out = f"What was left out ({len(findings.excluded)}) is listed"
    facts = {
        "size": size,
        "acquisition": f"By {noun.one}, in the table of the report: "
        f"{', '.join(findings.domain_names)}.",
        "excluded": f"{left_out} with the reason of each.",
        "flow": f"{size} {left_out} in the report.",
        "failures": f"{verdict.failures} of {verdict.predictions} predictions failed "
        "for at least one label; each kind by variant and domain, and worst cases, are "
        "shown in the report.",
        "verdict": " ".join(verdict.sentences),
        "external": _external(findings.external_names),
        "internal": _internal(inputs),
    }
    return facts | _deployed(inputs)


def _external(names: Sequence[str]) -> str:
    """Which domains only tested."""
    return f"Only tested: {', '.join(names)}." if names else ""


def _internal(inputs: ReportInputs) -> str:
    """In-domain Dice of the first variant."""
    first = inputs.findings.summary[0]
    if first.in_domain is None:
        return ""
    return f"In-domain Dice of {first.variant.name}: {first.in_domain:.3f}."


def _deployed(inputs: ReportInputs) -> dict[str, str]:
    """The model that is to be deployed, or why there is none."""
    findings = inputs.findings
    if reason := find_reason_against(findings):
        none = f"{_NONE_YET}{reason}."
        return {"model": none, "performance": none, "limits": none}
    deployed = choose_deployed(findings)
    name = findings.names.get(deployed.variant, deployed.variant.name)
    files = ", ".join(row.weights for row in deployed.networks)
    return {
        "model": f"{name}, made by medinorm {__version__}.",
        "availability": f"Weights: {files}." if files else "",
        "performance": " ".join(describe_expected(findings, deployed.variant)),
        "limits": " ".join(describe_objections(findings, deployed.variant)),
    }
