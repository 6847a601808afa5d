# Who trains and who tests. Which jobs follow depends on the table, so it is a checkpoint.
# What it says is shown at once: it tells what the study cannot say, before any training.
checkpoint split:
    """Decide who trains and who tests, before anything is learned."""
    input:
        scans=layout.scans,
        excluded_by_ingest=layout.excluded_by_ingest,
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
        "medinorm split --scans {input.scans:q} --excluded-by-ingest {input.excluded_by_ingest:q}"
        " --splits {output.splits:q} --excluded {output.excluded:q}"
        " {params.settings} 2>&1 | tee {log:q}"
