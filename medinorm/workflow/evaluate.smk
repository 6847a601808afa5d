# From trained networks to the report.
rule predict:
    """Segment the test scans with the networks of some seeds."""
    input:
        scans=layout.scans,
        splits=layout.splits,
        trained=layout.trained,
    output:
        status=layout.predicted,
    log:
        f"{layout.log}/predict/{{intensity}}/{{norm}}/{{adapt}}/{{split}}/{{batch}}.log",
    conda:
        "environment.yaml"
    resources:
        gpu=int(study.train.device == "cuda"),
    params:
        canonical=layout.canonical,
        harmonized=lambda wildcards: wiring.harmonized_folder(
            wildcards.intensity, wildcards.split
        ),
        runs=subpath(input.trained, parent=True),
        predictions=subpath(output.status, parent=True),
        seeds=lambda wildcards: wiring.seeds(wildcards.batch),
        settings=lambda wildcards: write_flags(study.predict),
    shell:
        "medinorm predict {input.scans:q} {params.canonical:q} {input.splits:q}"
        " {params.harmonized:q} {params.runs:q} {params.predictions:q} {output.status:q}"
        " --adapt {wildcards.adapt:q} --split {wildcards.split:q}"
        " --seeds {params.seeds} {params.settings} > {log:q} 2>&1"


rule score:
    """Compare predictions with label maps."""
    input:
        scans=layout.scans,
        splits=layout.splits,
        predicted=layout.predicted,
    output:
        scores=layout.scores,
    log:
        f"{layout.log}/score/{{intensity}}/{{norm}}/{{adapt}}/{{split}}/{{batch}}.log",
    conda:
        "environment.yaml"
    params:
        canonical=layout.canonical,
        predictions=subpath(input.predicted, parent=True),
        seeds=lambda wildcards: wiring.seeds(wildcards.batch),
        settings=lambda wildcards: f"{write_flags(study.input.task)} {write_flags(study.score)}",
    shell:
        "medinorm score {input.scans:q} {params.canonical:q} {input.splits:q}"
        " {params.predictions:q} {output.scores:q} --intensity {wildcards.intensity:q}"
        " --norm {wildcards.norm:q} --adapt {wildcards.adapt:q} --split {wildcards.split:q}"
        " --seeds {params.seeds} {params.settings} > {log:q} 2>&1"


rule evidence:
    """Turn scores into gaps, intervals and a ranking, or refuse to rank."""
    input:
        splits=layout.splits,
        scores=lambda wildcards: wiring.scores(
            checkpoints.split.get(**wildcards).output.splits
        ),
    output:
        verdict=f"{layout.evidence}/verdict.json",
        tables=[f"{layout.evidence}/{name}.tsv" for name in EVIDENCE],
    log:
        f"{layout.log}/evidence.log",
    conda:
        "environment.yaml"
    params:
        runs=f"{layout.results}/runs",
        evidence=subpath(output.verdict, parent=True),
        domain=lambda wildcards: study.split.domain,
        settings=lambda wildcards: write_flags(study.evidence),
    shell:
        "medinorm evidence {input.splits:q} {params.runs:q} {params.evidence:q}"
        " {input.scores:q} --domain {params.domain:q} {params.settings} > {log:q} 2>&1"


rule report:
    """Write the comparison as one offline page."""
    input:
        scans=layout.scans,
        excluded=layout.excluded,
        account=layout.account,
        splits=layout.splits,
        verdict=f"{layout.evidence}/verdict.json",
        tables=[f"{layout.evidence}/{name}.tsv" for name in EVIDENCE],
    output:
        report=report(layout.report, caption="report.rst", category="Report"),
    log:
        f"{layout.log}/report.log",
    conda:
        "environment.yaml"
    params:
        canonical=layout.canonical,
        evidence=subpath(input.verdict, parent=True),
        predictions=f"{layout.results}/predictions",
        harmonized=layout.harmonized_root,
        title=lambda wildcards: study.title,
        settings=lambda wildcards: wiring.report_flags,
    shell:
        "medinorm report {input.scans:q} {params.canonical:q} {input.excluded:q}"
        " {input.account:q} {input.splits:q} {params.evidence:q}"
        " {params.predictions:q} {output.report:q}"
        " --title {params.title:q} --harmonized {params.harmonized:q}"
        " {params.settings} > {log:q} 2>&1"
