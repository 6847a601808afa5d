"""Contrast of text and of figures, computed from the style sheets, in every scheme.

By WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for what has to be seen to understand a
figure or a control (1.4.11). Print is on white paper.
"""

import re
from importlib.resources import files

import pytest

from medinorm.report.figures.heatmap import DARK_FROM, _colour

PAGES = files("medinorm.report.pages")
PAGE = (PAGES / "page.css").read_text("utf-8")
FIGURES = (PAGES / "figures.css").read_text("utf-8")
QUALITY = (PAGES / "quality_page.css").read_text("utf-8")
BLOCK = r"\{((?:[^{}]|\{[^{}]*\})*)\}"

# What nobody has to see: lines behind a figure, and fills that have an edge.
DECORATION = {"grid", "rule", "cell", "band", "box", "density"}
ON_IMAGES = {"casing", "truth", "guess", "side"}  # over any grey: see below
ON_CELLS = {"ink-on-pale", "ink-on-dark"}  # over the colours of a heat map
LABELS = {f"label-{index}" for index in range(8)}


def variables(text):
    """The colours that a part of a style sheet sets."""
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", text))


LIGHT = variables(re.search(rf"^:root {BLOCK}", PAGE)[1])
DARK = LIGHT | variables(
    re.search(rf"@media screen and \(prefers-color-scheme: dark\) {BLOCK}", PAGE)[1]
)
PRINT = LIGHT | variables(re.search(rf"@media print {BLOCK}", PAGE)[1])
SCHEMES = {"light": LIGHT, "dark": DARK, "print": PRINT}


def rgb(colour):
    """Red, green and blue, 0 to 255."""
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def luminance(channels):
    """Relative luminance of sRGB."""
    linear = [
        c / 12.92 if (c := channel / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for channel in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other, opacity=1.0):
    """Contrast ratio of a colour, as it lies on the other one."""
    ground = rgb(other)
    mixed = [
        a * opacity + b * (1 - opacity) for a, b in zip(rgb(one), ground, strict=True)
    ]
    low, high = sorted((luminance(mixed), luminance(ground)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#000000", "#ffffff", opacity=0.5) == pytest.approx(3.95, abs=0.05)


def rules(sheet):
    """Selectors and declarations, those inside of media queries too."""
    for selectors, body in re.findall(r"([^{};]+)\{([^{}]*)\}", sheet):
        yield selectors.strip(), dict(re.findall(r"([\w-]+): ([^;]+);", f"{body};"))


def colour_of(value, scheme):
    """The colour of a declaration; none if it sets none."""
    name = re.fullmatch(r"var\((--[\w-]+)\)", value)
    return (
        scheme[name[1]] if name else value if re.match("#[0-9a-f]{6}$", value) else None
    )


@pytest.mark.parametrize("name", SCHEMES)
def test_text_of_the_page(name):
    scheme = SCHEMES[name]
    tested = 0
    for sheet in (PAGE, QUALITY):
        for selector, own in rules(sheet):
            ink = colour_of(own.get("color", ""), scheme)
            if ink is None:
                continue
            ground = colour_of(own.get("background", ""), scheme)
            grounds = [ground] if ground else [scheme["--paper"], scheme["--sheet"]]
            for behind in grounds:
                assert contrast(ink, behind) >= 4.5, (selector, ink, behind)
                tested += 1
    assert tested > 40


@pytest.mark.parametrize("name", SCHEMES)
def test_text_and_marks_of_figures(name):
    scheme = SCHEMES[name]
    tested = set()
    for selector, own in rules(FIGURES):
        classes = set(re.findall(r"\.([a-z][\w-]*)", selector))
        if classes & (ON_IMAGES | ON_CELLS) or (classes and classes <= DECORATION):
            continue
        key = "stroke" if classes & LABELS or own.get("fill") == "none" else "fill"
        mark = colour_of(own.get(key, own.get("stroke", "")), scheme)
        if mark is None:
            continue
        text = not classes or classes <= {"tick", "axis", "head", "name", "number"}
        opacity = float(own.get("opacity", 1))
        behind = [scheme["--paper"]]
        if classes & {"whisker", "inside", "outside", "link", "median", "dots"}:
            behind.append(scheme["--band"])
        for ground in behind:
            ratio = contrast(mark, ground, opacity)
            assert ratio >= (4.5 if text else 3), (selector, mark, ground, ratio)
        tested |= classes
    assert {"tick", "whisker", "dots", "failed", "curve", "median", "cut"} <= tested
    assert tested >= LABELS


@pytest.mark.parametrize("name", SCHEMES)
def test_fills_have_an_edge_that_shows(name):
    scheme = SCHEMES[name]
    for selector, own in rules(FIGURES):
        if re.fullmatch(r"svg \.(band|box)", selector):
            edge = colour_of(own["stroke"], scheme)
            assert contrast(edge, scheme["--paper"]) >= 3


@pytest.mark.parametrize("name", SCHEMES)
def test_borders_of_controls(name):
    scheme = SCHEMES[name]
    for ground in ("--paper", "--sheet"):
        assert contrast(scheme["--edge"], scheme[ground]) >= 3
        assert contrast(scheme["--accent"], scheme[ground]) >= 3  # of the focus


def test_numbers_on_a_heat_map():
    """Each number on the colour of its cell, at every place of the scale."""
    inks = {
        selector.removeprefix("svg ."): own["fill"]
        for selector, own in rules(FIGURES)
        if "ink-on" in selector
    }
    for step in range(1001):
        share = step / 1000
        ink = inks["ink-on-pale" if share < DARK_FROM else "ink-on-dark"]
        assert contrast(ink, _colour(share)) >= 4.5, share


def test_outlines_show_on_any_grey():
    """The line or the dark line that it lies on, whatever is behind both."""
    own = dict(rules(FIGURES))
    casing = own["svg .outline.casing"]["stroke"]
    for name in ("truth", "guess"):
        line = own[f"svg .outline.{name}"]["stroke"]
        assert contrast(line, casing) >= 3
        for grey in range(256):
            ground = f"#{grey:02x}{grey:02x}{grey:02x}"
            assert max(contrast(line, ground), contrast(casing, ground)) >= 3
    assert "stroke-dasharray" in own["svg .outline.guess"]
    assert "stroke-dasharray" not in own["svg .outline.truth"]
