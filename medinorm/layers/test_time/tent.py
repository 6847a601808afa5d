"""Test-time adaptation by entropy minimization (TENT)."""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from medinorm.layers.statistics.channel_norm import ChannelNorm
from medinorm.layers.test_time.adabn import running_layers


class Tent(nn.Module):
    """Adapt the gains and offsets of a network's norms to unlabelled scans.

    A few gradient steps make the entropy of the prediction smaller. Norms with a batch
    part use the statistics of the current batch. Most voxels of a scan are background
    and predicted with certainty. Therefore the entropy is weighted with the probability
    that a voxel is not background.

    The network that is passed in is not changed; `network` is an adapted copy. Weights
    loaded into the copy become the original ones. Build the copy outside of
    `torch.inference_mode`, because tensors made there cannot be trained; it can be
    called anywhere.

    Args:
        network: returns logits ``(N, classes, ...)``, at least two classes.
        steps: gradient steps for each call.
        learning_rate: of Adam.
        episodic: start from the original network in each call, not from the last one.
        background: index of the background class.

    Shape:
        - input: that of the network
        - output: logits, without gradient

    Raises:
        ValueError: the network has no norm with a gain; on call: one class only.
        RuntimeError: it is built in `torch.inference_mode`.

    Examples:
        >>> from medinorm.layers import InstanceNorm3d
        >>> tent = Tent(nn.Sequential(nn.Conv3d(1, 2, 3), InstanceNorm3d(2)), steps=5)
        >>> scan = torch.randn(1, 1, 6, 6, 6)
        >>> before = weighted_entropy(tent.network(scan)).item()
        >>> weighted_entropy(tent(scan)).item() < before
        True

    References:
        Wang, Shelhamer, Liu, Olshausen and Darrell, "Tent: Fully Test-Time Adaptation
        by Entropy Minimization", ICLR 2021, arXiv:2006.10726.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        steps: int = 1,
        learning_rate: float = 1e-3,
        episodic: bool = True,
        background: int = 0,
    ) -> None:
        super().__init__()
        if steps < 1 or learning_rate <= 0:
            raise ValueError("steps and learning_rate must be positive")
        if torch.is_inference_mode_enabled():
            raise RuntimeError("build Tent outside of torch.inference_mode")
        self.network = copy.deepcopy(network).eval()
        self.steps, self.learning_rate = steps, learning_rate
        self.episodic, self.background = episodic, background
        self._use_batch_statistics()
        self._start()
        hooked: Any = self.network  # untyped in torch
        hooked.register_load_state_dict_post_hook(self._start)

    def reset(self) -> None:
        """Return to the original network."""
        with torch.no_grad():
            for key, value in self._state().items():
                value.copy_(self._origin[key])
        self._optimizer = self._new_optimizer()

    def adapt(self, x: Tensor) -> float:
        """Take the gradient steps for a batch of unlabelled input.

        Returns:
            The weighted entropy before the last step, in nats.

        Raises:
            ValueError: the network returns one class only.
        """
        entropy = torch.tensor(0.0)
        with torch.inference_mode(mode=False), torch.enable_grad():
            x = x.clone() if x.is_inference() else x
            for _ in range(self.steps):
                entropy = weighted_entropy(self.network(x), self.background)
                self._optimizer.zero_grad()
                entropy.backward()  # type: ignore[no-untyped-call]
                self._optimizer.step()
        return entropy.item()

    def forward(self, x: Tensor) -> Tensor:
        """Adapt to `x`, then predict it."""
        if self.episodic:
            self.reset()
        self.adapt(x)
        with torch.no_grad():
            logits: Tensor = self.network(x)
        return logits

    def train(self, mode: bool = True) -> "Tent":
        """Stay as it is: adaptation does not depend on the mode."""
        self.training = mode
        return self

    def _start(self, *_: object) -> None:
        """Keep the current state of the network as the original one."""
        self.network.requires_grad_(False)
        self.adapted = list(_affine_parameters(self.network))
        if not self.adapted:
            raise ValueError("the network has no norm with a gain and an offset")
        for parameter in self.adapted:
            parameter.requires_grad_(True)
        self._origin = {key: value.clone() for key, value in self._state().items()}
        self._optimizer = self._new_optimizer()

    def _state(self) -> dict[str, Tensor]:
        """The tensors of the network, by name, without gradient."""
        state = self.network.state_dict().items()
        return {key: value for key, value in state if isinstance(value, Tensor)}

    def _use_batch_statistics(self) -> None:
        """Let norms with a batch part use the statistics of the current batch."""
        for layer in running_layers(self.network):
            layer.train()

    def _new_optimizer(self) -> torch.optim.Optimizer:
        """A new optimizer, without state."""
        return torch.optim.Adam(self.adapted, lr=self.learning_rate)


def weighted_entropy(logits: Tensor, background: int = 0) -> Tensor:
    """Mean entropy of the voxels, weighted with their probability of foreground.

    Args:
        logits: ``(N, classes, ...)``.
        background: index of the background class.

    Returns:
        A scalar, in nats. The weights carry no gradient.

    Raises:
        ValueError: there is one class only.

    Examples:
        >>> even = torch.zeros(1, 2, 4)
        >>> round(weighted_entropy(even).item(), 4)
        0.6931
    """
    if logits.shape[1] < 2:
        raise ValueError("entropy needs at least two classes")
    log = logits.float().log_softmax(1)
    probability = log.exp()
    entropy = -(probability * log).sum(1)
    weight = (1 - probability[:, background]).detach()
    return (weight * entropy).sum() / weight.sum().clamp(min=1e-12)


def _affine_parameters(network: nn.Module) -> Iterator[nn.Parameter]:
    """Gains and offsets of the norms of a network."""
    kinds = (ChannelNorm, _BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)
    for module in network.modules():
        if isinstance(module, kinds):
            yield from (p for p in (module.weight, module.bias) if p is not None)
