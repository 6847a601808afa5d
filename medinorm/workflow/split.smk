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
    resources:
        **ask_for("split"),
    params:
        settings=lambda wildcards: wiring.split_flags,
    shell:
        "medinorm split --scans {input.scans:q} --excluded-by-ingest {input.excluded_by_ingest:q}"
        " --splits {output.splits:q} --excluded {output.excluded:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule final_split:
    """Let all scans train, for networks that are given away and never tested."""
    input:
        splits=layout.splits,
    output:
        final=layout.final_split,
    log:
        f"{layout.log}/final_split.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("final_split"),
    params:
        settings=lambda wildcards: wiring.split_flags,
    shell:
        "medinorm final-split --splits {input.splits:q} --final {output.final:q}"
        " {params.settings} > {log:q} 2>&1"


# What the scans that train, and the budget, say about the numbers left to `auto`.
rule training_plan:
    """Plan spacing, patch, network and steps: one plan for all variants."""
    input:
        scans=layout.scans,
        splits=layout.splits,
    output:
        training_plan=layout.training_plan,
    log:
        f"{layout.log}/training_plan.log",
    conda:
        "environment.yaml"
    resources:
        **ask_for("training_plan"),
    params:
        canonical=layout.canonical,
        settings=lambda wildcards: wiring.plan_flags,
    shell:
        "medinorm training-plan --scans {input.scans:q} --canonical {params.canonical:q}"
        " --splits {input.splits:q} --training-plan {output.training_plan:q}"
        " {params.settings} > {log:q} 2>&1"
