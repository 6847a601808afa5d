"""The last step of all norms: centre, scale, shift, and optionally activate."""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medinorm.layers.statistics.blocks import (
    apply_affine,
    reduce_gradient,
    split_mean,
    values_dtype,
)
from medinorm.layers.statistics.channel_norm import (
    restore_subclass,
    strip_subclass,
)
from medinorm.layers.statistics.moments import differentiate
from medinorm.layers.statistics.recorded import can_see_values

Activation = Literal["relu", "leaky_relu"]
ActivationChoice = Activation | nn.Module | type[nn.Module] | None
SLOPE = 0.01


def normalize(
    x: Tensor,
    mean: Tensor,
    std: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    activation: Activation | None = None,
) -> Tensor:
    r"""Map `x` so that `mean` and `std` become `bias` and `weight`.

    .. math:: y = \phi\Bigl((x - \mu) \frac{\gamma}{\sigma} + \beta\Bigr)

    The mean is subtracted first. Folding it into the offset would save an operation
    and lose all digits when :math:`|\mu| \gg \sigma`.

    Args:
        x: ``(N, C, ...)``.
        mean: ``(N, C)`` or ``(1, C)``.
        std: positive, the same shape.
        weight: ``(C,)`` or ``(N, C)``, 1 if not given.
        bias: ``(C,)`` or ``(N, C)``, 0 if not given.
        activation: applied in place to the result.

    Returns:
        A tensor with the shape, dtype, layout and subclass of `x`.

    Examples:
        >>> x = torch.tensor([[[1.0, 2.0, 3.0]]])
        >>> normalize(x, torch.tensor([[2.0]]), torch.tensor([[0.5]]))
        tensor([[[-2.,  0.,  2.]]])
    """
    scale = 1 / std if weight is None else weight / std
    offset = torch.zeros_like(mean) if bias is None else bias
    terms = (term.to(mean.dtype).expand(x.shape[:2]) for term in (mean, scale, offset))
    if x.device.type == "cpu" and can_see_values(x):
        y = _BlockedAffine.apply(strip_subclass(x), *terms)  # type: ignore[no-untyped-call]
    else:
        y = apply_recordable(strip_subclass(x), *terms)
    return restore_subclass(activate(y, activation), x)


def apply_recordable(x: Tensor, mean: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """``(x - mean) * scale + bias`` by ordinary torch operations."""
    dtype = values_dtype(x)
    centre, rest = split_mean(mean, dtype)
    after = (...,) + (None,) * (x.dim() - 2)
    terms = (centre, scale, bias - rest * scale)
    centre, scale, bias = (term.to(dtype)[after] for term in terms)
    return ((x - centre) * scale + bias).to(x.dtype)


def read_activation(choice: ActivationChoice) -> tuple[Activation | None, float]:
    """The name of an activation, and its slope below zero.

    Args:
        choice: its name, or torch's module or class.

    Raises:
        ValueError: it is none of those that a norm can apply.

    Examples:
        >>> read_activation("relu"), read_activation(nn.LeakyReLU(0.2))
        (('relu', 0.01), ('leaky_relu', 0.2))
    """
    if choice in {None, "relu", "leaky_relu"}:
        return choice, SLOPE
    kind = choice if isinstance(choice, type) else type(choice)
    if kind is nn.ReLU:
        return "relu", SLOPE
    if kind is nn.LeakyReLU:
        return "leaky_relu", float(getattr(choice, "negative_slope", SLOPE))
    word = choice if isinstance(choice, str) else kind.__name__
    raise ValueError(
        f"activation must be relu or leaky_relu, by name or as torch's module, not "
        f"{word}: put others behind the norm"
    )


def activate(x: Tensor, activation: Activation | None, slope: float = SLOPE) -> Tensor:
    """Apply an activation in place; `slope` is that of a leaky one.

    Raises:
        ValueError: the activation is not known.

    Examples:
        >>> activate(torch.tensor([-1.0, 1.0]), "leaky_relu")
        tensor([-0.0100,  1.0000])
    """
    if activation is None:
        return x
    if activation == "relu":
        return F.relu_(x)
    if activation == "leaky_relu":
        return F.leaky_relu_(x, slope)
    raise ValueError(f"activation must be relu or leaky_relu, not {activation}")


class _BlockedAffine(torch.autograd.Function):
    """``(x - mean) * scale + bias`` on the CPU, with its gradients."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mean: Tensor, scale: Tensor, bias: Tensor
    ) -> Tensor:
        ctx.save_for_backward(x, mean, scale, bias)
        return apply_affine(x, mean, scale, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, scale, bias = ctx.saved_tensors
        if torch.is_grad_enabled():  # of a gradient that is part of a loss
            return differentiate(apply_recordable, (x, mean, scale, bias), (gradient,))
        total, moment = reduce_gradient(gradient, x, mean)
        of_x = gradient * scale.to(x.dtype)[(...,) + (None,) * (x.dim() - 2)]
        return of_x, -scale * total, moment, total
