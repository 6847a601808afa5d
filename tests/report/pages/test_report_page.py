"""The whole page: well formed, offline, complete, honest about what is absent."""

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from medinorm.config import EvidenceConfig
from medinorm.errors import StageError
from medinorm.evidence.stage import compare_variants
from medinorm.files.atomic import read_json
from medinorm.files.records import column_names
from medinorm.files.tables import read_table, write_table
from medinorm.records.scores import ScoreRow
from medinorm.report.documents.checklists import DOCUMENTS
from medinorm.report.figures.svg import NAMESPACE
from medinorm.report.section import find_sections
from tests.report.page import Page

SECTIONS = [
    "verdict", "variants", "numbers", "matrix", "distributions", "labels",
    "differences", "gallery", "domain-appearance", "data", "excluded", "fairness",
    "methods", "glossary", "files",
]  # fmt: skip


def test_page_is_well_formed_with_all_sections_in_order(fake_study):
    page = Page(fake_study().report())
    assert [name for name in page.ids if name in SECTIONS] == SECTIONS
    assert len(page.ids) == len(set(page.ids))


def test_page_loads_nothing(fake_study):
    text = fake_study().report()
    page = Page(text)
    assert page.addresses
    links = {own["href"] for own in page.named("a") if own["href"][0] != "#"}
    assert links
    beside = tuple(document.name for document in DOCUMENTS)
    assert all(link.startswith(("../evidence/", *beside)) for link in links)  # clicks
    loaded = set(page.addresses) - links
    assert all(address.startswith(("#", "data:")) for address in loaded)
    loads = re.sub(rf' xmlns="{NAMESPACE}"', "", text)  # a name, never an address
    assert not re.search(r"url\(|@import|https?:|//[a-z]+\.", loads)


def test_page_holds_the_numbers_of_the_tables(fake_study):
    study = fake_study()
    page = Page(study.report())
    for row in read_table(study.root / "evidence" / "summary.tsv"):
        for name in ("in_domain", "out_domain", "gap", "new_low", "worst_dice"):
            assert f"{float(row[name]):.3f}" in page.text
    for row in read_table(study.root / "evidence" / "domains.tsv"):
        if row["label"] == "mean":
            assert f"{float(row['dice']):.3f}" in page.text
    assert "19 candidate scans and series = 18 used + 1 left out" in page.text
    assert "1 constant image" in page.text
    assert "37 more files belong to no scan" in page.text
    assert "37 files not DICOM" in page.text
    assert "plus or minus 4.97 standard deviations" in page.text
    assert "123,457" in page.text


def test_hostile_names_are_text(fake_study):
    hostile = '<script>alert("1")</script>'
    text = fake_study(scanners=(hostile, "a & b", "c' onload='x")).report()
    assert len(Page(text).named("script")) == 1
    assert hostile in Page(text).text
    assert "onload='x" not in re.sub(r">[^<]*<", "><", text)


@pytest.mark.parametrize(
    "designs", [("lodo",), ("pooled",), ("single",), ("lodo", "pooled", "single")]
)
def test_absent_designs_leave_a_readable_page(fake_study, designs):
    text = Page(fake_study(designs=designs).report()).text
    assert ("Leave one domain out was not run" in text) is ("lodo" not in designs)
    assert ("The pooled design was not run" in text) is ("pooled" not in designs)
    assert ("tests on a scanner that the network never saw" in text) is (
        designs == ("pooled",)
    )
    assert ("There is no out-of-domain mean" in text) is ("lodo" not in designs)
    assert ("There is no in-domain mean" in text) is ("pooled" not in designs)
    assert " nan " not in text


def test_one_seed_one_silent_label_two_domains(fake_study):
    study = fake_study(seeds=1, silent=3, scanners=("A", "B"), ranked=False)
    text = Page(study.report()).text
    assert "seed 1 " in text
    assert "nothing to score" in text
    assert " nan " not in text


