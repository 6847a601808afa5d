"""What the tests of the layers share."""

import pytest
import torch

from medinorm.layers.statistics import pooled


@pytest.fixture(autouse=True)
def _one_seed_and_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=["contiguous", "channels_last", "channels_last, large"])
def layout(request, monkeypatch):
    """A function that brings a tensor with 1 to 3 spatial axes into a layout.

    Small tensors with their channels innermost go another way than large ones.
    """
    if request.param.endswith("large"):
        monkeypatch.setattr(pooled, "SMALL", 0)
    if request.param == "contiguous":
        return torch.Tensor.contiguous
    return lambda x: x.movedim(1, -1).contiguous().movedim(-1, 1)
