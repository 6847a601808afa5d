"""Optimizers and schedules of the learning rate, by their names in the recipe."""

from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LRScheduler,
    OneCycleLR,
    PolynomialLR,
)

from medinorm.config import TrainConfig

_MOMENTUM = 0.99  # these two are nnU-Net's
_POWER = 0.9


def make_optimizer(
    parameters: Iterable[nn.Parameter], settings: TrainConfig
) -> Optimizer:
    """The optimizer of a run; fused, which is a third of its time.

    Examples:
        >>> weights = nn.Linear(2, 1).parameters()
        >>> type(make_optimizer(weights, TrainConfig(optimizer="sgd"))).__name__
        'SGD'
    """
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "sgd":
        return SGD(
            parameters,
            lr=rate,
            momentum=_MOMENTUM,
            nesterov=True,
            weight_decay=decay,
            fused=True,
        )
    return AdamW(parameters, lr=rate, weight_decay=decay, fused=True)


def make_schedule(optimizer: Optimizer, settings: TrainConfig) -> LRScheduler:
    """The learning rate over all steps of a run."""
    steps = settings.steps
    match settings.schedule:
        case "one_cycle":
            peak = settings.learning_rate
            return OneCycleLR(optimizer, max_lr=peak, total_steps=steps + 1)
        case "polynomial":
            return PolynomialLR(optimizer, total_iters=steps, power=_POWER)
        case "cosine":
            return CosineAnnealingLR(optimizer, T_max=steps)
