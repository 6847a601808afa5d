"""Checklists and a model card as Markdown, filled in as far as the study knows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medinorm.files.atomic import replacing
from medinorm.report.documents.facts import gather_facts
from medinorm.report.documents.items import (
    CARD,
    CARD_SOURCE,
    CLAIM,
    CLAIM_SOURCE,
    TRIPOD,
    TRIPOD_SOURCE,
    Item,
)
from medinorm.report.section import ReportInputs
from medinorm.report.text.isolate import isolate

UNKNOWN = "not known to the study: fill in"

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")


@dataclass(frozen=True)
class Document:
    """One file beside the report.

    Args:
        name: of the file.
        title: its heading.
        source: where its items come from.
        items: what it asks.
    """

    name: str
    title: str
    source: str
    items: Sequence[Item]


DOCUMENTS = (
    Document("claim.md", "CLAIM checklist (2024)", CLAIM_SOURCE, CLAIM),
    Document("tripod_ai.md", "TRIPOD+AI checklist", TRIPOD_SOURCE, TRIPOD),
    Document("model_card.md", "Model card", CARD_SOURCE, CARD),
)


def write_documents(folder: Path, inputs: ReportInputs) -> None:
    """Write all documents into a folder.

    Args:
        folder: that of the report.
        inputs: everything that the report may use.
    """
    facts = gather_facts(inputs)
    for document in DOCUMENTS:
        with replacing(folder / document.name) as temporary:
            text = format_document(document, inputs.title, facts)
            temporary.write_text(text, encoding="utf-8")


def format_document(document: Document, title: str, facts: Mapping[str, str]) -> str:
    """A document as Markdown: one row an item.

    Args:
        document: what it asks.
        title: of the study.
        facts: what the study knows, by name.
    """
    known = sum(key in facts for _, _, key in document.items)
    lines = [
        f"# {document.title}: {escape(title)}",
        "",
        f"Items after {escape(document.source)}. Their wording here is ours and short: "
        f"read the original. {known} of {len(document.items)} are filled in from the "
        "study; check these too.",
        "",
        "| item | asks for | answer |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {number} | {topic} | {escape(facts[key]) if key in facts else UNKNOWN} |"
        for number, topic, key in document.items
    ]
    return "\n".join((*lines, ""))


def escape(text: str) -> str:
    r"""A text that Markdown takes for text, in one line.

    Examples:
        >>> escape("a|b <i>")
        'a\\|b \\<i\\>'
    """
    return _MARKUP.sub(r"\\\1", " ".join(isolate(text).split()))