def test_many_variants_and_domains(fake_study):
    norms = [f"norm_{index}" for index in range(10)]
    variants = [
        (i, norm, "flip", "none") for i in ("none", "zscore", "nyul") for norm in norms
    ]
    scanners = [f"Scanner number {index} of a long list" for index in range(12)]
    study = fake_study(
        variants=variants, scanners=scanners, seeds=1, subjects=2, size=8
    )
    text = study.report(worst_cases=3)
    assert len(text) < 5e6
    page = Page(text)
    assert "nyul + norm_9" in page.text
    assert page.text.count("Scanner number 11 of a long list") > 3


def test_damaged_image_leaves_a_note(fake_study):
    study = fake_study()
    for path in (study.root / "canonical").glob("*T1w.nii.gz"):
        path.write_bytes(b"\x1f\x8b damaged")
    text = Page(study.report()).text
    assert "not shown: truncated or damaged; copy the file again" in text
    assert "No scan could be read;" in text


def test_no_variant_is_an_error_that_names_the_table(fake_study):
    study = fake_study()
    path = study.root / "evidence" / "summary.tsv"
    write_table(path, [], list(read_table(path)[0]))
    with pytest.raises(StageError, match=r"summary\.tsv: no variant"):
        study.report()


def test_same_study_gives_the_same_page(fake_study):
    study = fake_study()
    assert study.report() == study.report()


def weigh(study):
    """Put what `compare_variants` writes in place of the fabricated evidence."""
    scores = study.root / "scores.tsv"
    rows = read_table(study.root / "evidence" / "cases.tsv")
    write_table(scores, rows, column_names(ScoreRow))
    shutil.rmtree(study.root / "evidence")
    inputs = study.root / "splits.tsv", study.root / "runs", study.root / "evidence"
    settings = EvidenceConfig(resamples=100)
    compare_variants([scores], *inputs, domain=study.domain, settings=settings)
    return study


def test_tables_of_the_evidence_stage_are_understood(fake_study):
    """What `compare_variants` writes is what the report reads."""
    study = weigh(fake_study())
    text = Page(study.report()).text
    verdict = read_json(study.root / "evidence" / "verdict.json")
    assert verdict["ranked"]
    for sentence in verdict["sentences"]:
        assert sentence in text
    assert " nan " not in text


CROSSED = [
    (i, n, "flip", "none") for i in ("none", "zscore") for n in ("batch", "instance")
]


def speak_of(domain, fake_study, **traits):
    """The page, without the data card: there a scanner is the device."""
    study = fake_study(domain=domain, variants=CROSSED, size=8, **traits)
    page = weigh(study).report(worst_cases=2)
    shutil.rmtree(study.root / "evidence")
    before, card, after = re.split(r'(?=<section id="(?:data|excluded)">)', page)
    assert "the domains and their scanners" in card
    return before + after


def test_the_default_domain_is_a_scanner(fake_study):
    text = Page(speak_of(("scanner",), fake_study)).text
    for said in (
        "Which normalization still works on a scanner that the network has never seen?",
        ", which its networks had never seen, ",
        "Known and unseen scanners",
        "in-domain: scanner seen in training",
        "Circles: scanners seen in training; diamonds: scanners never seen.",
        "on a new scanner is expected, if it is like these 3 held-out scanners",
        "Gap, scanner by scanner",
        "as the mean over norms, on scanners never seen.",
        "Framed cells: the test scanner was no part of the training.",
        "The same tissue on different scanners: normalization has to remove",
        "the column the question is about, usually the scanner.",
        "tested on a scanner that was part of the training, on other subjects.",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        (("site",), ("a site", "site")),
        (("export",), ("an export", "export")),
        (("vendor", "model"), ("a domain", "domain")),
        (("field_strength",), ("a domain", "domain")),
    ],
)
def test_other_domains_change_that_word_only(fake_study, domain, words):
    page = speak_of(domain, fake_study)
    assert "scanner" not in page.lower()
    usual = speak_of(("scanner",), fake_study)
    usual = usual.replace("usually the scanner", "here " + "+".join(domain))
    any_, one = words
    assert page == usual.replace("a scanner", any_).replace("scanner", one)


def test_one_design_speaks_of_the_domain_too(fake_study):
    page = speak_of(("export",), fake_study, designs=("pooled",))
    assert "tests on an export that the network never saw" in page
    assert "Too few exports were held out" in page
    assert "scanner" not in page.lower()


