"""What is trained: networks, steps, and the variants that are compared."""

from importlib.util import find_spec
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from medinorm.choices import NetworkName
from medinorm.config.numbers import (
    AUTO,
    Auto,
    Count,
    Plannable,
    Rate,
    Rates,
    Share,
    Size,
)
from medinorm.config.recipes import (
    RECIPES,
    RecipeName,
    check_shares,
    describe_defaults,
    fill_from_recipe,
    recipe_default,
)
from medinorm.config.section import Section
from medinorm.method_names import (
    NETWORK_DECLARATIONS,
    describe,
)


def _users_of(option: str) -> str:
    """The networks that use an option."""
    return ", ".join(
        f"`{name}`"
        for name, declared in NETWORK_DECLARATIONS.items()
        if option in declared.facts["uses"]
    )


class AutoNetworkConfig(Section):
    """The segmentation network, the same for every norm."""

    name: NetworkName = Field(
        default="unet", description=f"{describe(NETWORK_DECLARATIONS)}."
    )
    channels: Plannable[Annotated[tuple[Count, ...], Field(min_length=2)]] = Field(
        default=AUTO,
        description="Feature channels of each level; `auto`: the training plan "
        "decides.",
    )
    strides: Plannable[tuple[Size, ...]] = Field(
        default=AUTO,
        description="By how much each level shrinks the grid for the next, along R, A "
        "and S, such as `[2, 2, 1]`; `auto`: the training plan decides. Refused for "
        f"networks other than {_users_of('strides')}.",
    )
    kernels: Plannable[tuple[Size, ...]] = Field(
        default=AUTO,
        description="Width of the convolutions of each level, in voxels along R, A and "
        "S; `auto`: the training plan decides. Refused for networks other than "
        f"{_users_of('kernels')}.",
    )
    residual_units: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Residual units in each level; 0 is two convolutions. Refused for "
        f"networks other than {_users_of('residual_units')}.",
    )

    def uses(self, option: str) -> bool:
        """Whether the network has an option."""
        return option in NETWORK_DECLARATIONS[self.name].facts["uses"]

    @property
    def left_to_plan(self) -> tuple[str, ...]:
        """The keys that the training plan decides."""
        able = ["channels", *(n for n in ("strides", "kernels") if self.uses(n))]
        return tuple(name for name in able if getattr(self, name) == AUTO)

    @model_validator(mode="after")
    def _installed(self) -> Self:
        package = NETWORK_DECLARATIONS[self.name].facts.get("package", "")
        if package and find_spec(package) is None:
            raise ValueError(
                f"name: {self.name} needs {package.replace('_', '-')}; pip install "
                "medinorm[nnunet] or take another network"
            )
        return self

    @model_validator(mode="after")
    def _used(self) -> Self:
        facts = NETWORK_DECLARATIONS[self.name].facts
        for name, field in type(self).model_fields.items():
            changed = getattr(self, name) != field.default
            if changed and name not in {"name", *facts["uses"]}:
                raise ValueError(f"{name} is not used by {self.name}; remove it")
        return self

    @model_validator(mode="after")
    def _built(self) -> Self:
        facts = NETWORK_DECLARATIONS[self.name].facts
        if self.channels == AUTO:
            return self
        levels = max(len(self.channels), facts.get("levels", 2))
        if levels > len(self.channels):
            raise ValueError(
                f"channels needs {levels} numbers or more, one a level of {self.name}"
            )
        doubled = tuple(self.channels[0] * 2**level for level in range(levels))
        if facts.get("doubles") and self.channels != doubled:
            raise ValueError(
                f"channels must double at each level of {self.name}, "
                f"such as {list(doubled)}"
            )
        return self

    @model_validator(mode="after")
    def _one_of_each_level(self) -> Self:
        levels = None if self.channels == AUTO else len(self.channels)
        for name, fewer in (("strides", 1), ("kernels", 0)):
            value = getattr(self, name)
            if value in (AUTO, ()):
                continue
            wanted = None if levels is None else levels - fewer
            if wanted is None:
                raise ValueError(f"{name} needs channels, one number a level")
            if len(value) != wanted:
                raise ValueError(f"{name} needs {wanted} entries of three numbers")
        for size in (n for each in _triples(self.kernels) for n in each):
            if not size % 2:
                raise ValueError("kernels must be odd, such as 1 or 3")
        return self


