# From hospital files (or the demo) to usable scans and their splits.
rule demo:
    """Simulate scanners on real anatomy, as DICOM series with label maps."""
    output:
        labels=layout.demo,
    log:
        f"{layout.log}/demo.log",
    conda:
        "environment.yaml"
    params:
        dicom=layout.demo_dicom,
        settings=lambda wildcards: write_flags(study.demo),
    shell:
        "medinorm demo {params.dicom:q} {output.labels:q} {params.settings} > {log:q} 2>&1"


rule fetch:
    """Download what the query finds on a PACS into the private folder."""
    output:
        fetched=layout.fetched,
    log:
        f"{layout.log}/fetch.log",
    conda:
        "environment.yaml"
    params:
        folder=subpath(output.fetched, parent=True),
        private=subpath(output.fetched, ancestor=2),
        settings=lambda wildcards: wiring.fetch_flags,
    shell:
        "medinorm fetch {params.folder:q} --private {params.private:q}"
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
    params:
        private=subpath(output.index, parent=True),
        settings=lambda wildcards: wiring.index_flags,
    shell:
        "medinorm index {output.index:q} --private {params.private:q}"
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
    params:
        private=subpath(output.plan, parent=True),
        settings=lambda wildcards: wiring.input_flags,
    shell:
        "medinorm plan {input.index:q} {output.plan:q} --private {params.private:q}"
        " {params.settings} > {log:q} 2>&1"


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
    params:
        canonical=layout.canonical,
        private=subpath(input.plan, parent=True),
        shards=study.shards,
        columns=lambda wildcards: wiring.columns,
        settings=lambda wildcards: wiring.input_flags,
    shell:
        "medinorm convert {input.plan:q} {params.canonical:q} {output.status:q}"
        " --private {params.private:q} --shard {wildcards.shard:q}"
        " --shards {params.shards} --columns {params.columns} {params.settings} > {log:q} 2>&1"


rule collect:
    """Account for every file and candidate."""
    input:
        plan=layout.plan,
        files=layout.files,
        statuses=wiring.converted,
    output:
        scans=layout.scans,
        excluded=layout.found_unusable,
        account=layout.account,
    log:
        f"{layout.log}/collect.log",
    conda:
        "environment.yaml"
    params:
        canonical=layout.canonical,
    shell:
        "medinorm collect {input.plan:q} {input.files:q} {params.canonical:q}"
        " {output.scans:q} {output.excluded:q} {output.account:q}"
        " {input.statuses:q} > {log:q} 2>&1"


checkpoint split:
    """Decide who trains and who tests, before anything is learned."""
    input:
        scans=layout.scans,
        found=layout.found_unusable,
    output:
        splits=layout.splits,
        excluded=layout.excluded,
    log:
        f"{layout.log}/split.log",
    conda:
        "environment.yaml"
    params:
        settings=lambda wildcards: write_flags(study.split),
    shell:
        "medinorm split {input.scans:q} {input.found:q} {output.splits:q} {output.excluded:q}"
        " {params.settings} > {log:q} 2>&1"


rule thumbnails:
    """Draw small pictures of one shard of the scans."""
    input:
        scans=layout.scans,
    output:
        status=layout.thumbnails_status,
    log:
        f"{layout.log}/thumbnails/{{shard}}.log",
    conda:
        "environment.yaml"
    params:
        canonical=layout.canonical,
        thumbnails=subpath(output.status, ancestor=2),
        shards=study.shards,
        settings=lambda wildcards: write_flags(study.input.task),
    shell:
        "medinorm thumbnails {input.scans:q} {params.canonical:q} {params.thumbnails:q}"
        " {output.status:q} --shard {wildcards.shard:q} --shards {params.shards}"
        " {params.settings} > {log:q} 2>&1"


rule qc:
    """Write the quality page: every scan at a glance, and what was left out."""
    input:
        scans=layout.scans,
        excluded=layout.excluded,
        statuses=wiring.thumbnails,
    output:
        page=report(layout.qc, caption="qc.rst", category="Report"),
    log:
        f"{layout.log}/qc.log",
    conda:
        "environment.yaml"
    params:
        thumbnails=lambda wildcards: layout.thumbnails,
        title=lambda wildcards: study.title,
        settings=lambda wildcards: write_flags(study.input.task),
    shell:
        "medinorm qc {input.scans:q} {input.excluded:q} {params.thumbnails:q}"
        " {output.page:q} {input.statuses:q} --title {params.title:q}"
        " {params.settings} > {log:q} 2>&1"


rule strict:
    """Fail if any scan was excluded (`strict: true`)."""
    input:
        excluded=layout.excluded,
        report=layout.report,
    output:
        touch(layout.strict),
    log:
        f"{layout.log}/strict.log",
    conda:
        "environment.yaml"
    shell:
        "medinorm strict {input.excluded:q} 2>&1 | tee {log:q}"
