"""The methods text: what was done, in sentences that a paper can take over."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medinorm import __version__
from medinorm.choices import FITTED_INTENSITIES
from medinorm.config import HarmonizeConfig, ScoreConfig, TrainConfig
from medinorm.domain_noun import count_noun
from medinorm.records.metrics import METRICS
from medinorm.report.findings import ReportFindings, distinct
from medinorm.report.text.definitions import (
    ADAPTS,
    AUGMENTATIONS,
    DESIGNS,
    FOREGROUNDS,
    INTENSITIES,
    NORMS,
)
from medinorm.report.text.scores import describe_scores
from medinorm.report.text.training import describe_training


@dataclass(frozen=True)
class Paragraph:
    """A part of the methods.

    Args:
        head: its title.
        sentences: its text.
    """

    head: str
    sentences: Sequence[str]


@dataclass(frozen=True)
class StageSettings:
    """Settings of earlier stages; what is absent is not described.

    Args:
        harmonize: the voxel grid and the intensity scale.
        train: the network and its training.
        score: the tolerance.
    """

    harmonize: HarmonizeConfig | None = None
    train: TrainConfig | None = None
    score: ScoreConfig | None = None


def describe_methods(
    findings: ReportFindings, settings: StageSettings
) -> list[Paragraph]:
    """The methods of a study, from its tables and settings."""
    return [
        Paragraph("Data", _data(findings)),
        Paragraph("Division", _division(findings)),
        Paragraph(
            "Normalizations",
            [
                *_harmonizing(findings, settings.harmonize),
                *_normalizations(findings, settings.harmonize),
            ],
        ),
        Paragraph("Training", [*describe_training(findings, settings.train)]),
        Paragraph("Scores", describe_scores(settings.score, findings.scans)),
        Paragraph("Generalization gap", _gap(findings)),
        Paragraph("Statistics", _statistics(findings)),
        Paragraph("Software", [f"medinorm {__version__}."]),
    ]


def _data(findings: ReportFindings) -> list[str]:
    """How many scans of what."""
    scans = findings.domain_of
    excluded = len(findings.excluded)
    labels = ", ".join(f"{name} ({value})" for value, name in findings.labels.items())
    return [
        f"{len(scans)} scans of {len(findings.subjects)} subjects from "
        f"{len(findings.domain_names)} domains were used.",
        f"The list of exclusions has {excluded} "
        f"{'entry' if excluded == 1 else 'entries'}, each with its reason.",
        f"Segmented labels (value): {labels}.",
    ]


def _division(findings: ReportFindings) -> list[str]:
    """Designs and folds, and that no subject is in two parts."""
    folds = len({row.fold for row in findings.splits})
    designs = "; ".join(DESIGNS[name] for name in findings.designs)
    turns = (
        "One part of each domain's subjects served as a fixed test set"
        if folds == 1
        else f"{folds} parts of each domain's subjects served as test set in turn"
    )
    return [
        "Subjects were divided before anything was fitted or learned; no subject "
        "was in two parts of a division.",
        f"{turns}, on which no network of any design was trained.",
        f"Designs: {designs}.",
        *_training_sizes(findings),
        *_external(findings),
    ]


def _external(findings: ReportFindings) -> list[str]:
    """Which domains only tested."""
    names = findings.external_names
    if not names:
        return []
    scans = sum(domain in names for domain in findings.domain_of.values())
    return [
        f"{count_noun(scans, 'scan')} of {', '.join(names)} only tested: no network "
        "was trained or selected on them, and no map was fitted on them."
    ]


def _training_sizes(findings: ReportFindings) -> list[str]:
    """How many scans the networks of each design trained on, where that matters."""
    sizes: dict[str, Counter[str]] = {}
    for row in findings.splits:
        if row.role == "train":
            sizes.setdefault(row.design, Counter())[row.split] += 1
    reference = findings.reference_design
    if not {"lodo", reference} <= sizes.keys():
        return []
    counts = {design: sorted(sizes[design].values()) for design in ("lodo", reference)}
    words = {
        design: f"{few[0]}" if few[0] == few[-1] else f"{few[0]} to {few[-1]}"
        for design, few in counts.items()
    }
    if reference == "size_matched":
        return [
            f"Size-matched pooled networks trained on {words[reference]} scans, as "
            "many as the networks that leave the same domain out, with each domain's "
            "share kept: the gap compares networks of equally many scans."
        ]
    return [
        f"Pooled networks trained on {words['pooled']} scans, those that leave a "
        f"domain out on {words['lodo']}: a part of the gap is the smaller number of "
        "scans, the same for every variant.",
    ]


def _normalizations(
    findings: ReportFindings, harmonize: HarmonizeConfig | None
) -> list[str]:
    """What was compared, with definitions."""
    variants = findings.variants
    intensities = distinct(variant.intensity for variant in variants)
    norms = distinct(variant.norm for variant in variants)
    augmentations = distinct(variant.augmentation for variant in variants)
    adapts = distinct(variant.adapt for variant in variants if variant.adapt != "none")
    detailed = {
        name: text + _parameters(name, harmonize) for name, text in INTENSITIES.items()
    }
    sentences = [
        f"Intensity methods: {_defined(intensities, detailed)}.",
        f"Normalization layers: {_defined(norms, NORMS)}.",
        f"Augmentation of training patches: {_defined(augmentations, AUGMENTATIONS)}.",
    ]
    if adapts:
        sentences.append(f"Adaptation at test time: {_defined(adapts, ADAPTS)}.")
    return [
        *sentences,
        "Intensity maps that learn from scans were fitted on the training scans of "
        "each split only.",
    ]


def _parameters(intensity: str, harmonize: HarmonizeConfig | None) -> str:
    """The parameters of an intensity method, where it has some."""
    if harmonize is None:
        return ""
    options = harmonize.intensity_options.model_dump(mode="json").get(intensity, {})
    parts = [f"{name.replace('_', ' ')} {_parameter(v)}" for name, v in options.items()]
    return f"; {', '.join(parts)}" if parts else ""


def _parameter(value: object) -> str:
    """A parameter in words."""
    if isinstance(value, list):
        return " ".join(_parameter(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _defined(names: Sequence[str], definitions: Mapping[str, str]) -> str:
    """Names with their definition where there is one."""
    parts = (
        f"{name} ({definitions[name]})" if name in definitions else name
        for name in names
    )
    return "; ".join(parts)


def _harmonizing(
    findings: ReportFindings, harmonize: HarmonizeConfig | None
) -> list[str]:
    """The common voxel grid, the foreground and what else is the same for all."""
    if harmonize is None:
        return []
    spacing = " x ".join(f"{step:g}" for step in harmonize.spacing)
    sentences = [
        f"All scans were resampled to voxels of {spacing} mm along R, A and S."
    ]
    if harmonize.bias_field == "n4":
        sentences.append("Their shading was corrected with N4 (Tustison et al. 2010).")
    if any(_measures(variant.intensity, harmonize) for variant in findings.variants):
        largest = ", its largest part" if harmonize.largest_component else ""
        foreground = FOREGROUNDS[harmonize.foreground]
        sentences.append(f"Foreground, where one is measured: {foreground}{largest}.")
    if harmonize.background is not None:
        value = f"{harmonize.background:g}"
        sentences.append(f"At the end, voxels outside of it were set to {value}.")
    return sentences


def _measures(intensity: str, harmonize: HarmonizeConfig) -> bool:
    """Whether the foreground matters to a method."""
    return intensity in FITTED_INTENSITIES or harmonize.masks_scans(intensity)


def _gap(findings: ReportFindings) -> list[str]:
    """The gap, as far as the designs allow it."""
    reference = findings.reference_design
    if not {"lodo", reference} <= set(findings.designs):
        return [
            "The gap needs both designs, pooled and leave one domain out; this study "
            "did not run both."
        ]
    one = findings.noun.one
    kind = "size-matched pooled" if reference == "size_matched" else "pooled"
    return [
        "The generalization gap was measured on the same scans: on the test scans of "
        f"each {one}, the score of the {kind} network (it saw other subjects of that "
        f"{one}) minus the score of the network that never saw that {one}."
    ]


def _statistics(findings: ReportFindings) -> list[str]:
    """Intervals, prediction interval, differences and the ranking."""
    verdict = findings.verdict
    return [
        f"{findings.level} intervals are m ± t SE. The variance has the components "
        "of seeds, of subjects within domain, and of both together, as in a two-way "
        "analysis of variance; with fewer than five seeds the last is not subtracted, "
        "which makes intervals rather too wide. The degrees of freedom of t allow for "
        "how little a few seeds say about their part of the variance (the quantile of "
        "a probability-matching posterior); those of the other parts are "
        "Satterthwaite's. Intervals of mean Dice reach further to the side of scans "
        "that lie far off. They hold for the domains of this study only.",
        f"Further {findings.noun.many} like these: the mean over them is m ± t(k - 1) "
        f"s / √k, the next {findings.noun.one} is expected in m ± t(k - 1) "
        "s √(1 + 1/k), with mean m and standard deviation s of the k domains that were "
        "held out. s is never less than the sampling error of a domain, and these "
        "intervals contain those of the domains of the study.",
        "The mean of the best variant was corrected for having been chosen: each score "
        "was taken from the variant that is best over all other subjects and seeds.",
        "Variants were compared on the same scans, subjects and seeds. p is the "
        "probability of such a difference if the truth were within "
        f"± {verdict.settings['equivalence']:g} Dice, corrected by Holm's method over "
        "all comparisons. Better or worse: the whole interval lies beyond this region "
        f"and the corrected p is at most {1 - verdict.confidence:.2g}. Equivalent: the "
        "whole interval lies within (two one-sided tests). Undecided: everything else.",
        "The chance of being best on these domains is the share of "
        f"{verdict.settings['resamples']:,.0f} bootstrap resamples of seeds and "
        "subjects in which a variant came first."
        if verdict.ranked
        else f"The variants were not ranked: {verdict.reason}.",
    ]


def define_terms(findings: ReportFindings) -> dict[str, str]:
    """The glossary: each term with its meaning."""
    noun = findings.noun
    domain = findings.verdict.domain
    usual = domain == ("scanner",)
    where = "usually the scanner" if usual else f"here {'+'.join(domain)}"
    return {
        "Variant": "one combination of intensity method, normalization layer and "
        "adaptation at test time.",
        "Intensity method": "what is done to the image before training.",
        "Norm": "the normalization layer inside the network.",
        "Domain": f"the column the question is about, {where}.",
        "In-domain": f"tested on {noun.with_article} that was part of the training, "
        "on other subjects.",
        "Out-of-domain": f"tested on {noun.with_article} that the network never saw.",
        "Gap": "in-domain minus out-of-domain Dice on the same scans; 0 is best.",
        "Prediction interval": f"where the mean Dice of the next new {noun.one} is "
        f"expected. With few {noun.many} it is wide.",
        **{
            metric.title: f"{metric.text}; {metric.better} is better."
            for metric in METRICS.values()
        },
        "Seed": "the start of the random numbers of a training; several seeds show how "
        "much results change by chance.",
        "Failure": "no prediction, a structure that was missed, one that is not "
        "there, or a Dice below the limit that the study set.",
    }