def _triples(sizes: tuple[Size, ...] | Auto) -> tuple[Size, ...]:
    """The numbers of each level; none where the plan decides."""
    return () if sizes == AUTO else sizes


class NetworkConfig(AutoNetworkConfig):
    """The same once the training plan has decided.

    Without strides each level halves the grid; without kernels they have 3 voxels.
    """

    channels: Annotated[tuple[Count, ...], Field(min_length=2)] = Field(
        default=(16, 32, 64, 128)
    )
    strides: tuple[Size, ...] = Field(default=())
    kernels: tuple[Size, ...] = Field(default=())

    @property
    def level_strides(self) -> tuple[Size, ...]:
        """By how much each level but the last shrinks the grid.

        Examples:
            >>> NetworkConfig(channels=(4, 8, 16)).level_strides
            ((2, 2, 2), (2, 2, 2))
        """
        return self.strides or ((2, 2, 2),) * (len(self.channels) - 1)

    @property
    def level_kernels(self) -> tuple[Size, ...]:
        """Width of the convolutions of each level."""
        return self.kernels or ((3, 3, 3),) * len(self.channels)


class BudgetConfig(Section):
    """What the training of one network may take; the training plan keeps to it."""

    where: Literal["auto", "cpu", "card"] = Field(
        default="auto",
        description="`cpu` or a graphics `card`; `auto`: a card if this machine has "
        "one.",
    )
    memory: Plannable[Annotated[float, Field(gt=0)]] = Field(
        default=AUTO,
        description="Memory for one network, in GiB; `auto`: the card's, or this "
        "machine's memory divided by its cores, at most 4 GiB.",
    )
    minutes: Annotated[float, Field(gt=0)] = Field(
        default=20.0, description="Minutes for one network."
    )


