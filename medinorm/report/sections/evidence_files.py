"""Where the numbers of the report are as files."""

from markupsafe import Markup

from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section

_TEMPLATE = """\
<p>Every number on this page is in a file of the folder <code>evidence</code>, \
which is beside the folder of this report. The links work where both folders are:</p>
<ul class="files">
{% for name in names %}<li><a href="../evidence/{{ name|urlencode }}">\
<code>{{ name }}</code></a></li>
{% endfor %}
</ul>"""


@section("files", "Files", order=150)
def write_evidence_files(inputs: ReportInputs) -> Markup:
    """The list of the comparison's files."""
    names = sorted(path.name for path in inputs.evidence.glob("[!.]*"))
    return write_html(_TEMPLATE, names=names)
