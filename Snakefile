# The workflow is part of the package: `medinorm/workflow/`. What is made by default must
# be said here: Snakemake ignores the first rule of an included file.
include: "medinorm/workflow/study.smk"


rule all:
    input:
        layout.qc,
        lambda wildcards: wiring.results(
            checkpoints.split.get(**wildcards).output.splits
        ),
        lambda wildcards: wiring.final(
            checkpoints.split.get(**wildcards).output.splits,
            lambda: checkpoints.evidence.get(**wildcards).output.verdict,
        ),
