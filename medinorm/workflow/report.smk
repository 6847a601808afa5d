# The pages that people read.
rule report:
    """Write the comparison as one offline page."""
    input:
        scans=layout.scans,
        excluded=layout.excluded,
        account=layout.account,
        splits=layout.splits,
        verdict=layout.verdict,
        environment=layout.environment,
        tables=layout.evidence_tables,
        expected=layout.expected,
        plan=wiring.plan,
        shown=lambda wildcards: wiring.shown(checkpoints.split.get().output.splits),
    output:
        report=report(layout.report, caption="captions/report.rst", category="Report"),
        documents=layout.documents,
    log:
        f"{layout.log}/report.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("report"),
    params:
        canonical=layout.canonical,
        evidence=subpath(input.verdict, parent=True),
        predictions=layout.predictions_root,
        harmonized=layout.harmonized_root,
        title=lambda wildcards: study.title,
        settings=lambda wildcards: wiring.report_flags,
    shell:
        "medinorm report --scans {input.scans:q} --canonical {params.canonical:q}"
        " --excluded {input.excluded:q} --account {input.account:q}"
        " --splits {input.splits:q} --evidence {params.evidence:q}"
        " --predictions {params.predictions:q} --report {output.report:q}"
        " --title {params.title:q} --harmonized {params.harmonized:q}"
        " {params.settings} > {log:q} 2>&1"


rule previews:
    """Draw small figures of one shard of the scans."""
    input:
        scans=layout.scans,
    output:
        status=layout.previews_status,
    log:
        f"{layout.log}/previews/{{shard}}.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("previews"),
    params:
        canonical=layout.canonical,
        previews=subpath(output.status, ancestor=2),
        shards=study.shards,
        settings=lambda wildcards: write_flags(study.input.task),
    shell:
        "medinorm previews --scans {input.scans:q} --canonical {params.canonical:q}"
        " --previews {params.previews:q} --status {output.status:q}"
        " --shard {wildcards.shard:q} --shards {params.shards}"
        " {params.settings} > {log:q} 2>&1"


rule qc:
    """Write the quality page: a preview of each scan, and what was left out."""
    input:
        scans=layout.scans,
        excluded=layout.excluded,
        statuses=wiring.previews,
    output:
        page=report(layout.qc, caption="captions/qc.rst", category="Report"),
    log:
        f"{layout.log}/qc.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("qc"),
    params:
        previews=lambda wildcards: layout.previews,
        title=lambda wildcards: study.title,
        domain=lambda wildcards: study.split.domain,
        settings=lambda wildcards: write_flags(study.input.task),
    shell:
        "medinorm qc --scans {input.scans:q} --excluded {input.excluded:q}"
        " --previews {params.previews:q} --page {output.page:q}"
        " --statuses {input.statuses:q} --title {params.title:q}"
        " --domain {params.domain:q}"
        " {params.settings} > {log:q} 2>&1"
