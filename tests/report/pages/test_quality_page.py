"""The quality page: well formed, offline, nothing lost, marks where they belong."""

import html
import json
import re
import shutil
import subprocess

import pytest

from medinorm.config import TaskConfig
from medinorm.errors import StageError
from medinorm.files.atomic import read_json, write_json
from medinorm.files.records import column_names
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.files.tables import read_table, write_table
from medinorm.records.scans import ExcludedRow
from medinorm.report.figures.previews import draw_previews
from medinorm.report.pages import quality_page as qc
from medinorm.report.pages.quality_page import (
    Card,
    find_unusual,
    set_common_apart,
    write_quality_page,
)
from tests.report.page import Page

TASK = TaskConfig(label_values={1: "shell", 2: "core <of it>"})


@pytest.fixture
def study(small_study):
    """The small study with previews and two entries left out."""
    rows = read_table(small_study.scans)
    for row in rows:
        row["content"] = row["scan"]
        row["scanner"] = (
            "" if row["scan"] == "sub-3_T1w" else f"Scan & {row['scanner']}"
        )
    write_table(small_study.scans, rows, list(rows[0]))
    left = [
        {"where": "series abc", "scan": "sub-9_T1w", "reason": "missing slices <2>"},
        {"where": "17 files", "scan": "", "reason": "not DICOM"},
    ]
    write_table(small_study.folder / "excluded.tsv", left, column_names(ExcludedRow))
    return small_study


@pytest.fixture
def write(study):
    """Draw, change measures, write the page and read it."""

    def run(change=None, **settings):
        folder = study.folder / "previews"
        status = study.folder / "previews.tsv"
        draw_previews(
            study.scans,
            study.canonical,
            folder,
            status,
            shard=0,
            shards=1,
            input=TASK,
        )
        for scan, facts in (change or {}).items():
            path = folder / f"{scan}.json"
            write_json(path, read_json(path) | facts)
        page = study.folder / "report" / "qc.html"
        write_quality_page(
            study.scans,
            study.folder / "excluded.tsv",
            folder,
            page,
            [status],
            title="A <tiny> study",
            input=TASK,
            **settings,
        )
        return page

    return run


def read(page):
    return Page(page.read_text(encoding="utf-8"))


def test_every_scan_and_everything_left_out_is_there_once(write, study):
    page = read(write())
    cards = [a for a in page.named("li") if "card" in a.get("class", "").split()]
    assert sorted(card["data-scan"] for card in cards) == sorted(study.ids)
    assert len(page.named("img")) == 2 * len(study.ids)  # bare, and its outlines
    for words in (
        "usable scans 8",
        "missing slices <2>",
        "17 files",
        "A <tiny> study",
        "core <of it>",
    ):
        assert words in page.text
    assert "unknown scanner" in page.text


def test_it_needs_nothing_beside_it(write):
    path = write()
    text = path.read_text()
    for tag, attributes in Page(text).tags:
        for name in ("src", "href"):
            address = attributes.get(name, "#")
            assert address.startswith(("#", "data:")), (tag, address)
    assert not re.search(r"url\(|@import|https?:|//[a-z]+\.", text)


def test_previews_say_what_they_are_and_wait(write):
    for image in read(write()).named("img"):
        assert image["alt"]
        assert image["loading"] == "lazy"
        assert int(image["width"]) > int(image["height"]) > 0


def test_marked_scans_come_first(write, study):
    scan = study.ids[5]
    page = read(write({scan: {"at_edge": ["shell"], "changes": ["tilt undone"]}}))
    cards = [a for a in page.named("li") if "card" in a.get("class", "").split()]
    assert cards[0]["data-scan"] == scan
    assert [card["class"] for card in cards] == ["card noted"] + ["card"] * 7
    assert "shell reaches the edge of the image" in page.text
    assert "geometry: tilt undone" in page.text


def test_a_scan_that_no_split_uses_says_why_and_stays(write, study):
    path = study.folder / "excluded.tsv"
    reason = "rated bad on the quality page (split.ratings)"
    left_out = {"where": "scans.tsv", "scan": "sub-1_T1w", "reason": reason}
    write_table(path, [*read_table(path), left_out], column_names(ExcludedRow))
    text = write().read_text()
    usable = len(study.ids) - 1
    assert f"<dt>usable scans</dt><dd>{usable}</dd>" in text
    card = text.partition('data-scan="sub-1_T1w"')[2].partition("</li>")[0]
    assert f"<dt>Not used</dt><dd>{reason}</dd>" in card
    assert text.count("<dt>Not used</dt>") == 1


