import pytest
import torch

from medinorm.layers import (
    BatchNorm3d,
    ConditionalNetwork,
    DomainSpecificNorm3d,
    InstanceNorm3d,
)

CONFORMANCE = {
    "options": {"num_domains": 2},
    "invariant": False,
}

DOMAINS = torch.tensor([1, 0, 1])


def _network(**options):
    return ConditionalNetwork(DomainSpecificNorm3d(3, **{"num_domains": 4} | options))


def test_each_domain_of_a_mixed_batch_has_its_own_batch_norm(layout):
    x = layout(
        torch.randn(3, 3, 4, 5, 6) * torch.tensor([1.0, 5, 2]).view(3, 1, 1, 1, 1)
    )
    network, norms = _network(), [BatchNorm3d(3), BatchNorm3d(3)]
    for _ in range(2):  # the second time in evaluation
        y = network(x, domain=DOMAINS)
        for index in range(2):
            member = index == DOMAINS
            wanted = norms[index](layout(x[member]))
            torch.testing.assert_close(y[member], wanted, rtol=1e-5, atol=1e-5)
            norms[index].eval()
        network.eval()
    assert network.network.num_batches_tracked.tolist() == [1, 1, 0, 0]


def test_instance_statistics_leave_only_the_affine_to_the_domain(layout):
    network = _network(statistics="instance")
    torch.nn.init.normal_(network.network.gains)
    torch.nn.init.normal_(network.network.offsets)
    x = layout(torch.randn(3, 3, 4, 5, 6))
    y = network(x, domain=DOMAINS)
    normalized = InstanceNorm3d(3, affine=False)(x)
    for n, index in enumerate(DOMAINS):
        gain, offset = (
            p[index].view(3, 1, 1, 1)
            for p in (network.network.gains, network.network.offsets)
        )
        torch.testing.assert_close(y[n], normalized[n] * gain + offset)


def test_an_unseen_domain_gets_the_mean_of_those_seen():
    network = _network(momentum=None)
    torch.nn.init.normal_(network.network.gains)
    torch.nn.init.normal_(network.network.offsets)
    x = torch.randn(3, 3, 400) * 3
    x[1] += 5
    network(x, domain=DOMAINS)
    layer = network.eval().network
    new = torch.randn(1, 3, 10)
    y = network(new, domain=torch.tensor([-1]))
    mean = layer.running_mean[:2].mean(0)
    between = layer.running_mean[:2].var(0, correction=0)
    variance = layer.running_var[:2].mean(0) + between
    gain, offset = layer.gains[:2].mean(0), layer.offsets[:2].mean(0)
    terms = (t.view(1, 3, 1) for t in (mean, variance, gain, offset))
    mean, variance, gain, offset = terms
    wanted = (new - mean) / (variance + 1e-5).sqrt() * gain + offset
    torch.testing.assert_close(y, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("domain", [1, -1])
def test_autocast_does_not_round_statistics(dtype, domain):
    network = _network(num_domains=2)
    x = torch.randn(2, 3, 500) + 1003
    network(x, domain=torch.tensor([0, 1]))
    network.network.running_mean.fill_(1003)
    network.network.gains.data[:] = 1.001
    network.eval()
    wanted = network(x, domain=torch.tensor(domain))
    with torch.autocast("cpu", dtype):
        y = network(x, domain=torch.tensor(domain))
    torch.testing.assert_close(y, wanted)


def test_one_domain_serves_all_samples():
    network = _network().eval()
    x = torch.randn(3, 3, 5)
    predicted = network(x, domain=torch.tensor(2))
    torch.testing.assert_close(predicted, network(x, domain=torch.tensor([2, 2, 2])))


@pytest.mark.parametrize(("training", "domain"), [(True, -1), (True, 4), (False, -2)])
def test_domains_out_of_range_are_refused(training, domain):
    network = _network().train(training)
    with pytest.raises(ValueError, match="domain must be between"):
        network(torch.randn(1, 3, 5), domain=torch.tensor([domain]))


@pytest.mark.parametrize("options", [{"num_domains": 0}, {"statistics": "layer"}])
def test_impossible_arguments_are_refused(options):
    with pytest.raises(ValueError, match="must be"):
        DomainSpecificNorm3d(3, **options)


def test_forgetting_brings_back_the_start():
    network = _network()
    network(torch.randn(3, 3, 5), domain=DOMAINS)
    network.network.reset_running_stats()
    fresh = DomainSpecificNorm3d(3, 4).state_dict()
    assert all(
        torch.equal(network.network.state_dict()[k], v) for k, v in fresh.items()
    )
