"""One mark a scan, its shape that of its domain; how many are in their interval."""

from medinorm.report.figures.scatter_plot import ExpectedPoint, draw_expected

POINTS = [
    ExpectedPoint("GE <1.5T>", 0.7, 0.6, 0.8, 0.72),
    ExpectedPoint("GE <1.5T>", 0.7, 0.6, 0.8, 0.5),
    ExpectedPoint("Siemens", 0.5, 0.3, 0.9, 0.6),
]


def test_each_scan_is_a_mark_and_each_domain_a_shape():
    drawn = draw_expected(POINTS, "Expected and observed Dice")
    assert drawn.count('class="outside"') == len(POINTS) + 2  # and two in the legend
    assert drawn.count("l5 -5l5 5l-5 5z") == 3
    assert "GE &lt;1.5T&gt;" in drawn
    assert "GE <1.5T>" not in drawn
    assert "One mark for each of 3 scans; 2 have their observed Dice" in drawn
    assert "Siemens: expected 0.500 (0.300 to 0.900), observed 0.600" in drawn


def test_more_domains_than_shapes_still_have_marks():
    many = [ExpectedPoint(str(n), 0.5, 0.4, 0.6, 0.5) for n in range(7)]
    assert draw_expected(many, "many").count('class="outside"') == 14