def test_a_scan_without_preview_says_why(write, study):
    path = study.canonical / f"{study.ids[2]}.nii.gz"
    path.write_bytes(b"")
    write_sidecar(path, Provenance({}, {}))
    page = read(write())
    assert len(page.named("img")) == 14
    assert "no preview:" in page.text


def test_hundreds_of_scans_go_on_to_further_pages(write, monkeypatch, study):
    monkeypatch.setattr(qc, "PER_PAGE", 3)
    page = write()
    names = sorted(path.name for path in page.parent.iterdir())
    assert names == ["qc-2.html", "qc-3.html", "qc.html"]
    pages = [read(page.with_name(name)) for name in names]
    shown = [a["data-scan"] for p in pages for a in p.named("li") if "data-scan" in a]
    assert sorted(shown) == sorted(study.ids)
    for part in pages:
        links = {a["href"] for a in part.named("a") if not a["href"].startswith("#")}
        assert links - {"qc.html#excluded"} == set(names)
    monkeypatch.setattr(qc, "PER_PAGE", 10)
    (page.parent / "qc-notes.html").write_text("a user's")
    write()
    left = {path.name for path in page.parent.iterdir()}
    assert left == {"qc.html", "qc-notes.html"}


def test_an_unknown_status_is_an_error(study):
    with pytest.raises(StageError):
        write_quality_page(
            study.scans,
            study.folder / "nothing.tsv",
            study.folder,
            study.folder / "qc.html",
            [],
            title="",
            input=TASK,
        )


def volumes(*sizes):
    return {str(number): {"liver": size} for number, size in enumerate(sizes)}


def test_unusual_is_unusual_among_the_others():
    usual = [1400.0, 1450, 1500, 1550, 1600, 1480, 1520, 1490]
    assert find_unusual(volumes(*usual)) == {}
    assert find_unusual(volumes(*usual, 0.0)) == {}  # absent, which is said elsewhere
    ((scan, (words,)),) = find_unusual(volumes(*usual, 5200.0)).items()
    assert scan == "8"
    assert "unusually large: 5,200 ml" in words
    assert find_unusual(volumes(*usual[:5], 5200.0)) == {}  # too few to tell
    assert find_unusual(volumes(*[7.0] * 20, 8.0)) == {}  # all are equal


def test_what_most_scans_have_marks_none():
    cards = [
        Card(str(n), "x", "", (), ["cut"] + ["odd"] * (n == 3)) for n in range(5)
    ] + [Card("5", "x", "", (), [])]
    kept, common = set_common_apart(cards)
    assert common == [("cut", 5)]
    assert [(card.scan, card.notes) for card in kept if card.notes] == [("3", ["odd"])]
    assert kept[0].scan == "3"
    alone, common = set_common_apart(cards[:1])
    assert (alone[0].notes, common) == (["cut"], [])


def test_cards_and_filter_go_by_the_domain_of_the_study(write, study):
    rows = read_table(study.scans)
    for number, row in enumerate(rows):
        row["site"] = ("north", "North ", "south", "")[number % 4]
    write_table(study.scans, rows, list(rows[0]))
    page = read(write(domain=["site"]))
    shown = {a["data-domain"] for a in page.named("li") if "data-domain" in a}
    assert shown == {"north", "south", "unknown site"}  # spellings are one
    assert "3 sites" in page.text or "sites 3" in page.text
    assert "Site all north south unknown site" in page.text
    assert "Scanner Scan & " in page.text  # a fact of each card


def test_a_page_knows_the_scans_of_all_pages(write, monkeypatch, study):
    monkeypatch.setattr(qc, "PER_PAGE", 3)
    text = write({study.ids[5]: {"at_edge": ["shell"]}}).read_text()
    code = re.search(r'id="index">(.*?)</script>', text).group(1)
    index = json.loads(code)
    assert index["pages"] == ["qc.html", "qc-2.html", "qc-3.html"]
    assert index["here"] == 0
    assert [len(page) for page in index["scans"]] == [3, 3, 2]
    assert index["scans"][0][0] == [study.ids[5], "Scan & b", 1]
    assert "<" not in code


