import pytest
import torch
from monai.networks import nets
from torch import nn

from medinorm.layers import NORMS, PERTURBATIONS, insert_perturbation, register_norms


def _network():
    register_norms()
    return nets.UNet(3, 1, 2, (4, 8), (2,), num_res_units=1, norm="medinorm_batch")


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_it_acts_in_training_only(name):
    network, x = _network(), torch.randn(3, 1, 8, 8, 8)
    unperturbed = network(x)
    insert_perturbation(network, name, probability=1.0)
    kinds = [m for m in network.modules() if isinstance(m, PERTURBATIONS[name])]
    assert len(kinds) == 2
    assert not torch.allclose(network(x), unperturbed)
    network.eval()
    assert torch.equal(network(x), network(x))


def test_the_first_norms_are_those_next_to_the_input():
    network = insert_perturbation(_network(), "dsu", after=1)
    (path,) = [n for n, m in network.named_modules() if type(m).__name__ == "DSU"]
    assert path.startswith("model.0.")


def test_parameters_stay_the_same():
    network = _network()
    before = list(network.parameters())
    after = list(insert_perturbation(network, "mixstyle").parameters())
    assert all(first is second for first, second in zip(before, after, strict=True))


def test_each_has_a_stream_of_its_own():
    network = insert_perturbation(_network(), "mixstyle", seed=4)
    seeds = [m.draws.seed for m in network.modules() if type(m).__name__ == "MixStyle"]
    assert seeds == [4, 5]


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ValueError, match="must be one of dsu"):
        insert_perturbation(_network(), "mixstile")
    for network, after in ((nn.ReLU(), 1), (_network(), 99), (_network(), 0)):
        with pytest.raises(ValueError, match="cannot insert"):
            insert_perturbation(network, "dsu", after=after)
    with pytest.raises(ValueError, match="cannot insert"):
        insert_perturbation(NORMS["batch"](3), "dsu", after=1)
