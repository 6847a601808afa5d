"""Ignored voxels count for nothing: neither their logits nor what lies there."""

import pytest
import torch
from monai.losses import DiceCELoss

from medinorm.train.dataset import IGNORED
from medinorm.train.loss import SegmentationLoss, weigh_outputs

TORCH = torch.Generator().manual_seed(0)
LOGITS = torch.randn(2, 3, 4, 4, 4, generator=TORCH)
LABEL = torch.randint(0, 3, (2, 1, 4, 4, 4), generator=TORCH)
PARTLY = LABEL.clone()
PARTLY[..., :2] = IGNORED


def test_without_ignored_voxels_it_is_dice_and_cross_entropy():
    expected = DiceCELoss(softmax=True, to_onehot_y=True)(LOGITS, LABEL)
    torch.testing.assert_close(SegmentationLoss()(LOGITS, LABEL), expected)


def test_the_loss_is_that_of_the_other_voxels_alone():
    expected = SegmentationLoss()(LOGITS[..., 2:], LABEL[..., 2:])
    torch.testing.assert_close(SegmentationLoss()(LOGITS, PARTLY), expected)


@pytest.mark.parametrize("label", [LABEL, PARTLY])
def test_its_gradient_is_that_of_the_formula(label):
    logits = LOGITS.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: SegmentationLoss()(x, label), logits)


def test_logits_of_ignored_voxels_have_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    SegmentationLoss()(logits, PARTLY).backward()
    assert not logits.grad[..., :2].any()
    assert logits.grad[..., 2:].all()


def test_a_batch_of_ignored_voxels_only_teaches_nothing():
    logits = LOGITS.clone().requires_grad_()
    loss = SegmentationLoss()(logits, torch.full_like(LABEL, IGNORED))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-5)
    assert not logits.grad.any()


def test_empty_label_maps_have_a_finite_loss():
    assert torch.isfinite(SegmentationLoss()(LOGITS, LABEL * 0))


def test_smaller_outputs_count_half_as_much_as_the_one_above():
    smaller = torch.randn(2, 3, 2, 2, 2, generator=TORCH)
    loss = SegmentationLoss()
    thinned = LABEL[:, :, 1::2, 1::2, 1::2]
    expected = (loss(LOGITS, LABEL) + loss(smaller, thinned) / 2) / 1.5
    torch.testing.assert_close(weigh_outputs(loss, [LOGITS, smaller], LABEL), expected)
    assert torch.equal(weigh_outputs(loss, LOGITS, LABEL), loss(LOGITS, LABEL))


def test_outputs_of_odd_sizes_find_their_labels():
    logits = torch.randn(2, 3, 3, 2, 1, generator=TORCH)
    assert torch.isfinite(weigh_outputs(SegmentationLoss(), [LOGITS, logits], PARTLY))
