# Networks that differ in their normalization layers only.
rule choose_rate:
    """Choose the learning rate of one variant and split."""
    input:
        splits=lambda wildcards: wiring.splits_of(wildcards.split),
        harmonized=lambda wildcards: wiring.harmonized(
            wildcards.intensity, wildcards.split
        ),
        plan=wiring.plan,
    output:
        learning_rates=layout.learning_rates,
    log:
        f"{layout.log}/choose-rate/{{intensity}}/{{norm}}/{{augmentation}}/{{split}}.log",
    conda:
        "environment.yaml"
    threads: wiring.training.threads
    resources:
        **wiring.training.resources,
        **wiring.training.needs("choose_rate"),
    params:
        harmonized=lambda wildcards: wiring.harmonized_folder(
            wildcards.intensity, wildcards.split
        ),
        runs=subpath(output.learning_rates, parent=True),
        norm_options=lambda wildcards: wiring.norm_options(wildcards.norm),
        seed=study.experiments.seeds[0],
        settings=lambda wildcards: wiring.train_flags,
        launch=wiring.training.launch,
    shell:
        "{params.launch}medinorm choose-rate --splits {input.splits:q}"
        " --harmonized {params.harmonized:q} --runs {params.runs:q}"
        " --learning-rates {output.learning_rates:q}"
        " --intensity {wildcards.intensity:q} --norm {wildcards.norm:q}"
        " --augmentation {wildcards.augmentation:q}"
        " --norm-options {params.norm_options:q} --split {wildcards.split:q}"
        " --seed {params.seed} {params.settings} > {log:q} 2>&1"


rule train:
    """Train the networks of some seeds."""
    input:
        splits=lambda wildcards: wiring.splits_of(wildcards.split),
        harmonized=lambda wildcards: wiring.harmonized(
            wildcards.intensity, wildcards.split
        ),
        plan=wiring.plan,
        rates=wiring.rates,
    output:
        status=layout.trained,
    log:
        f"{layout.log}/train/{{intensity}}/{{norm}}/{{augmentation}}/{{split}}/{{job}}.log",
    conda:
        "environment.yaml"
    threads: wiring.training.threads
    resources:
        **wiring.training.resources,
        **wiring.training.needs("train"),
    params:
        harmonized=lambda wildcards: wiring.harmonized_folder(
            wildcards.intensity, wildcards.split
        ),
        runs=subpath(output.status, parent=True),
        norm_options=lambda wildcards: wiring.norm_options(wildcards.norm),
        seeds=lambda wildcards: wiring.seeds(wildcards.job),
        settings=lambda wildcards: wiring.train_flags,
        launch=wiring.training.launch,
        rates=lambda wildcards, input: write_rate_flags(input.rates),
    shell:
        "{params.launch}medinorm train --splits {input.splits:q} --harmonized {params.harmonized:q}"
        " --runs {params.runs:q} --status {output.status:q}"
        " --intensity {wildcards.intensity:q} --norm {wildcards.norm:q}"
        " --augmentation {wildcards.augmentation:q}"
        " --norm-options {params.norm_options:q} --split {wildcards.split:q}"
        " --seeds {params.seeds} {params.settings} {params.rates} > {log:q} 2>&1"
