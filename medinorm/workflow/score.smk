# Scores of the predictions.
rule score:
    """Compare predictions with label maps."""
    input:
        scans=layout.scans,
        splits=layout.splits,
        predicted=layout.predicted,
    output:
        scores=layout.scores,
        beside=multiext(
            layout.scores.removesuffix(".parquet"),
            "_calibration.parquet",
            "_summary.json",
        ),
    log:
        f"{layout.log}/score/{{intensity}}/{{norm}}/{{augmentation}}/{{adapt}}/{{split}}/{{job}}.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("score"),
    params:
        canonical=layout.canonical,
        predictions=subpath(input.predicted, parent=True),
        seeds=lambda wildcards: wiring.seeds(wildcards.job),
        metrics=tuple(METRICS),  # with another one the scores are made again
        settings=lambda wildcards: f"{write_flags(study.input.task)} {write_flags(study.score.measured)}",
    shell:
        "medinorm score --scans {input.scans:q} --canonical {params.canonical:q}"
        " --splits {input.splits:q} --predictions {params.predictions:q}"
        " --scores {output.scores:q} --intensity {wildcards.intensity:q}"
        " --norm {wildcards.norm:q} --augmentation {wildcards.augmentation:q}"
        " --adapt {wildcards.adapt:q}"
        " --split {wildcards.split:q} --seeds {params.seeds}"
        " {params.settings} > {log:q} 2>&1"