class AutoTrainConfig(Section):
    """How each network is trained; the same for every variant."""

    recipe: RecipeName = Field(
        default="standard",
        description="Defaults of the keys below that name them: "
        + "; ".join(f"`{name}`: {recipe.text}" for name, recipe in RECIPES.items())
        + ".",
    )
    network: AutoNetworkConfig = Field(
        default=AutoNetworkConfig(), description="The segmentation network."
    )
    patch: Plannable[Size] = Field(
        default=AUTO,
        description="Training patch, in voxels along R, A, S; `auto`: the training "
        "plan decides, here and below.",
    )
    batch_size: Plannable[Count] = Field(
        default=AUTO, description="Patches in a mini-batch."
    )
    steps: Plannable[Count] = Field(
        default=AUTO, description="Optimizer steps of a run."
    )
    optimizer: Literal["adamw", "sgd"] = Field(
        default=recipe_default("optimizer"),
        description="`sgd` has Nesterov's momentum, 0.99. "
        f"{describe_defaults('optimizer')}",
    )
    schedule: Literal["one_cycle", "polynomial", "cosine"] = Field(
        default=recipe_default("schedule"),
        description="How the learning rate changes: up and down once, or down to 0 "
        "as nnU-Net's (power 0.9), or along a cosine. "
        f"{describe_defaults('schedule')}",
    )
    learning_rate: Rates = Field(
        default=recipe_default("learning_rate"),
        description="Peak learning rate; of a list, such as `[0.003, 0.01]`, each "
        "variant and split takes the one whose network has the best Dice on validation "
        f"subjects of the training domains. {describe_defaults('learning_rate')}",
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        default=recipe_default("weight_decay"),
        description=f"Weight decay. {describe_defaults('weight_decay')}",
    )
    mirror_axes: Literal["auto", "none", "R", "A", "S", "RA", "RS", "AS", "RAS"] = (
        Field(
            default="auto",
            description="Axes along which images may be mirrored. `auto`: all, without "
            "R where the name of a label says left or right.",
        )
    )
    foreground_ratio: Plannable[Share] = Field(
        default=AUTO, description="Share of patches centred on a labelled voxel."
    )
    foreground_patches: Literal["drawn", "guaranteed"] = Field(
        default=recipe_default("foreground_patches"),
        description="Whether each patch is centred with that probability, or a fixed "
        "number of each mini-batch, at least one. "
        f"{describe_defaults('foreground_patches')}",
    )
    deep_supervision: bool = Field(
        default=recipe_default("deep_supervision"),
        description="The loss counts at lower resolutions too, where the network has "
        f"outputs there. {describe_defaults('deep_supervision')}",
    )
    shots: Count = Field(
        default=2,
        description="Unlabelled scans that give conditional norms a domain's style.",
    )
    selection: Literal["last", "validation"] = Field(
        default="last",
        description="Which weights are kept: the last, or those with the best Dice on "
        "the validation subjects of the training domains.",
    )
    precision: Literal["auto", "32-true", "bf16-mixed"] = Field(
        default="32-true",
        description="`auto`: bfloat16 where the processor computes in it.",
    )
    checkpoint_steps: Plannable[Count] = Field(
        default=AUTO,
        description="Steps between checkpoints; a killed run resumes from the last. "
        "`auto`: about 40 checkpoints, at least 50 steps apart.",
    )
    threads: Count = Field(default=1, description="Threads of a training process.")
    devices: Count = Field(default=1, description="Devices of a node that share a run.")
    nodes: Count = Field(default=1, description="Nodes that share a run, with `srun`.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where to train."
    )
    workers: Literal["auto"] | Annotated[int, Field(ge=0)] = Field(
        default=AUTO,
        description="Processes beside each device that cut and augment patches; "
        "`auto`: for a graphics card up to 8, as many as cores are left; on a CPU 0.",
    )
    compile: bool = Field(
        default=False,
        description="Compile the network with `torch.compile`: minutes at the start, "
        "fewer seconds a step on a card. The weights differ in their last digits.",
    )
    budget: BudgetConfig = Field(
        default=BudgetConfig(), description="Time and memory for one network."
    )

    @model_validator(mode="before")
    @classmethod
    def _follow_recipe(cls, values: Any) -> Any:
        if isinstance(values, dict) and "augmentation" in values:
            raise ValueError(
                "augmentation is an axis of the experiment now; move it to "
                f"experiments.augmentation: [{values['augmentation']}]"
            )
        return fill_from_recipe(values)

    @model_validator(mode="after")
    def _share_batch(self) -> Self:
        check_shares(self.batch_size, self.processes, self.precision)
        return self

    @property
    def processes(self) -> int:
        """How many processes share a run, one for each device.

        Examples:
            >>> AutoTrainConfig(devices=2, nodes=3).processes
            6
        """
        return self.devices * self.nodes

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates that are compared, smallest first; one, if none are.

        Examples:
            >>> AutoTrainConfig(learning_rate=(0.01, 0.003)).rates
            (0.003, 0.01)
        """
        rate = self.learning_rate
        return rate if isinstance(rate, tuple) else (rate,)

    @property
    def searches_rate(self) -> bool:
        """Whether the learning rate of each variant is chosen among several."""
        return len(self.rates) > 1

    @property
    def left_to_plan(self) -> tuple[str, ...]:
        """The keys that the training plan decides, without those of the network."""
        able = ("patch", "batch_size", "steps", "foreground_ratio")
        return tuple(name for name in able if getattr(self, name) == AUTO)


class TrainConfig(AutoTrainConfig):
    """The same once the training plan has decided, with one learning rate."""

    network: NetworkConfig = Field(default=NetworkConfig())
    patch: Size = Field(default=(48, 48, 48))
    batch_size: Count = Field(default=2)
    steps: Count = Field(default=300)
    learning_rate: Rate = Field(default=recipe_default("learning_rate"))
    foreground_ratio: Share = Field(default=0.5)
    checkpoint_steps: Count = Field(default=50)

    @property
    def centred_patches(self) -> int:
        """The patches of each mini-batch that are centred on a labelled voxel.

        Examples:
            >>> TrainConfig(batch_size=7, foreground_ratio=0.33).centred_patches
            2
            >>> TrainConfig(recipe="fast").centred_patches  # any number
            0
        """
        if self.foreground_patches == "drawn" or not self.foreground_ratio:
            return 0
        return max(1, round(self.batch_size * self.foreground_ratio))

    @property
    def centred_share(self) -> float:
        """The share of all patches that are centred on a labelled voxel."""
        if self.foreground_patches == "drawn":
            return self.foreground_ratio
        return self.centred_patches / self.batch_size
