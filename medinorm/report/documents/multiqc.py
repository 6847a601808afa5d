"""Tables for MultiQC: custom content that it finds by the end of the names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import escape

from medinorm.files.atomic import write_json
from medinorm.report.findings import ReportFindings
from medinorm.report.text.isolate import isolate

VARIANTS, DOMAINS = "medinorm_variants_mqc.json", "medinorm_domains_mqc.json"

_DICE = {"min": 0, "max": 1, "format": "{:,.3f}", "scale": "RdYlGn"}


def write_multiqc(folder: Path, findings: ReportFindings) -> None:
    """Write general statistics by variant, and a table by variant and domain.

    Args:
        folder: that of the report.
        findings: the tables.
    """
    write_json(folder / VARIANTS, describe_variants(findings))
    write_json(folder / DOMAINS, describe_domains(findings))


def describe_variants(findings: ReportFindings) -> dict[str, Any]:
    """General statistics: one sample a variant."""
    columns = {
        "out_domain": "Dice, unseen",
        "in_domain": "Dice, known",
        "gap": "Gap",
        "failures": "Failures",
    }
    data = {
        _name(findings.names[row.variant]): {
            name: value for name in columns if (value := getattr(row, name)) is not None
        }
        for row in findings.summary
    }
    headers = [
        {name: {"title": title, **({} if name == "failures" else _DICE)}}
        for name, title in columns.items()
    ]
    return {
        "id": "medinorm_variants",
        "plot_type": "generalstats",
        "pconfig": headers,
        "data": data,
    }


def describe_domains(findings: ReportFindings) -> dict[str, Any]:
    """A table: one sample a variant, one column an unseen domain, mean Dice."""
    rows = [
        row
        for row in findings.held_out_domains
        if row.label == "mean" and row.dice is not None
    ]
    data: dict[str, dict[str, float]] = {}
    for row in rows:
        cells = data.setdefault(_name(findings.names[row.variant]), {})
        cells[_name(row.domain)] = row.dice or 0.0
    domains = sorted({_name(row.domain) for row in rows})
    headers: Mapping[str, Any] = {name: {"title": name, **_DICE} for name in domains}
    return {
        "id": "medinorm_domains",
        "section_name": "medinorm",
        "description": f"Mean Dice on each unseen {findings.noun.one}.",
        "plot_type": "table",
        "pconfig": {
            "id": "medinorm_domains_table",
            "title": "medinorm: unseen domains",
        },
        "headers": headers,
        "data": data,
    }


def _name(text: str) -> str:
    """A name that MultiQC can put into its page as it is."""
    return str(escape(isolate(text)))
