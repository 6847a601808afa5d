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
    params:
        canonical=layout.canonical,
        harmonized=lambda wildcards: wiring.harmonized_folder(
            wildcards.intensity, wildcards.split
        ),
        runs=subpath(input.trained, parent=True),
        predictions=subpath(output.status, parent=True),
        seeds=lambda wildcards: wiring.seeds(wildcards.batch),
        settings=write_flags(study.predict),
    shell:
        "medinorm predict {input.scans} {params.canonical} {input.splits}"
        " {params.harmonized} {params.runs} {params.predictions} {output.status}"
        " --adapt {wildcards.adapt} --split {wildcards.split}"
        " --seeds {params.seeds} {params.settings} > {log} 2>&1"


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
        settings=f"{write_flags(study.input.task)} {write_flags(study.score)}",
    shell:
        "medinorm score {input.scans} {params.canonical} {input.splits}"
        " {params.predictions} {output.scores} --intensity {wildcards.intensity}"
        " --norm {wildcards.norm} --adapt {wildcards.adapt} --split {wildcards.split}"
        " --seeds {params.seeds} {params.settings} > {log} 2>&1"


rule evidence:
    """Turn scores into gaps, intervals and a ranking, or refuse to rank."""
    input:
        splits=layout.splits,
        scores=lambda wildcards: wiring.scores(
            checkpoints.split.get(**wildcards).output.splits
        ),
    output:
        verdict=f"{layout.evidence}/verdict.json",
    log:
        f"{layout.log}/evidence.log",
    conda:
        "environment.yaml"
    params:
        runs=f"{layout.results}/runs",
        evidence=subpath(output.verdict, parent=True),
        settings=write_flags(study.evidence),
    shell:
        "medinorm evidence {input.splits} {params.runs} {params.evidence}"
        " {input.scores} {params.settings} > {log} 2>&1"


rule report:
    """Write the comparison as one offline page."""
    input:
        scans=layout.scans,
        excluded=layout.excluded,
        splits=layout.splits,
        verdict=f"{layout.evidence}/verdict.json",
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
        title=study.title,
        settings=wiring.report_flags,
    shell:
        "medinorm report {input.scans} {params.canonical} {input.excluded}"
        " {input.splits} {params.evidence} {params.predictions} {output.report}"
        " --title {params.title:q} {params.settings} > {log} 2>&1"
