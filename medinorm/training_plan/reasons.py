"""Why each number of a plan is what it is: one sentence each."""

from dataclasses import replace

from medinorm.config import AutoTrainConfig
from medinorm.config.numbers import AUTO
from medinorm.records.training_plan import PlanFacts, TrainingPlan

_OWN = "set in the configuration."


def give_reasons(
    plan: TrainingPlan, train: AutoTrainConfig, spacing: str | None
) -> TrainingPlan:
    """The plan with its reasons.

    Args:
        plan: the numbers.
        train: the settings; numbers in them need no other reason.
        spacing: why the spacing was chosen; none if the configuration sets it.
    """
    planned = {
        "patch": _why_patch(plan),
        "batch_size": _why_batch(plan),
        "steps": _why_steps(plan),
        "foreground_ratio": _why_ratio(plan),
    }
    network = {
        "channels": _why_channels(plan),
        "strides": _why_strides(plan),
        "kernels": _why_kernels(plan),
    }
    reasons = {"spacing": _sentence(spacing or _OWN)}
    for section, sentences in ((train, planned), (train.network, network)):
        for name, sentence in sentences.items():
            chosen = getattr(section, name)
            reasons[name] = _sentence(sentence if chosen == AUTO else _OWN)
    return replace(plan, reasons=reasons)


def _sentence(text: str) -> str:
    """A text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def _why_patch(plan: TrainingPlan) -> str:
    least = _times(plan.facts.least_extent)
    return (
        f"in the shallowest domain along each axis 90 % of the scans have at least "
        f"{least} voxels: a patch is no larger, a multiple of what the strides "
        "divide, and small enough for the budget."
    )


def _why_batch(plan: TrainingPlan) -> str:
    if plan.batch_size == plan.facts.processes > 2:
        return "a patch for each device; more would cost steps."
    if plan.batch_size == 2:
        return "two is the fewest for stable statistics; more would cost steps."
    return (
        "larger mini-batches fit into the budget without fewer than 20,000 steps, and "
        "one shows at most 5 % of all voxels."
    )


def _why_channels(plan: TrainingPlan) -> str:
    facts, minutes = plan.facts, plan.steps * plan.facts.seconds_per_step / 60
    if minutes > facts.minutes or facts.memory_used > facts.memory:
        return (
            f"{plan.levels} levels; no training fits the budget: this one takes about "
            f"{minutes:.3g} minutes and {facts.memory_used:g} GiB, the budget is "
            f"{facts.minutes:g} minutes and {facts.memory:g} GiB."
        )
    return (
        f"{plan.levels} levels, as many as the patch can be halved; the widest first "
        f"level whose {plan.steps:,} steps fit into {plan.facts.minutes:g} minutes and "
        f"{plan.facts.memory:g} GiB."
    )


def _why_strides(plan: TrainingPlan) -> str:
    by_axis = list(zip(*plan.strides, strict=True))
    spared = [
        letter
        for letter, along in zip("RAS", by_axis, strict=True)
        if along.count(1) > min(one.count(1) for one in by_axis)
    ]
    if not spared:
        return "all axes are halved together: their spacings are alike."
    return (
        f"{' and '.join(spared)} is pooled less often: the voxels there are thicker, "
        "or there are too few of them."
    )


def _why_kernels(plan: TrainingPlan) -> str:
    if all(width > 1 for level in plan.kernels for width in level):
        return "three voxels along each axis: their spacings are alike."
    return "one voxel along an axis whose spacing is twice that of the finest axis."


def _why_steps(plan: TrainingPlan) -> str:
    facts = plan.facts
    return (
        f"what {facts.minutes:g} minutes allow at about {facts.seconds_per_step:.2g} s "
        f"a step ({_place(facts)}), a fifth kept for start-up."
    )


def _place(facts: PlanFacts) -> str:
    """Where a network trains, in words."""
    if facts.where == "card":
        cards = facts.processes
        return "on a graphics card" if cards == 1 else f"on {cards} graphics cards"
    threads = f"{facts.threads} thread{'s' if facts.threads > 1 else ''}"
    if facts.processes > 1:
        return f"on CPUs, {facts.processes} processes of {threads}"
    return f"on a CPU, {threads}"


def _why_ratio(plan: TrainingPlan) -> str:
    if plan.foreground_ratio == 0:
        return "a patch shows nearly the whole scan, and so its foreground."
    return "a third of the patches is sure to hold foreground, the others lie anywhere."


def _times(sizes: tuple[int, ...]) -> str:
    """Sizes as a reader writes them."""
    return " x ".join(map(str, sizes))
