"""Batch normalization."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from medinorm.layers.declare import norm
from medinorm.layers.statistics.blocks import in_layout_of, is_channels_last
from medinorm.layers.statistics.by_torch import (
    LARGEST_RATIO,
    are_far_off,
    is_far_off,
)
from medinorm.layers.statistics.channel_norm import (
    check_input,
    find_parameters,
    restore_subclass,
    strip_subclass,
)
from medinorm.layers.statistics.moments import Moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import (
    Pool,
    normalize_measured,
    normalize_pooled,
)
from medinorm.layers.statistics.processes import process_count
from medinorm.layers.statistics.recorded import (
    RecordedNorm,
    can_see_values,
    is_ordinary,
    is_traced,
)
from medinorm.layers.statistics.running import remember
from medinorm.layers.statistics.torch_arguments import Device, DType, place_tensors

_PRECISE = (torch.float32, torch.float64)
# With innermost channels torch adds up as many voxels in single precision. The error of
# the mean is a part of it, which is small where the mean is.
_FEW_VOXELS = 4096
_SMALL_RATIO = 4.0


@norm(
    "batch",
    "batch normalization, running statistics at test time",
    monai="medinorm_batch",
)
class BatchNorm3d(_BatchNorm, RecordedNorm):
    r"""Normalize each channel over all voxels of the mini-batch.

    .. math::
        y = \gamma\,\frac{x - \mu_c}{\sqrt{\sigma^2_c + \epsilon}} + \beta, \qquad
        \mu_c = \frac{1}{NV}\sum_{n,v} x_{ncv}, \quad
        \sigma^2_c = \frac{1}{NV}\sum_{n,v} (x_{ncv} - \mu_c)^2

    In evaluation :math:`\mu_c` and :math:`\sigma^2_c` are running statistics. With the
    momentum :math:`m` each batch moves them by
    :math:`r \leftarrow (1 - m)\,r + m\,s`; the :math:`s` of the variance is divided by
    :math:`NV - 1`.

    The same function and the same state dict as `torch.nn.BatchNorm3d`, for 1 to 3
    spatial axes. Tools such as SyncBatchNorm's conversion treat it as torch's batch
    norm. `momentum` is the weight of the *new* statistics. On the CPU torch's code is
    wrong in ``channels_last_3d`` and for large means; there this package's own is used.

    Args:
        num_features: number of channels, :math:`C`.
        eps: added to each variance, in the squared unit of the input.
        momentum: weight of a new batch in the running statistics; None for the
            average over all batches.
        affine: learn a gain and an offset per channel.
        track_running_stats: keep running statistics and use them in `eval` mode.
        device: where its tensors are.
        dtype: floating point type of its tensors.
        bias: False for a gain without an offset.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes
        - output: the same, same dtype and layout

    Raises:
        ValueError: on call, in training: one value per channel.

    Examples:
        >>> import torch
        >>> norm = BatchNorm3d(2)
        >>> _ = norm(torch.rand(4, 2, 3, 3, 3))
        >>> norm.num_batches_tracked
        tensor(1)

    References:
        Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by
        Reducing Internal Covariate Shift", ICML 2015, arXiv:1502.03167.
    """

    # None without `track_running_stats`; torch declares that at each use.
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(  # noqa: PLR0913, PLR0917  (torch's arguments in torch's order)
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Device = None,
        dtype: DType = None,
        *,
        bias: bool = True,
    ) -> None:
        if num_features < 1:
            raise ValueError(f"num_features must be positive, not {num_features}")
        super().__init__(num_features, eps, momentum, affine, track_running_stats)
        if not bias:  # torch knows this argument since version 2.13
            self.register_parameter("bias", None)
        place_tensors(self, {"device": device, "dtype": dtype})

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name for it
        """Normalize `input`."""
        check_input(input, self.num_features)
        values = strip_subclass(input)
        if (
            is_ordinary(values)
            and (by_torch := self._normalize_by_torch(values)) is not None
        ):
            return restore_subclass(by_torch, input)
        # In evaluation processes may see different numbers of scans: none waits then.
        shared = self.training and process_count() > 1
        if not shared and not is_traced() and not input.shape[0]:
            # torch, too, passes an empty batch through; nothing is measured or counted.
            return normalize_pooled(
                input, Pool(self.num_features), self.weight, self.bias, self.eps
            )
        uses_batch = self.training or self.running_mean is None
        pool = Pool(groups=self.num_features, samples=True, processes=shared)
        if uses_batch and not shared:  # one value may be one of many
            pool.check(input)
        at_torch = input.device.type != "cpu" or not can_see_values(input)
        if at_torch and not shared:
            return super().forward(input)
        if not uses_batch:
            mean = self.running_mean[None]
            std = (self.running_var[None] + self.eps).sqrt()
            return normalize(input, mean, std, self.weight, self.bias)
        y, batch = normalize_measured(input, pool, self.weight, self.bias, self.eps)
        self._remember(batch)
        return y

    def _normalize_by_torch(self, x: Tensor) -> Tensor | None:
        """Normalize by torch's code, which is faster, where it is right; else None."""
        weight, bias = find_parameters(self)
        mean, variance = self._buffers["running_mean"], self._buffers["running_var"]
        dtype = x.dtype
        others = {term.dtype for term in (weight, bias, mean) if term is not None}
        # Torch divides by the number of voxels.
        if dtype not in _PRECISE or not others <= {dtype} or not x.numel():
            return None
        if self.training or mean is None or variance is None:
            state = None
            remembers = self.training and self.track_running_stats
            if remembers and mean is not None and variance is not None:
                state = (mean, variance)
            return self._measure_by_torch(x, (weight, bias), state)
        dense = x.is_contiguous() or is_channels_last(x)
        if not dense or are_far_off(mean, variance, self.eps):
            return None
        y, *_ = torch.native_batch_norm(
            x, weight, bias, mean, variance, False, 0.0, self.eps
        )
        return y if y.stride() == x.stride() else in_layout_of(y, x)

    def _measure_by_torch(
        self,
        x: Tensor,
        affine: tuple[Tensor | None, Tensor | None],
        state: tuple[Tensor, Tensor] | None,
    ) -> Tensor | None:
        """Normalize a mini-batch by torch's code, where it is right; else None.

        It is right for contiguous tensors whose means are not large: it folds them into
        the offset. With innermost channels it adds up in single precision, which is
        right for few voxels and small means.

        Args:
            x: ``(N, C, ...)``.
            affine: gain and offset.
            state: running statistics to update, if any.
        """
        voxels = x.numel() // self.num_features
        last = not x.is_contiguous()
        suits = not last or (voxels <= _FEW_VOXELS and is_channels_last(x))
        if not suits or voxels < 2 or (self.training and process_count() > 1):
            return None
        mean, variance = (None, None) if state is None else state
        tracked = None if state is None else self._buffers["num_batches_tracked"]
        before = None if state is None else torch.stack(state)
        share = self.momentum or 0.0
        if self.momentum is None and tracked is not None:
            share = 1 / (float(tracked) + 1)  # an equal weight of all batches
        y, centre, rstd = torch.native_batch_norm(
            x, *affine, mean, variance, True, share, self.eps
        )
        if is_far_off(centre, rstd, _SMALL_RATIO if last else LARGEST_RATIO):
            if state is not None and before is not None:
                for statistic, value in zip(state, before, strict=True):
                    statistic.copy_(value)
            return None
        if tracked is not None:
            tracked.add_(1)
        return in_layout_of(y, x) if last else y

    def _remember(self, batch: Moments) -> None:
        """Update the running statistics, in training and where there are some."""
        if self.training and self.track_running_stats:
            state = (self.running_mean, self.running_var, self.num_batches_tracked)
            remember(state, batch, self.momentum)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002
        """Done in `forward`."""