@pytest.fixture
def probe(tmp_path):
    """Run a script on a page in a browser; what it puts into `found`."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("chromium is not installed")

    def run(path, script):
        text = f"""<script>
        const found = [];
        const set = (id, key, value) => {{
          const control = document.getElementById(id);
          control[key] = value; control.dispatchEvent(new Event("input"));
        }};
        {script}
        document.title = JSON.stringify(found);
        </script></body>"""
        probed = tmp_path / "probed.html"
        probed.write_text(path.read_text().replace("</body>", text))
        done = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync",
             f"--user-data-dir={tmp_path / 'profile'}",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
             "--v=0", "--dump-dom", probed.as_uri()],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        assert "CONSOLE" not in done.stderr
        title = re.search(r"<title>(.*?)</title>", done.stdout).group(1)
        return json.loads(html.unescape(title))

    return run


def test_the_filter_works_in_a_browser(write, study, probe):
    path = write({study.ids[5]: {"at_edge": ["shell"]}})
    found = probe(
        path,
        """
        const count = () => document.querySelectorAll(".card:not([hidden])").length;
        found.push(count());
        set("by-domain", "value", "Scan & a"); found.push(count());
        set("by-domain", "value", "");
        set("by-name", "value", "SUB-7"); found.push(count());
        set("by-name", "value", "");
        set("by-note", "checked", true); found.push(count());
        found.push(document.getElementById("shown").textContent);
        set("by-note", "checked", false);
        set("outlines", "checked", false);
        const lines = document.querySelector(".card .lines");
        found.push(getComputedStyle(lines).display);
        """,
    )
    assert found == [8, 4, 1, 1, "1 of 8 shown", "none"]


def test_the_search_finds_scans_of_other_pages(write, probe, monkeypatch):
    monkeypatch.setattr(qc, "PER_PAGE", 3)
    path = write().with_name("qc-2.html")
    first = read(path.with_name("qc.html")).named("li")
    there = next(own for own in first if "data-scan" in own)
    found = probe(
        path,
        f"""
        set("by-name", "value", {json.dumps(there["data-scan"])});
        const links = [...document.querySelectorAll("#elsewhere a")];
        found.push(links.map((link) => link.getAttribute("href")));
        found.push(document.querySelectorAll(".card:not([hidden])").length);
        """,
    )
    assert found == [[f"qc.html#{there['id']}"], 0]


def test_ratings_are_kept_and_saved(write, probe):
    path = write()
    rate = """
        const cards = [...document.querySelectorAll(".card")];
        cards[1].querySelector("input[value=bad]").click();
        const note = cards[1].querySelector("input[type=text]");
        note.value = "cut\\tat the top"; note.dispatchEvent(new Event("input"));
        cards[2].querySelector("input[value=good]").click();
        cards[0].querySelector("input[value=good]").click();
        cards[0].querySelector("button.quiet").click();
        found.push(ratingsAsTsv(), document.getElementById("rated").textContent);
        found.push(cards.slice(1, 3).map((card) => card.dataset.scan));
    """
    tsv, rated, scans = probe(path, rate)
    assert tsv.splitlines() == [
        "scan\trating\tnote",
        f"{scans[0]}\tbad\tcut at the top",
        f"{scans[1]}\tgood\t",
    ]
    assert rated == "2 of 8 rated"
    again = """
        found.push(ratingsAsTsv());
        set("by-rating", "value", "bad");
        found.push(document.querySelectorAll(".card:not([hidden])").length);
        const one = document.querySelector(".card:not([hidden])");
        found.push(one.querySelector("input[value=bad]").checked);
    """
    assert probe(path, again) == [tsv, 1, True]  # another visit, the same browser


def test_a_click_enlarges_and_arrows_turn(write, probe):
    found = probe(
        write(),
        """
        const cards = [...document.querySelectorAll(".card")];
        const name = () => document.getElementById("zoom-name").textContent;
        cards[0].querySelector("button.layers").click();
        found.push(document.getElementById("zoom").open);
        found.push(name() === cards[0].dataset.scan);
        found.push(document.querySelectorAll("#zoom img").length);
        const key = new KeyboardEvent("keydown", { key: "ArrowRight" });
        document.getElementById("zoom").dispatchEvent(key);
        found.push(name() === cards[1].dataset.scan);
        document.getElementById("close").click();
        found.push(document.getElementById("zoom").open);
        """,
    )
    assert found == [True, True, 2, True, False]