@pytest.mark.parametrize("one", find_sections(), ids=lambda one: one.anchor)
def test_headings_name_no_kind_of_domain(one):
    assert "scanner" not in (one.title + one.heading).lower()


@pytest.fixture
def chromium() -> str:
    """The browser, if there is one."""
    found = shutil.which("chromium")
    if not found:
        pytest.skip("chromium is not installed")
    return found


def browse(chromium: str, page: Path, profile: Path, *flags: str) -> tuple[str, str]:
    """Open a page without a network; what it prints and what its console says."""
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0",
         *flags, page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(console)


def test_page_opens_in_a_browser_without_complaint(fake_study, chromium, tmp_path):
    study = fake_study()
    study.report()
    page = study.root / "report" / "report.html"
    shown, console = browse(chromium, page, tmp_path / "profile", "--dump-dom")
    assert console == ""
    assert "candidate scans" in shown


def test_a_click_on_a_head_sorts(fake_study, chromium, tmp_path):
    """The page's own script sorts; a second click turns the order."""
    study = fake_study()
    text = study.report()
    probe = """<script>
    const table = document.querySelector("#numbers table");
    const heads = [...table.querySelectorAll("th button")];
    const name = (row) => row.cells[0].firstChild.textContent;
    const order = () => [...table.tBodies[0].rows].map(name);
    const gap = heads.find((head) => head.textContent === "Gap");
    gap.click(); const up = order(); gap.click(); const down = order();
    heads[0].click(); const words = order();
    document.title = JSON.stringify({up, down, words});
    </script></body>"""
    page = tmp_path / "probed.html"
    page.write_text(text.replace("</body>", probe), encoding="utf-8")
    shown, console = browse(chromium, page, tmp_path / "profile", "--dump-dom")
    assert console == ""
    title = re.search(r"<title>(.*?)</title>", shown).group(1)
    found = json.loads(title)
    assert found["up"] == [
        " + ".join((*v[:2], v[3])).removesuffix(" + none") for v in study.variants
    ]
    assert found["down"] == found["up"][::-1]
    assert found["words"] == sorted(found["words"])


def test_tables_and_figures_are_saved_as_they_are(fake_study, chromium, tmp_path):
    """CSV has all digits and nothing that a spreadsheet runs; SVG is a whole file."""
    study = fake_study(scanners=("=cmd()", 'a "b", c', "C"))
    text = study.report()
    probe = """<script>
    const table = document.querySelector("#numbers table");
    const gaps = document.querySelectorAll("#numbers table")[1];
    const figure = document.querySelector("#variants figure");
    const buttons = [...document.querySelectorAll("button.quiet")];
    const names = buttons.map((own) => own.getAttribute("aria-label"));
    document.title = encodeURIComponent(JSON.stringify({
      csv: tableAsCsv(table), gaps: tableAsCsv(gaps), svg: figureAsSvg(figure), names,
    }));
    </script></body>"""
    page = tmp_path / "probed.html"
    page.write_text(text.replace("</body>", probe), encoding="utf-8")
    shown, console = browse(chromium, page, tmp_path / "profile", "--dump-dom")
    assert console == ""
    title = re.search(r"<title>(.*?)</title>", shown).group(1)
    found = json.loads(unquote(title))
    rows = list(csv.reader(found["csv"].splitlines()))
    assert len(rows) == 6
    assert len({len(row) for row in rows}) == 1
    row = dict(zip(rows[0], rows[1], strict=True))
    best = read_table(study.root / "evidence" / "summary.tsv")[-1]
    assert float(row["Out-of-domain Dice; 95% interval"]) == float(best["out_domain"])
    assert " to " in row["Out-of-domain Dice; 95% interval: more"]
    heads = next(csv.reader(found["gaps"].splitlines()))
    assert "'=cmd() Dice" in heads
    assert 'a "b", c Dice' in heads
    root = ET.fromstring(found["svg"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "svg .whisker {" in found["svg"]
    assert len(found["names"]) == len(set(found["names"])) > 10
