# One voxel grid and one intensity scale. Flags hold what a method uses and nothing else,
# so that a changed setting re-runs the jobs of the methods that use it.
rule fit:
    """Fit an intensity map on the training scans of one split."""
    input:
        scans=layout.scans,
        splits=lambda wildcards: wiring.splits_of(wildcards.split),
        plan=wiring.plan_of_grid,
    output:
        fitted=layout.intensity_map,
    log:
        f"{layout.log}/fit/{{intensity}}/{{split}}.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("fit"),
    params:
        canonical=layout.canonical,
        settings=lambda wildcards: wiring.fit_flags(wildcards.intensity),
    shell:
        "medinorm fit --scans {input.scans:q} --canonical {params.canonical:q}"
        " --splits {input.splits:q} --fitted {output.fitted:q}"
        " --intensity {wildcards.intensity:q} --split {wildcards.split:q}"
        " {params.settings} > {log:q} 2>&1"


rule harmonize:
    """Bring one shard of the scans to one voxel grid and one intensity scale."""
    input:
        scans=layout.scans,
        fitted=lambda wildcards: wiring.fitted(wildcards.intensity, wildcards.map),
        plan=wiring.plan_of_grid,
    output:
        status=layout.harmonized_status,
    log:
        f"{layout.log}/harmonize/{{intensity}}/{{map}}/{{shard}}.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("harmonize"),
    params:
        canonical=layout.canonical,
        harmonized=layout.harmonized,
        shards=study.shards,
        settings=lambda wildcards: wiring.harmonize_flags(
            wildcards.intensity, wildcards.map
        ),
    shell:
        "medinorm harmonize --scans {input.scans:q} --canonical {params.canonical:q}"
        " --harmonized {params.harmonized:q} --status {output.status:q}"
        " --intensity {wildcards.intensity:q} --shard {wildcards.shard:q} --shards {params.shards:q}"
        " {params.settings} > {log:q} 2>&1"
