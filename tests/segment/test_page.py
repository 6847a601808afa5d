"""The page shows what was segmented, and why the rest was not."""

import shutil

from medinorm.bundle.contents import read_bundle
from medinorm.layout import Layout
from medinorm.segment.page import PAGE, write_segmentation_page


def test_scans_with_their_outlines_and_the_others_with_a_reason(made_bundle, tmp_path):
    made, bundle = made_bundle
    results = tmp_path / "results"
    shutil.copytree(made.results, results)
    shutil.rmtree(results / "previews")
    layout = Layout(str(results), str(tmp_path / "private"))
    predictions = sorted(results.glob("predictions/**/seed-0/sub-*.nii.gz"))
    scan, other = (path.name.removesuffix(".nii.gz") for path in predictions[:2])
    contents = read_bundle(bundle)
    maps, reasons = {scan: predictions[0]}, {other: "<b>no</b> memory"}
    write_segmentation_page(layout, maps, reasons, contents)
    page = (results / PAGE).read_text()
    assert f'data-scan="{scan}"' in page
    assert page.count("data:image/png") == 2  # scan and outlines
    assert f'data-scan="{other}"' not in page
    assert "&lt;b&gt;no&lt;/b&gt; memory" in page
    (preview,) = (results / "previews").glob("*.png")
    before = preview.stat().st_mtime_ns
    write_segmentation_page(layout, maps, reasons, contents)
    assert preview.stat().st_mtime_ns == before
    write_segmentation_page(layout, {}, reasons, contents)
    assert "no usable scan" in (results / PAGE).read_text()
    assert list(results.glob("tmp*")) == []
