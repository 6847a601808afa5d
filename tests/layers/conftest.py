"""What the tests of the layers share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_seed_and_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=["contiguous", "channels_last"])
def layout(request):
    """A function that brings a tensor with 1 to 3 spatial axes into a layout."""
    if request.param == "contiguous":
        return torch.Tensor.contiguous
    return lambda x: x.movedim(1, -1).contiguous().movedim(-1, 1)
