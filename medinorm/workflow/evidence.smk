# What the scores of all variants show. Which networks are trained on all scans depends
# on the verdict, so it is a checkpoint.
checkpoint evidence:
    """Turn scores into gaps, intervals and a ranking, or refuse to rank."""
    input:
        splits=layout.splits,
        scores=lambda wildcards: wiring.scores(
            checkpoints.split.get(**wildcards).output.splits
        ),
        rates=lambda wildcards: wiring.searches(
            checkpoints.split.get(**wildcards).output.splits
        ),
        mechanism=lambda wildcards: wiring.mechanism(
            checkpoints.split.get(**wildcards).output.splits
        ),
        predicted=lambda wildcards: wiring.predicted(
            checkpoints.split.get(**wildcards).output.splits, design=""
        ),
    output:
        verdict=layout.verdict,
        tables=layout.evidence_tables,
    log:
        f"{layout.log}/evidence.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("evidence"),
    params:
        runs=layout.runs_root,
        metrics=tuple(METRICS),  # with another one the scores are made again
        evidence=subpath(output.verdict, parent=True),
        domain=lambda wildcards: study.split.domain,
        settings=lambda wildcards: f"{write_flags(study.evidence)} --failure {study.score.failure}",
        rates=lambda wildcards, input: write_rate_flags(input.rates),
    shell:
        "medinorm evidence --splits {input.splits:q} --runs {params.runs:q}"
        " --evidence {params.evidence:q} --scores {input.scores:q}"
        " --predicted {input.predicted:q}"
        " --domain {params.domain:q} {params.settings} {params.rates} > {log:q} 2>&1"


rule expect:
    """Learn which Dice to expect of scans without labels, from networks that left a domain out."""
    input:
        scans=layout.scans,
        splits=layout.splits,
        predicted=lambda wildcards: wiring.predicted(
            checkpoints.split.get(**wildcards).output.splits
        ),
    output:
        models=layout.expected[-1],
        tables=layout.expected[:-1],
    log:
        f"{layout.log}/expect.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("expect"),
    params:
        canonical=layout.canonical,
        evidence=subpath(output.models, parent=True),
        settings=lambda wildcards: write_flags(study.input.task),
    shell:
        "medinorm expect --scans {input.scans:q} --canonical {params.canonical:q}"
        " --splits {input.splits:q} --evidence {params.evidence:q}"
        " --predicted {input.predicted:q} {params.settings} > {log:q} 2>&1"


# Written when the comparison is made. Software that changes makes it again; whatever
# the change makes out of date is known from the records beside each output.
rule environment:
    """Record software, machine and configuration."""
    input:
        verdict=layout.verdict,
    output:
        environment=layout.environment,
    log:
        f"{layout.log}/environment.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("environment"),
    params:
        software=read_versions(),
        settings=lambda wildcards: wiring.environment_flags,
    shell:
        "medinorm environment --environment {output.environment:q}"
        " {params.settings} > {log:q} 2>&1"
