# Trained networks on scans that they have never seen.
rule predict:
    """Segment the test scans with the networks of some seeds."""
    input:
        scans=layout.scans,
        splits=layout.splits,
        harmonized=lambda wildcards: wiring.harmonized(
            wildcards.intensity, wildcards.split
        ),
        trained=layout.trained,
    output:
        status=layout.predicted,
        mechanism=mechanism_paths(layout.predicted),
    log:
        f"{layout.log}/predict/{{intensity}}/{{norm}}/{{augmentation}}/{{adapt}}/{{split}}/{{job}}.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("predict"),
        gpu=int(study.train.device == "cuda"),
    params:
        canonical=layout.canonical,
        harmonized=lambda wildcards: wiring.harmonized_folder(
            wildcards.intensity, wildcards.split
        ),
        runs=subpath(input.trained, parent=True),
        predictions=subpath(output.status, parent=True),
        seeds=lambda wildcards: wiring.seeds(wildcards.job),
        settings=lambda wildcards: write_flags(study.predict),
    shell:
        "medinorm predict --scans {input.scans:q} --canonical {params.canonical:q}"
        " --splits {input.splits:q} --harmonized {params.harmonized:q}"
        " --runs {params.runs:q} --predictions {params.predictions:q}"
        " --status {output.status:q} --adapt {wildcards.adapt:q}"
        " --split {wildcards.split:q} --seeds {params.seeds}"
        " {params.settings} > {log:q} 2>&1"
