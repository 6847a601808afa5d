"""How to run the study again: configuration, software and machine."""

import json
import re
from collections.abc import Mapping

from markupsafe import Markup

from medinorm.records.environment import Environment, read_environment
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section

# Line breaks stand between entries only: those of a string are written as \\n.
_LIST = re.compile(r"\[\n\s*([^\[\]{}]*?)\n\s*\]")
_BREAK = re.compile(r"\n\s*")

_TEMPLATE = """\
{% if environment %}
<p>Save the configuration below as <code>study.json</code>, fill in the entries that \
are not shown, and start the same version of the software:</p>
<div class="scroll" tabindex="0" role="region" aria-label="Command of the study">\
<pre><code>snakemake --cores all --configfile study.json</code></pre></div>
<dl class="glossary">
{% for name, value in facts %}<dt>{{ name }}</dt><dd>{{ value }}</dd>
{% endfor %}</dl>
<p class="note">Software and machine are those that made the comparison; on a cluster \
other machines may have trained. Each output has a record beside it of the version, \
the settings and the checksums that it was made with: what no longer fits them is made \
again when <code>snakemake</code> starts, and this page with it.</p>
<details><summary>Configuration</summary>
<div class="scroll tall" tabindex="0" role="region" aria-label="Configuration">\
<pre><code>{{ configuration }}</code></pre></div>
</details>
{% else %}
<p class="note">Software and machine were not recorded: this report was made without \
the workflow. <code>medinorm environment</code> records them.</p>
{% endif %}
"""


@section(
    "reproducibility", "Run it again", order=145, heading="How to run this study again"
)
def write_reproducibility(inputs: ReportInputs) -> Markup:
    """The command, the software, the machine and the whole configuration."""
    environment = read_environment(inputs.evidence / "environment.json")
    if environment is None:
        return write_html(_TEMPLATE, environment=None)
    seeds = ", ".join(map(str, sorted(inputs.findings.seeds)))
    return write_html(
        _TEMPLATE,
        environment=environment,
        facts=[*list_facts(environment), ("Seeds of training", seeds)],
        configuration=show_configuration(environment.configuration),
    )


def show_configuration(configuration: Mapping[str, object]) -> str:
    """The configuration as JSON, with lists of single values on one line.

    Examples:
        >>> print(show_configuration({"shards": 2, "train": {"patch": [48, 48, 48]}}))
        {
          "shards": 2,
          "train": {
            "patch": [48, 48, 48]
          }
        }
    """
    text = json.dumps(configuration, indent=2, sort_keys=True)
    return _LIST.sub(lambda match: f"[{_BREAK.sub(' ', match[1])}]", text)


def list_facts(environment: Environment) -> list[tuple[str, str]]:
    """What is known of the software and the machine, as names and values."""
    memory = environment.memory_gib
    size = f", {memory:g} GiB of memory" if memory is not None else ""
    cores = f", {environment.cores} cores" if environment.cores else ""
    software = environment.software.items()
    facts = [
        ("Date", environment.date),
        ("medinorm", environment.version),
        ("Commit", environment.commit or ""),
        ("Software", ", ".join(f"{name} {version}" for name, version in software)),
        ("System", environment.system),
        ("Processor", f"{environment.processor}{cores}{size}"),
        ("Graphics card", ", ".join(environment.cards) or "none"),
        ("Hash of the configuration", environment.configuration_hash),
    ]
    return [(name, value) for name, value in facts if value]
