"""The loss, the learning rate and the history of one run."""

import pytest
import torch
from torch import nn

from medinorm.config import TrainConfig
from medinorm.errors import DivergedError, RunError
from medinorm.train.dataset import IGNORED
from medinorm.train.segmenter import (
    HistoryRow,
    Segmenter,
    _find_classes,
    _mean_dice,
)

SETTINGS = TrainConfig(recipe="fast", patch=(8, 8, 8), steps=10, learning_rate=1e-2)
LABEL = torch.zeros(1, 1, 4, 4, 4, dtype=torch.int64)
LABEL[..., :2] = 1


class Fixed(nn.Module):
    """Logits that do not depend on the input."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, _image):
        return self.logits


def loss_of(logits):
    batch = {"image": torch.zeros(1, 1, 4, 4, 4), "label": LABEL}
    return Segmenter(Fixed(logits), SETTINGS, 0).training_step(batch, 0)


def test_better_logits_have_a_smaller_loss():
    right = torch.cat([1 - LABEL, LABEL], dim=1) * 20.0
    assert loss_of(right) < 0.05 < loss_of(torch.zeros_like(right)) < loss_of(-right)


def test_ignored_voxels_change_no_score_of_validation():
    label = LABEL[:, 0].clone()
    predicted = label.clone()
    predicted[..., 0] = 0
    label[..., 0] = IGNORED
    assert float(_mean_dice(predicted, label)) == 1.0
    assert float(_mean_dice(predicted, torch.full_like(label, IGNORED))) == 1.0


def test_a_loss_that_is_not_finite_names_the_remedy():
    with pytest.raises(RunError, match=r"not finite at step 0; lower train\.learning"):
        loss_of(torch.full((1, 2, 4, 4, 4), float("nan")))


def test_the_learning_rate_peaks_once():
    module = Segmenter(Fixed(torch.zeros(1)), SETTINGS, 0)
    optimizers = module.configure_optimizers()
    optimizer, cycle = optimizers["optimizer"], optimizers["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(SETTINGS.steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cycle.step()
    assert max(rates) == pytest.approx(SETTINGS.learning_rate, rel=0.05)
    peak = rates.index(max(rates))
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)


def test_the_history_survives_in_the_checkpoint():
    one, other = (Segmenter(Fixed(torch.zeros(1)), SETTINGS, 0) for _ in range(2))
    row = HistoryRow(step=2, loss=0.5, learning_rate=1e-2, seconds_per_step=0.1)
    one.history.append(row)
    checkpoint = {}
    one.on_save_checkpoint(checkpoint)
    other.on_load_checkpoint(checkpoint)
    assert other.history == [row]


def test_a_long_run_says_how_long_it_still_takes(caplog, monkeypatch):
    clock = iter([1000.0, 1010.0, 1061.0, 1062.0])
    monkeypatch.setattr("medinorm.train.segmenter.time.monotonic", lambda: next(clock))
    segmenter = Segmenter(Fixed(torch.zeros(1)), SETTINGS, 0)
    total = SETTINGS.steps
    with caplog.at_level("INFO"):
        for step in (1, 2, 3, total):
            segmenter._report(HistoryRow(step, 0.5, 1e-2, 60.0))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    left = f"step 1 of {total}: loss 0.500, 60.000 s a step, about {total - 1} min left"
    assert said[0] == left
    assert said[-1].endswith("about 0 min left")


def test_mean_dice_is_over_the_classes_that_occur():
    a, b = torch.tensor([0, 1, 1, 2]), torch.tensor([0, 1, 0, 0])
    assert _mean_dice(a, b) == pytest.approx((2 / 3 + 0) / 2)
    assert _mean_dice(a * 0, b * 0) == 1


def test_the_class_of_each_voxel_is_that_of_argmax():
    logits = torch.randint(0, 3, (2, 4, 5, 6, 7)).float()  # with ties
    assert torch.equal(_find_classes(logits), logits.argmax(1))


def test_losses_that_are_read_later_name_their_own_step():
    module = Segmenter(nn.Conv3d(1, 2, 1), TrainConfig(), 0)
    module._waiting = [(3, torch.tensor(1.0)), (4, torch.tensor(torch.nan))]
    with pytest.raises(DivergedError, match="step 4"):
        module._note_losses()
