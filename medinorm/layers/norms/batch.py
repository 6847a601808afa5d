"""Batch normalization."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from medinorm.layers.declare import norm
from medinorm.layers.statistics.blocks import in_layout_of
from medinorm.layers.statistics.channel_norm import (
    check_input,
    restore_subclass,
    strip_subclass,
)
from medinorm.layers.statistics.moments import Moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import (
    LARGEST_RATIO,
    Pool,
    is_small,
    normalize_measured,
    normalize_pooled,
)
from medinorm.layers.statistics.processes import process_count
from medinorm.layers.statistics.recorded import RecordedNorm, can_see_values, is_traced
from medinorm.layers.statistics.running import remember
from medinorm.layers.statistics.torch_arguments import Device, DType, place_tensors

_PRECISE = (torch.float32, torch.float64)


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
        if (by_torch := self._normalize_by_torch(input, pool, uses_batch)) is not None:
            return by_torch
        if not uses_batch:
            mean = self.running_mean[None]
            std = (self.running_var[None] + self.eps).sqrt()
            return normalize(input, mean, std, self.weight, self.bias)
        y, batch = normalize_measured(input, pool, self.weight, self.bias, self.eps)
        self._remember(batch)
        return y

    def _normalize_by_torch(
        self, x: Tensor, pool: Pool, uses_batch: bool
    ) -> Tensor | None:
        """Normalize by torch's code, which is faster, where it is right; else None.

        It is right for contiguous tensors whose means are not large: it folds them into
        the offset. Small ones are turned to that layout and back.
        """
        affine = self.weight is None or self.weight.dtype == x.dtype
        suits = (x.is_contiguous() or is_small(x)) and x.dtype in _PRECISE and affine
        if pool.processes or not suits:
            return None
        values = strip_subclass(x).contiguous()
        if uses_batch:
            # With a momentum of 1 these become the mean and the unbiased variance.
            mean, variance = torch.zeros(2, self.num_features, dtype=x.dtype)
        else:
            mean, variance = self.running_mean, self.running_var
            if variance.dtype != x.dtype or self._is_far_off(mean, variance):
                return None
        y = F.batch_norm(
            values, mean, variance, self.weight, self.bias, uses_batch, 1.0, self.eps
        )
        if uses_batch:
            if self._is_far_off(mean, variance):
                return None
            count = variance.new_tensor(x.numel() / self.num_features)
            m2 = variance[None] * (count - 1)
            self._remember(Moments(count, mean[None], m2))
        return restore_subclass(in_layout_of(y, x), x)

    def _is_far_off(self, mean: Tensor, variance: Tensor) -> bool:
        """Whether a mean is so large that folding it into the offset costs digits."""
        return not bool(
            (mean.abs() <= LARGEST_RATIO * (variance + self.eps).sqrt()).all()
        )

    def _remember(self, batch: Moments) -> None:
        """Update the running statistics, in training and where there are some."""
        if self.training and self.track_running_stats:
            state = (self.running_mean, self.running_var, self.num_batches_tracked)
            remember(state, batch, self.momentum)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002
        """Done in `forward`."""
