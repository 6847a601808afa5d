"""axe-core, the keyboard and hostile text, on whole pages in a browser.

axe-core comes from the npm registry, once for all tests; without npm, the registry or
Chromium these tests are skipped and say so.
"""

import html
import json
import re
import shutil
import subprocess
import tarfile

import pytest

from medinorm.config import TaskConfig
from medinorm.files.records import column_names
from medinorm.files.tables import read_table, write_table
from medinorm.records.scans import ExcludedRow
from medinorm.report.figures.previews import draw_previews
from medinorm.report.pages.quality_page import write_quality_page
from tests.report.beyond_means import fail, measure

AXE = "axe-core@4.11.0"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ACT = "document.title = 'ran'"
SCRIPT = f'<script>{ACT}</script><img src=x onerror="{ACT}">'
HEBREW = "\u05e1\u05d5\u05e8\u05e7 \u202e3T"
LONG = "x" * 10_000
HOSTILE = (SCRIPT, HEBREW, LONG)


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The text of axe-core."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: axe-core cannot be fetched")
    folder = tmp_path_factory.mktemp("axe")
    try:
        subprocess.run(
            ["npm", "pack", AXE, "--silent", "--pack-destination", str(folder)],
            cwd=folder, capture_output=True, timeout=60, check=True,
        )  # fmt: skip
    except subprocess.SubprocessError:
        pytest.skip("the npm registry is not reached: axe-core cannot be fetched")
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        return packed.extractfile("package/axe.min.js").read().decode()


@pytest.fixture
def browse(tmp_path):
    """Open a page with a script at its end; what the script puts into the title."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("chromium is not installed")

    def run(page, script, width, *, dark):
        text = page.read_text(encoding="utf-8")
        probed = page.with_name("probed.html")
        probed.write_text(
            text.replace("</body>", f"<script>{script}</script></body>"), "utf-8"
        )
        done = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync",
             f"--user-data-dir={tmp_path / 'profile'}",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
             "--v=0", "--virtual-time-budget=20000", f"--window-size={width},900",
             *(["--blink-settings=preferredColorScheme=0"] if dark else []),
             "--dump-dom", probed.as_uri()],
            capture_output=True, text=True, timeout=180, check=True,
        )  # fmt: skip
        probed.unlink()
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        assert console == []
        title = html.unescape(re.search(r"<title>(.*?)</title>", done.stdout)[1])
        return json.loads(title)

    return run


@pytest.fixture
def report(fake_study):
    """A report with hostile text in every name, and with failures."""
    study = fake_study(scanners=HOSTILE, size=8, subjects=4, seeds=2)
    for name, columns in (("excluded", ExcludedRow), ("scans", None)):
        path = study.root / f"{name}.tsv"
        rows = read_table(path)
        for number, row in enumerate(rows):
            row |= {
                key: HOSTILE[number % 3]
                for key in ("reason", "where", "protocol", "vendor", "software", "site")
                if key in row
            }
        head = column_names(columns) if columns else list(rows[0])
        write_table(path, rows, head)
    fail(study)
    measure(study)
    study.report(against=study.root / "evidence")
    return study.root / "report" / "report.html"


@pytest.fixture
def quality(small_study):
    """A quality page with hostile text."""
    rows = read_table(small_study.scans)
    for number, row in enumerate(rows):
        row["content"] = row["scan"]
        row["scanner"] = HOSTILE[number % 3]
    write_table(small_study.scans, rows, list(rows[0]))
    left = [{"where": text, "scan": text, "reason": text} for text in HOSTILE]
    write_table(small_study.folder / "excluded.tsv", left, column_names(ExcludedRow))
    task = TaskConfig(label_values={1: SCRIPT, 2: HEBREW})
    folder, status = small_study.folder / "previews", small_study.folder / "status.tsv"
    draw_previews(small_study.scans, small_study.canonical, folder, status, input=task)
    page = small_study.folder / "report" / "qc.html"
    write_quality_page(
        small_study.scans, small_study.folder / "excluded.tsv", folder, page, [status],
        title=SCRIPT, input=task,
    )  # fmt: skip
    return page


@pytest.fixture(params=["report", "quality"])
def page(request):
    """Each page."""
    return request.getfixturevalue(request.param)


EXAMINE = """
const visible = (own) => own.checkVisibility({ visibilityProperty: true });
const stops = [...document.querySelectorAll(
  "a[href], button, input, select, summary, [tabindex='0']")].filter(visible);
const name = (own) => (own.getAttribute("aria-label") || own.textContent ||
  (own.labels && own.labels[0] && own.labels[0].textContent) || "").trim();
const wide = [...document.querySelectorAll("main *")].filter((own) =>
  visible(own) && !own.closest(".scroll, .heard, dialog") &&
  own.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter(visible)
  .map((own) => Number(own.tagName[1]));
const shown = (own) => { own.focus(); return own.matches(":focus-visible") &&
  getComputedStyle(own).outlineStyle; };
const found = {
  dark: matchMedia("(prefers-color-scheme: dark)").matches,
  first: stops[0].getAttribute("href"),
  positive: [...document.querySelectorAll("[tabindex]")].filter((own) =>
    own.tabIndex > 0).length,
  nameless: stops.filter((own) => !name(own)).map((own) => own.outerHTML.slice(0, 99)),
  wide: wide.map((own) => own.outerHTML.slice(0, 120)).slice(0, 3),
  page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  jumps: levels.filter((level, place) => place && level > levels[place - 1] + 1).length,
  main: document.querySelector(stops[0].getAttribute("href")).tagName,
  unfocused: stops.filter((own) => shown(own) === "none").length,
  scripts: document.querySelectorAll("img[src=x]").length,
  heads: [...document.querySelectorAll("tbody tr")].filter((row) =>
    !row.querySelector("th[scope=row]")).length,
};
document.querySelectorAll("details").forEach((own) => { own.open = true; });
axe.run({ runOnly: RULES }).then((result) => {
  found.violations = result.violations.map((one) =>
    [one.id, one.nodes.length, one.nodes[0].html.slice(0, 200)]);
  document.title = JSON.stringify(found);
});
"""


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (500, True)])
def test_everybody_can_read_the_page(page, axe, browse, width, dark):
    """In reading order, each stop with a name and a visible focus; nothing too wide."""
    script = axe + EXAMINE.replace("RULES", json.dumps(RULES))
    assert browse(page, script, width, dark=dark) == {
        "dark": dark,
        "violations": [],
        "first": "#content",  # past the contents
        "positive": 0,
        "nameless": [],
        "wide": [],
        "page": 0,
        "jumps": 0,
        "main": "MAIN",
        "unfocused": 0,
        "scripts": 0,
        "heads": 0,
    }
