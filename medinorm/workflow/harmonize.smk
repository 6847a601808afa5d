# One voxel grid and one intensity scale.
rule fit:
    """Fit an intensity map on the training scans of one split."""
    input:
        scans=layout.scans,
        splits=layout.splits,
    output:
        fitted=layout.intensity_map,
    log:
        f"{layout.log}/fit/{{intensity}}/{{split}}.log",
    conda:
        "environment.yaml"
    params:
        canonical=layout.canonical,
        settings=write_flags(study.harmonize),
    shell:
        "medinorm fit {input.scans} {params.canonical} {input.splits} {output.fitted}"
        " --intensity {wildcards.intensity} --split {wildcards.split}"
        " {params.settings} > {log} 2>&1"


rule harmonize:
    """Bring one shard of the scans to one voxel grid and one intensity scale."""
    input:
        scans=layout.scans,
        fitted=lambda wildcards: wiring.fitted(wildcards.intensity, wildcards.map),
    output:
        status=layout.harmonized_status,
    log:
        f"{layout.log}/harmonize/{{intensity}}/{{map}}/{{shard}}.log",
    conda:
        "environment.yaml"
    params:
        canonical=layout.canonical,
        harmonized=layout.harmonized,
        fitted=lambda wildcards, input: (
            f"--fitted {input.fitted}" if input.fitted else ""
        ),
        shards=study.shards,
        settings=write_flags(study.harmonize),
    shell:
        "medinorm harmonize {input.scans} {params.canonical} {params.harmonized}"
        " {output.status} --intensity {wildcards.intensity} {params.fitted}"
        " --shard {wildcards.shard} --shards {params.shards}"
        " {params.settings} > {log} 2>&1"
