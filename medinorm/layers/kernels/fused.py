"""Instance norm, affine map and activation in one, with gradients."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from medinorm.layers.kernels import launch
from medinorm.layers.statistics.blocks import in_layout_of

Activation = Literal["relu", "leaky_relu"]
Form = tuple[torch.Size, torch.dtype]


def fused_instance_norm(
    x: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    activation: Activation | None = None,
    slope: float = 0.01,
) -> Tensor:
    r"""Normalize each channel of each sample over its voxels, then activate.

    .. math:: y = \phi\Bigl(\gamma\,\frac{x - \mu_{nc}}{\sqrt{\sigma^2_{nc} + \epsilon}}
              + \beta\Bigr)

    `x` is read twice and written once; its gradient takes two passes over `x` and the
    gradient of the result, and the activation stores nothing. Call it only where
    `available` is true.

    Args:
        x: ``(N, C, ...)``, any layout; contiguous and channels-last need no copy.
        weight: gain, ``(C,)`` or ``(N, C)``, 1 if not given.
        bias: offset, the same shape, 0 if not given.
        eps: added to each variance, in the squared unit of the input.
        activation: applied to the result.
        slope: factor of negative values in ``leaky_relu``.

    Returns:
        A tensor with the shape, dtype and layout of `x`; 0 in a channel of one voxel,
        NaN in one that holds a NaN.

    Raises:
        ValueError: the activation is not known, or `weight` or `bias` does not fit.
    """
    negative = _slope(activation, slope)
    y: Tensor = _FusedInstanceNorm.apply(  # type: ignore[no-untyped-call]
        x, weight, bias, eps, negative
    )
    return y


def _slope(activation: Activation | None, slope: float) -> float | None:
    """The factor of negative values, None for no activation.

    Examples:
        >>> _slope("relu", 0.01), _slope(None, 0.01)
        (0.0, None)
    """
    slopes = {None: None, "relu": 0.0, "leaky_relu": slope}
    if activation not in slopes:
        raise ValueError(f"activation must be relu or leaky_relu, not {activation}")
    return slopes[activation]


class _FusedInstanceNorm(torch.autograd.Function):
    """Normalize, scale, shift and activate, and the gradients of all four."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        eps: float,
        slope: float | None,
    ) -> Tensor:
        x = launch.in_known_layout(x)
        terms = launch.measure_terms(x, weight, bias, eps)
        ctx.eps, ctx.slope = eps, slope
        ctx.forms = _form(weight), _form(bias)
        ctx.save_for_backward(x, terms)
        return launch.apply_terms(x, terms, slope)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, terms = ctx.saved_tensors
        gradient = in_layout_of(gradient, x)
        parts = launch.reduce_gradient_chunks(x, gradient, terms, ctx.slope)
        factors = launch.merge_gradients(x, parts, terms, ctx.eps)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = launch.combine_terms(x, gradient, terms, factors, ctx.slope)
        of_bias, of_weight = factors[2:]
        weight, bias = ctx.forms
        return of_x, _gather(of_weight, weight), _gather(of_bias, bias), None, None


def _form(parameter: Tensor | None) -> Form | None:
    """Shape and dtype of a parameter, for its gradient."""
    return None if parameter is None else (parameter.shape, parameter.dtype)


def _gather(rows: Tensor, form: Form | None) -> Tensor | None:
    """Gradient of a parameter of shape ``(C,)`` or ``(N, C)`` from that of each row."""
    return None if form is None else rows.sum_to_size(form[0]).to(form[1])
