"""The report: one offline HTML file with the verdict, its evidence and its limits."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from medinorm import __version__
from medinorm.config import (
    HarmonizeConfig,
    ReportConfig,
    ScoreConfig,
    TaskConfig,
    TrainConfig,
)
from medinorm.files.atomic import replacing
from medinorm.files.tables import read_table
from medinorm.layout import map_of
from medinorm.report.domain_appearance import SCANS_PER_DOMAIN, look_after, look_at
from medinorm.report.effects import show_effects
from medinorm.report.figures.charts import (
    FEW_DOMAINS,
    Panel,
    chart_distributions,
    chart_heatmaps,
    chart_variants,
)
from medinorm.report.figures.ridge_plot import COLOURS, draw_ridges
from medinorm.report.findings import Findings, distinct, read_findings
from medinorm.report.gallery import Exhibit, show_case, worst_cases
from medinorm.report.tables.cells import Table
from medinorm.report.tables.comparisons import (
    compare_with,
    find_unequal,
    tabulate_differences,
    tabulate_fairness,
    tabulate_ranking,
)
from medinorm.report.tables.data_card import (
    count_roles,
    settle,
    tabulate_domains,
    tabulate_excluded,
    tabulate_files,
)
from medinorm.report.tables.scores import (
    explain_next_domain,
    tabulate_gaps,
    tabulate_labels,
    tabulate_summary,
)
from medinorm.report.text.methods import Settings, define_terms, describe_methods
from medinorm.scan import ACCOUNT_COLUMNS, Scan, read_scans

_log = logging.getLogger(__name__)


def write_report(  # noqa: PLR0913 (seven inputs, and the settings of four stages)
    report: Path,
    *,
    scans: Path,
    excluded: Path,
    account: Path,
    splits: Path,
    evidence: Path,
    canonical: Path,
    predictions: Path,
    title: str,
    input: TaskConfig,  # noqa: A002 (the word of the configuration)
    settings: ReportConfig,
    harmonize: HarmonizeConfig | None = None,
    train: TrainConfig | None = None,
    score: ScoreConfig | None = None,
    harmonized: Path | None = None,
) -> None:
    """Write the comparison as one HTML file that needs nothing beside it.

    Scans and predictions are only read for pictures: a file that cannot be read leaves
    a note in place of its picture.

    Args:
        report: the file to write.
        scans: `scans.tsv`.
        excluded: `excluded.tsv`.
        account: table of how many input files ended how.
        splits: `splits.tsv`.
        evidence: folder of the comparison's tables.
        canonical: folder of the de-identified volumes.
        predictions: folder of all predictions.
        title: of the report.
        input: the labels.
        settings: what the report shows.
        harmonize: for the methods text: the voxel grid and the intensity scale.
        train: for the methods text: the network and its training.
        score: for the methods text: the tolerance.
        harmonized: folder of all harmonized scans, to show what became of intensities.

    Raises:
        StageError: a table is missing, lacks a column or holds no variant.
    """
    labels = input.label_values
    findings = read_findings(scans, excluded, splits, evidence, labels)
    volumes = read_scans(scans, canonical)
    exhibits = _exhibits(findings, volumes, predictions, settings.worst_cases)
    parts = {
        "title": title,
        "noun": findings.noun,
        "exhibits": exhibits,
        "evidence_files": sorted(path.name for path in evidence.iterdir()),
        **_conclusion(findings),
        **_tables(findings),
        **_charts(findings),
        **_looks(findings, volumes, harmonized),
        "effects": show_effects(findings),
        **_accounts(findings),
        "files_table": tabulate_files(read_table(account, ACCOUNT_COLUMNS)),
        "methods": describe_methods(findings, Settings(harmonize, train, score)),
    }
    text = _render(parts)
    with replacing(report) as temporary:
        temporary.write_text(text, encoding="utf-8")
    _log.info("report: %d variants, %.1f MB", len(findings.variants), len(text) / 1e6)


def _render(parts: Mapping[str, Any]) -> str:
    """The page from its template; what is no markup is escaped."""
    folder = files("medinorm.report.pages")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = (folder / "report_page.html.j2").read_text("utf-8")
    style, script = (
        Markup((folder / name).read_text("utf-8")) for name in ("page.css", "page.js")
    )
    return environment.from_string(source).render(
        parts, style=style, script=script, version=__version__
    )


def _conclusion(findings: Findings) -> dict[str, Any]:
    """The verdict and the size of the study."""
    reason = findings.verdict["reason"]
    sentences = findings.verdict["sentences"]
    return {
        "ranked": findings.verdict["ranked"],
        "reason": reason,
        # The banner has said it already.
        "sentences": [text for text in sentences if not (reason and reason in text)],
        "confidence": f"{findings.confidence:.0%}",
        "size": {
            "scans": len(findings.domain_of),
            "subjects": len({row["subject"] for row in findings.splits}),
            "domains": len(findings.domain_names),
            "variants": len(findings.variants),
            "seeds": len(distinct(row["seed"] for row in findings.cases)),
        },
    }


def _tables(findings: Findings) -> dict[str, Table | str | Sequence[str]]:
    """All tables of scores."""
    best = findings.variants[0]
    return {
        "best": best.name,
        "summary": tabulate_summary(findings),
        "next_domain": explain_next_domain(findings),
        "gaps": tabulate_gaps(findings),
        "unequal": find_unequal(findings),
        "ranking": tabulate_ranking(findings),
        "by_label": tabulate_labels(findings),
        "against_best": tabulate_differences(findings, compare_with(findings, best)),
        "all_differences": tabulate_differences(findings, findings.differences),
        "fairness": tabulate_fairness(findings),
    }


def _charts(findings: Findings) -> dict[str, Any]:
    """All figures of scores."""
    scale, heatmaps = chart_heatmaps(findings)
    return {
        "variants_figure": chart_variants(findings),
        "scored": {
            name: any(row.get(name) for row in findings.summary)
            for name in ("in_domain", "out_domain")
        },
        "heatmap_scale": scale,
        "heatmaps": heatmaps,
        "distributions": chart_distributions(findings),
        "few_domains": FEW_DOMAINS,
        "designs": findings.designs,
    }


def _looks(
    findings: Findings, volumes: Mapping[str, Scan], harmonized: Path | None
) -> dict[str, Any]:
    """Pictures and intensities of each domain."""
    members: dict[str, list[Scan]] = defaultdict(list)
    for scan, domain in sorted(findings.domain_of.items()):
        if scan in volumes:
            members[domain].append(volumes[scan])
    names = list(findings.labels.values())
    looks = [
        look
        for domain in findings.domain_names
        if (look := look_at(domain, members[domain], findings.labels))
    ]
    return {
        "looks": looks,
        "ridges": draw_ridges([look.ridge for look in looks], names),
        "after": _after(findings, members, harmonized) if harmonized else [],
        "legend": [(name, i % COLOURS) for i, name in enumerate(names)],
        "scans_per_domain": SCANS_PER_DOMAIN,
    }


def _after(
    findings: Findings, members: Mapping[str, Sequence[Scan]], harmonized: Path
) -> list[Panel]:
    """Intensities after each method, by the map of the first pooled split."""
    names = list(findings.labels.values())
    first = min(findings.splits, key=lambda row: row["design"] != "pooled")["split"]
    panels = []
    for intensity in distinct(variant.intensity for variant in findings.variants):
        map_ = map_of(intensity, first)
        folder = harmonized / intensity / map_
        ridges = [
            ridge
            for domain in findings.domain_names
            if (ridge := look_after(domain, members[domain], folder, findings.labels))
        ]
        note = f", learned from the training scans of {first}" if map_ == first else ""
        if ridges:
            figure = draw_ridges(ridges, names, f"intensity after {intensity}")
            panels.append(Panel(f"{intensity}{note}", figure))
    return panels


def _exhibits(
    findings: Findings, volumes: Mapping[str, Scan], predictions: Path, count: int
) -> Sequence[tuple[str, Exhibit]]:
    """The gallery: the name of each variant and its case."""
    cases = worst_cases(findings.held_out, findings.variants, count)
    return [
        (
            case.variant.name,
            show_case(case, volumes[case.scan], predictions, findings.labels),
        )
        for case in cases
        if case.scan in volumes
    ]


def _accounts(findings: Findings) -> dict[str, Any]:
    """The data card and the glossary."""
    states = [row["state"] for row in findings.cases]
    return {
        "account": settle(findings),
        "domains_table": tabulate_domains(findings),
        "roles_table": count_roles(findings),
        "excluded_table": tabulate_excluded(findings),
        "scores": {state: states.count(state) for state in sorted(set(states))},
        "glossary": define_terms(findings),
        "labels": findings.labels,
    }
