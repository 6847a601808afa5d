"""The deployed model is the one that the verdict names, with what speaks against it."""

from dataclasses import replace

from medinorm.records.evidence import NetworkRow
from medinorm.report.sections.answers.deploy import (
    choose_deployed,
    describe_objections,
    write_deploy,
)
from medinorm.variant import Variant
from tests.report.page import words


def networks(variant, splits, seeds=2):
    return tuple(
        NetworkRow(
            variant=variant,
            design=split.partition("-")[0],
            split=split,
            seed=seed,
            weights=f"runs/{'/'.join(variant[:3])}/{split}/seed-{seed}/model.safetensors",
            checksum=f"{seed:032x}",
            training_scans=9,
            steps=10,
            seconds=1.0,
            threads=1,
            peak_memory_mb=1.0,
            parameters=5,
        )
        for split in splits
        for seed in range(seeds)
    )


def with_networks(inputs, rows, **verdict):
    findings = inputs.findings
    changed = replace(
        findings, networks=rows, verdict=replace(findings.verdict, **verdict)
    )
    return replace(inputs, findings=changed)


def test_the_best_variant_is_named_with_its_pooled_networks(fake_study):
    study = fake_study()
    best = Variant(*study.variants[0])
    rows = networks(best, ("lodo-a", "pooled"))
    inputs = with_networks(study.inputs(), rows)
    text = words(write_deploy.write(inputs))
    assert text.startswith("Deploy zscore + instance . Of these this study cannot say")
    assert "runs/zscore/instance/flip/pooled/seed-1/model.safetensors" in text
    assert f"{1:032x}" in text
    assert "lodo-a" not in text
    assert "95% interval" in text
    assert "On one further scanner like these" in text
    assert "Worst unseen scanner: Hyperfine Swoop 0.064T" in text
    assert "--variant zscore/instance/flip" in text
    assert "--like" not in text


def test_only_what_was_shown_to_be_as_good_may_be_used_as_well(fake_study):
    """Not shown to be worse is not yet as good: a lead of 0.1 may be undecided."""
    inputs = fake_study().inputs()
    findings = inputs.findings
    best = findings.verdict.best[0]
    known = [row for row in findings.differences if best in (row.variant, row.other)]
    good, unknown = (row.other for row in known[:2])
    changed = replace(
        findings,
        verdict=replace(findings.verdict, best=(best, unknown, good)),
        differences=(
            replace(known[0], verdict="equivalent"),
            replace(known[1], verdict="undecided"),
        ),
    )
    text = words(write_deploy.write(replace(inputs, findings=changed)))
    names = findings.names
    assert (
        f"These were as good within 0.01 Dice and may be used as well: {names[good]}. "
        f"Of these this study cannot say whether they are worse: {names[unknown]}."
    ) in text


def test_adapted_variants_use_the_networks_without_adaptation(fake_study):
    adapted = Variant("zscore", "batch", "flip", "batch_statistics")
    rows = networks(adapted._replace(adapt="none"), ("pooled",))
    inputs = with_networks(fake_study().inputs(), rows, best=(adapted,))
    deployed = choose_deployed(inputs.findings)
    assert deployed.networks == list(rows)
    text = words(write_deploy.write(inputs))
    assert "add --like FOLDER --adapt batch_statistics to the second" in text


def test_what_is_not_ranked_is_not_deployed(fake_study):
    text = words(write_deploy.write(fake_study(ranked=False).inputs()))
    assert text.startswith("None yet : there are 2 seeds and 3 are needed.")
    assert "medinorm bundle" not in text


def test_a_domain_that_another_variant_won_is_said(fake_study):
    study = fake_study()
    findings = study.inputs().findings
    best, second = (Variant(*names) for names in study.variants[:2])
    assert not any(
        "higher mean Dice" in said for said in describe_objections(findings, best)
    )
    raised = tuple(
        replace(row, dice=0.99)
        if (row.variant, row.label, row.domain) == (second, "mean", study.scanners[2])
        and not row.in_domain
        else row
        for row in findings.domains
    )
    said = " ".join(describe_objections(replace(findings, domains=raised), best))
    assert "On Siemens Skyra 3T, zscore + group had a higher mean Dice: 0.990" in said


def test_networks_that_are_not_recorded_are_a_note(fake_study):
    text = words(write_deploy.write(fake_study().inputs()))
    assert "The networks of this variant were not recorded" in text


def test_hostile_paths_are_text(fake_study):
    best = Variant("zscore", "instance", "flip", "none")
    rows = networks(best, ("pooled-<script>alert(1)</script>",))
    section = write_deploy.write(with_networks(fake_study().inputs(), rows))
    assert "<script>" not in section
    assert "pooled-&lt;script&gt;" in section
