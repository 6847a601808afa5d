# From hospital files (or the demo) to usable scans.
rule demo:
    """Simulate scanners on real anatomy, as DICOM series with label maps."""
    output:
        labels=layout.demo,
    log:
        f"{layout.log}/demo.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("demo"),
    params:
        dicom=layout.demo_dicom,
        settings=lambda wildcards: write_flags(study.demo),
    shell:
        "medinorm demo --dicom {params.dicom:q} --labels {output.labels:q}"
        " {params.settings} > {log:q} 2>&1"


rule fetch:
    """Download what the query finds on a PACS into the private folder."""
    output:
        fetched=layout.fetched,
    log:
        f"{layout.log}/fetch.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("fetch"),
    params:
        folder=subpath(output.fetched, parent=True),
        private=subpath(output.fetched, ancestor=2),
        settings=lambda wildcards: wiring.fetch_flags,
    shell:
        "medinorm fetch --folder {params.folder:q} --private {params.private:q}"
        " {params.settings} > {log:q} 2>&1"


rule index:
    """Look at every input file once; those that did not change are not read again."""
    input:
        wiring.input_tables,
    output:
        index=update(layout.index),
    log:
        f"{layout.log}/index.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("index"),
    params:
        private=subpath(output.index, parent=True),
        settings=lambda wildcards: wiring.index_flags,
    shell:
        "medinorm index --index {output.index:q} --private {params.private:q}"
        " {params.settings} > {log:q} 2>&1"


rule plan:
    """Find the candidate scans."""
    input:
        wiring.input_tables,
        index=layout.index,
    output:
        plan=layout.plan,
        files=layout.files,
    log:
        f"{layout.log}/plan.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("plan"),
    params:
        private=subpath(output.plan, parent=True),
        settings=lambda wildcards: wiring.input_flags,
    shell:
        "medinorm plan --index {input.index:q} --plan {output.plan:q}"
        " --private {params.private:q} {params.settings} > {log:q} 2>&1"


rule convert:
    """Check and de-identify one shard of the candidates."""
    input:
        plan=layout.plan,
    output:
        status=layout.converted,
    log:
        f"{layout.log}/convert/{{shard}}.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("convert"),
    params:
        canonical=layout.canonical,
        private=subpath(input.plan, parent=True),
        shards=study.shards,
        columns=lambda wildcards: wiring.columns,
        settings=lambda wildcards: wiring.input_flags,
    shell:
        "medinorm convert --plan {input.plan:q} --canonical {params.canonical:q}"
        " --status {output.status:q} --private {params.private:q}"
        " --shard {wildcards.shard:q} --shards {params.shards}"
        " --columns {params.columns} {params.settings} > {log:q} 2>&1"


rule collect:
    """Account for every file and candidate."""
    input:
        plan=layout.plan,
        files=layout.files,
        statuses=wiring.converted,
    output:
        scans=layout.scans,
        excluded=layout.excluded_by_ingest,
        account=layout.account,
    log:
        f"{layout.log}/collect.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("collect"),
    params:
        canonical=layout.canonical,
    shell:
        "medinorm collect --plan {input.plan:q} --files {input.files:q}"
        " --canonical {params.canonical:q} --scans {output.scans:q}"
        " --excluded {output.excluded:q} --account {output.account:q}"
        " --statuses {input.statuses:q} > {log:q} 2>&1"


rule strict:
    """Fail if any scan was excluded (`strict: true`)."""
    input:
        excluded=layout.excluded,
        pages=lambda wildcards: wiring.pages(
            checkpoints.split.get(**wildcards).output.splits
        ),
    output:
        touch(layout.strict),
    log:
        f"{layout.log}/strict.log",
    conda:
        "environment.yaml"
    shell:
        "medinorm strict --excluded {input.excluded:q} 2>&1 | tee {log:q}"
