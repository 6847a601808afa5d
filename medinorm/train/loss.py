"""Dice and cross-entropy, over the voxels whose class is known."""

from monai.losses import DiceCELoss, DiceLoss
from torch import Tensor, nn
from torch.nn import functional as F

from medinorm.train.dataset import IGNORED


class SegmentationLoss(nn.Module):
    """The sum of Dice loss and cross-entropy; ignored voxels count in neither.

    Shape:
        - logits: ``(N, classes, X, Y, Z)``
        - label: ``(N, 1, X, Y, Z)``, class indices and `IGNORED`
        - output: a scalar
    """

    def __init__(self) -> None:
        super().__init__()
        self._whole = DiceCELoss(softmax=True, to_onehot_y=True)
        self._dice = DiceLoss()

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """The loss of a mini-batch."""
        known = label != IGNORED
        if bool(known.all()):
            whole: Tensor = self._whole(logits, label)
            return whole
        classes = label.masked_fill(~known, 0)[:, 0]
        target = F.one_hot(classes, logits.shape[1]).movedim(-1, 1) * known
        dice: Tensor = self._dice(logits.softmax(dim=1) * known, target)
        entropy = F.cross_entropy(
            logits, label[:, 0], ignore_index=IGNORED, reduction="sum"
        )
        return dice + entropy / known.sum().clamp(min=1)
