"""Dice and cross-entropy, over the voxels whose class is known."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from medinorm.layers.statistics.processes import add_over_processes, process_count
from medinorm.train.dataset import IGNORED

_SMOOTH = 1e-5  # MONAI's, added to numerator and denominator of each Dice


class SegmentationLoss(nn.Module):
    """The sum of Dice loss and cross-entropy; ignored voxels count in neither.

    Dice is that of MONAI's `DiceCELoss`: soft, one for each scan and class, background
    included.

    Shape:
        - logits: ``(N, classes, X, Y, Z)``
        - label: ``(N, 1, X, Y, Z)``, class indices and `IGNORED`
        - output: a scalar
    """

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """The loss of a mini-batch."""
        loss: Tensor = _DiceAndEntropy.apply(logits, label)  # type: ignore[no-untyped-call]
        return loss


def weigh_outputs(
    loss: nn.Module, outputs: Tensor | Sequence[Tensor], label: Tensor
) -> Tensor:
    """The loss of a network's output, or the weighted mean of those at all resolutions.

    Each output counts half as much as the one above it.

    Args:
        loss: takes logits and a label map of the same size.
        outputs: logits, or several, the largest first.
        label: shape ``(N, 1, X, Y, Z)``; for smaller logits every other voxel of it, or
            fewer.
    """
    if isinstance(outputs, Tensor):
        single: Tensor = loss(outputs.float(), label)
        return single
    weights = [0.5**level for level in range(len(outputs))]
    losses = [
        weight * loss(logits.float(), _thin(label, logits.shape[2:]))
        for weight, logits in zip(weights, outputs, strict=True)
    ]
    return torch.stack(losses).sum() / sum(weights)


def _thin(label: Tensor, size: Sequence[int]) -> Tensor:
    """A label map with as many voxels along each axis as asked for."""
    for axis, want in enumerate(size, start=2):
        have = label.shape[axis]
        middles = (torch.arange(want, device=label.device) + 0.5) * (have / want)
        label = label.index_select(axis, middles.long())
    return label


class _DiceAndEntropy(torch.autograd.Function):
    """Both terms from one softmax, with the gradient written out.

    Autograd would take twice the time: on one thread the loss is a tenth of a step.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, label: Tensor) -> Tensor:
        classes = label.to(torch.uint8)  # an eighth of the memory to read
        target = torch.empty_like(logits)
        for index in range(logits.shape[1]):
            torch.eq(classes[:, 0], index, out=target[:, index])
        known = classes != IGNORED
        shares = logits - logits.amax(dim=1, keepdim=True)
        entropy = -torch.dot(shares.flatten(), target.flatten())
        shares.exp_()
        total = shares.sum(dim=1, keepdim=True)
        shares /= total
        whole = bool(known.all())
        logarithm = total.log_()
        entropy += (logarithm if whole else logarithm.mul_(known)).sum()
        counted = shares if whole else shares * known
        overlap = (counted * target).flatten(2).sum(dim=2)
        size = counted.flatten(2).sum(dim=2) + target.flatten(2).sum(dim=2)
        dice = (2 * overlap + _SMOOTH) / (size + _SMOOTH)
        # Processes hold unequal numbers of known voxels: the mean of their losses must
        # be the loss of the whole mini-batch.
        count = add_over_processes(known.sum()).clamp(min=1)
        if process_count() > 1:
            count = count / process_count()
        ctx.save_for_backward(shares, target, known, dice, size, count)
        ctx.whole = whole
        return (1 - dice).mean() + entropy / count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        shares, target, known, dice, size, count = ctx.saved_tensors
        shape = (*dice.shape, *(1,) * (shares.dim() - 2))
        weight = gradient / dice.numel() / (size + _SMOOTH)
        of_shares = (target * (-2 * weight).view(shape)).add_(
            (dice * weight).view(shape)
        )
        of_shares *= shares
        mean = of_shares.sum(dim=1, keepdim=True)
        entropy = gradient / count
        of_logits = of_shares.addcmul_(shares, mean.sub_(entropy), value=-1)
        of_logits.addcmul_(target, entropy.expand_as(target), value=-1)
        return (of_logits if ctx.whole else of_logits.mul_(known)), None
