"""What is watched is what was predicted."""

import numpy as np
import pytest

from medinorm.expected.watch import ScanWatch
from medinorm.files.nifti import Volume


def shares(labels, classes=3):
    return np.stack([labels == n for n in range(classes)]).astype(np.float32)


def test_agreement_volumes_and_features_are_collected():
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[:2], labels[2] = 1, 2
    other = np.where(labels == 2, 0, labels)
    watch = ScanWatch((5, 9))
    watch.add("one", shares(labels), np.ones(2))
    watch.add("two", shares(other), np.zeros(2))
    label_map = Volume(
        np.array([0, 5, 9])[labels][np.newaxis].astype(np.uint8),
        np.diag([2.0, 2, 2, 1]),
    )
    seen = watch.finish(np.arange(3.0), np.arange(2.0), label_map)
    assert seen.agreement == pytest.approx(0.5)
    assert seen.volumes == {5: pytest.approx(32 * 0.008), 9: pytest.approx(16 * 0.008)}
    assert set(seen.features) == {"one", "two"}
    assert seen.profile.tolist() == [0, 1, 2]


def test_one_network_has_no_agreement():
    watch = ScanWatch((1,))
    label_map = np.zeros((2, 2, 2), np.uint8)
    watch.add("one", shares(label_map, 2), np.empty(0))
    volume = Volume(label_map[np.newaxis], np.eye(4))
    assert watch.finish(np.empty(0), np.empty(0), volume).agreement is None
