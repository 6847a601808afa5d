# The workflow only wires: each rule calls one subcommand of `medinorm`, which is also
# what you call by hand. Settings come as flags, so a changed setting re-runs exactly
# what it concerns.
from medinorm.config import parse_study
from medinorm.flags import write_flags
from medinorm.layout import Layout
from medinorm.wiring import Wiring

# Snakemake merges a --configfile into this one, so that the demo's settings would leak
# into other studies: it is read only when no other is given.
if not workflow.configfiles:

    configfile: "config/config.yaml"


study = parse_study(config)
layout = Layout.of(study)
wiring = Wiring(study, layout)


wildcard_constraints:
    shard=r"\d+",
    batch=r"\d+",
    intensity=r"[a-z_]+",
    norm=r"[a-z_]+",
    adapt=r"[a-z_]+",


localrules:
    all,
    strict,


rule all:
    input:
        layout.report,
        [layout.strict] if study.strict else [],


rule demo:
    """Simulate scanners on real anatomy, as DICOM series with label maps."""
    output:
        labels=layout.demo,
    log:
        f"{layout.log}/demo.log",
    params:
        dicom=layout.demo_dicom,
        settings=write_flags(study.demo),
    shell:
        "medinorm demo {params.dicom} {output.labels} {params.settings} > {log} 2>&1"


rule plan:
    """Find the candidate scans."""
    input:
        wiring.input_tables,
    output:
        plan=layout.plan,
    log:
        f"{layout.log}/plan.log",
    params:
        private=layout.private,
        settings=wiring.input_flags,
    shell:
        "medinorm plan {output.plan} --private {params.private}"
        " {params.settings} > {log} 2>&1"


rule convert:
    """Check and de-identify one shard of the candidates."""
    input:
        plan=layout.plan,
    output:
        status=layout.converted,
    log:
        f"{layout.log}/convert/{{shard}}.log",
    params:
        canonical=layout.canonical,
        private=layout.private,
        shards=study.shards,
        settings=wiring.input_flags,
    shell:
        "medinorm convert {input.plan} {params.canonical} {output.status}"
        " --private {params.private} --shard {wildcards.shard}"
        " --shards {params.shards} {params.settings} > {log} 2>&1"


rule collect:
    """Account for every candidate."""
    input:
        plan=layout.plan,
        statuses=wiring.converted,
    output:
        scans=layout.scans,
        excluded=layout.found_unusable,
    log:
        f"{layout.log}/collect.log",
    shell:
        "medinorm collect {input.plan} {output.scans} {output.excluded}"
        " {input.statuses} > {log} 2>&1"


checkpoint split:
    """Decide who trains and who tests, before anything is learned."""
    input:
        scans=layout.scans,
        found=layout.found_unusable,
    output:
        splits=layout.splits,
        excluded=layout.excluded,
    log:
        f"{layout.log}/split.log",
    params:
        settings=write_flags(study.split),
    shell:
        "medinorm split {input.scans} {input.found} {output.splits} {output.excluded}"
        " {params.settings} > {log} 2>&1"


rule fit:
    """Fit an intensity map on the training scans of one split."""
    input:
        scans=layout.scans,
        splits=layout.splits,
    output:
        fitted=layout.intensity_map,
    log:
        f"{layout.log}/fit/{{intensity}}/{{split}}.log",
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


rule train:
    """Train the networks of some seeds."""
    input:
        splits=layout.splits,
        harmonized=lambda wildcards: wiring.harmonized(
            wildcards.intensity, wildcards.split
        ),
    output:
        status=layout.trained,
    log:
        f"{layout.log}/train/{{intensity}}/{{norm}}/{{split}}/{{batch}}.log",
    threads: study.train.threads
    params:
        harmonized=lambda wildcards: wiring.harmonized_folder(
            wildcards.intensity, wildcards.split
        ),
        runs=layout.runs,
        options=lambda wildcards: wiring.norm_options(wildcards.norm),
        seeds=lambda wildcards: wiring.seeds(wildcards.batch),
        settings=f"{write_flags(study.input.task)} {write_flags(study.train)}",
    shell:
        "medinorm train {input.splits} {params.harmonized} {params.runs}"
        " {output.status} --intensity {wildcards.intensity} --norm {wildcards.norm}"
        " --norm-options '{params.options}' --split {wildcards.split}"
        " --seeds {params.seeds} {params.settings} > {log} 2>&1"


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
    params:
        canonical=layout.canonical,
        harmonized=lambda wildcards: wiring.harmonized_folder(
            wildcards.intensity, wildcards.split
        ),
        runs=layout.runs,
        predictions=layout.predictions,
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
    params:
        canonical=layout.canonical,
        predictions=layout.predictions,
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
    params:
        runs=f"{layout.results}/runs",
        evidence=layout.evidence,
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
        report=report(layout.report, caption="config/report.rst", category="Report"),
    log:
        f"{layout.log}/report.log",
    params:
        canonical=layout.canonical,
        evidence=layout.evidence,
        predictions=f"{layout.results}/predictions",
        title=study.title,
        settings=f"{write_flags(study.input.task)} {write_flags(study.report)}",
    shell:
        "medinorm report {input.scans} {params.canonical} {input.excluded}"
        " {input.splits} {params.evidence} {params.predictions} {output.report}"
        " --title {params.title:q} {params.settings} > {log} 2>&1"


rule strict:
    """Fail if any scan was excluded (`strict: true`)."""
    input:
        excluded=layout.excluded,
        report=layout.report,
    output:
        touch(layout.strict),
    shell:
        "medinorm strict {input.excluded}"
