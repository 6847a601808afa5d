"""What an intensity method is, and how its file declares it.

There are two kinds. One is fitted on each scan by itself: a function under `per_scan`.
The other is a class under `learned`: it measures training scans, learns from these
measurements, and then gives each scan a map. Both stand at the end of a file in
`medinorm/intensity/methods/`, after the functions for arrays that they use:

    @per_scan("fcm", "the mean of one tissue at 1", transform="FcmNormalize")
    def map_fcm(scan: PreparedScan, *, tissue: TissueName) -> LinearMap:
        return fit_fcm(scan.array, scan.masks, tissue)

Options are the arguments after the scan, or the fields of the class: the keys of the
method's section in `medinorm.config.intensities`, which has their defaults.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, Protocol, TypedDict, TypeVar, Unpack

import numpy as np
from numpy.typing import NDArray

from medinorm.choices import IntensityName
from medinorm.intensity.foreground import Policy
from medinorm.intensity.maps.intensity_map import IntensityMap
from medinorm.method_names import INTENSITY_DECLARATIONS


class PreparedScan(Protocol):
    """What a method gets of a scan, on the study's grid, with its foreground."""

    @property
    def array(self) -> NDArray[np.float32]:
        """The intensities, shape ``(C, X, Y, Z)``."""

    @property
    def channels(self) -> Sequence[str]:
        """The names of the channels."""

    @property
    def masks(self) -> Sequence[NDArray[np.bool_] | None]:
        """The foreground of each channel; ``None``: all voxels."""

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """The masks as one array, of the shape of `array`; ``None``: all voxels."""

    @property
    def policy(self) -> Policy:
        """How to measure, with `mask`."""


class MethodFacts(TypedDict, total=False):
    """What is known of a method without running it.

    Args:
        measures: whether its map depends on the scan that it is applied to, which then
            needs a foreground (default); otherwise one map serves all scans.
        constant_zeros: whether ``constant: zeros`` makes scans with a constant
            foreground 0 (default: the method refuses them always).
        transform: name of its class in `medinorm.transforms`.
        alias: another name in the configuration.
    """

    measures: bool
    constant_zeros: bool
    transform: str
    alias: str


MeasuredT = TypeVar("MeasuredT")
MapT = TypeVar("MapT", bound=IntensityMap)


class LearnedMethod(ABC, Generic[MeasuredT, MapT]):
    """A method that learns from training scans: a frozen dataclass of its options."""

    def choose(self, training: Sequence[str]) -> list[str]:
        """The training scans that are learned from, by their ids: all of them."""
        return list(training)

    @abstractmethod
    def measure(self, scan: PreparedScan) -> MeasuredT:
        """What is remembered of one training scan."""

    @abstractmethod
    def fit(self, measured: Sequence[MeasuredT]) -> MapT:
        """What is learned from all that is remembered."""

    @abstractmethod
    def map_for(self, learned: MapT, scan: PreparedScan) -> IntensityMap:
        """The map of one scan, by what was learned."""


@dataclass(frozen=True)
class Declared:
    """A method as its decorator registered it.

    Args:
        text: what it does, a part of a sentence.
        facts: as `MethodFacts`.
        make: the function that fits a scan's map, or the class of a learned method.
    """

    text: str
    facts: MethodFacts
    make: Callable[..., Any]


PER_SCAN: dict[IntensityName, Declared] = {}
"""The methods that are fitted on each scan, of the modules imported so far."""

LEARNED: dict[IntensityName, Declared] = {}
"""The methods that learn from training scans, of the modules imported so far."""

MakeT = TypeVar("MakeT", bound=Callable[..., Any])


def per_scan(
    name: IntensityName, text: str, **facts: Unpack[MethodFacts]
) -> Callable[[MakeT], MakeT]:
    """Declare a function that fits the map of one scan.

    Args:
        name: of the method, in the configuration and in results.
        text: what it does, in the words of a paper: a part of a sentence.
        facts: literals, see `MethodFacts`.
    """
    return _register(PER_SCAN, name, text, facts)


def learned(
    name: IntensityName, text: str, **facts: Unpack[MethodFacts]
) -> Callable[[MakeT], MakeT]:
    """Declare a `LearnedMethod`. For arguments see `per_scan`."""
    return _register(LEARNED, name, text, facts)


def fit_scan(
    name: IntensityName, scan: PreparedScan, options: Mapping[str, Any]
) -> IntensityMap:
    """The map of a scan by a method that is fitted on each scan by itself.

    Args:
        name: of the method.
        scan: the scan.
        options: all options of the method, by name.

    Raises:
        IntensityError: the intensities of the scan are unusable.
    """
    import_module(INTENSITY_DECLARATIONS[name].module)
    fitted: IntensityMap = PER_SCAN[name].make(scan, **options)
    return fitted


def make_learned(
    name: IntensityName, options: Mapping[str, Any]
) -> LearnedMethod[Any, Any]:
    """A method that learns from training scans.

    Args:
        name: of the method.
        options: all options of the method, by name.
    """
    import_module(INTENSITY_DECLARATIONS[name].module)
    method: LearnedMethod[Any, Any] = LEARNED[name].make(**options)
    return method


def _register(
    methods: dict[IntensityName, Declared],
    name: IntensityName,
    text: str,
    facts: MethodFacts,
) -> Callable[[MakeT], MakeT]:
    """The decorator that puts a function or a class among the methods."""

    def declare(make: MakeT) -> MakeT:
        methods[name] = Declared(text, facts, make)
        return make

    return declare
