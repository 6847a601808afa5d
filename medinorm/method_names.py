"""The declared methods by name, as the configuration and the report need them.

Read from the text of the files, so that nothing heavy is imported.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from medinorm.declarations import Declaration, read_declarations
from medinorm.errors import may_be_shown, refuse_name

NORM_DECLARATIONS: Mapping[str, Declaration] = MappingProxyType(
    {
        **read_declarations("medinorm.layers.norms", "norm"),
        # batch norm, and a perturbation of styles after the first two layers
        **read_declarations("medinorm.layers.perturbations", "perturbation"),
    }
)
"""What each norm and each perturbation of styles says about itself, by name."""

_INTENSITIES = "medinorm.intensity.methods"
PER_SCAN_DECLARATIONS = read_declarations(_INTENSITIES, "per_scan")
"""What each intensity method says that is fitted on each scan by itself."""
LEARNED_DECLARATIONS = read_declarations(_INTENSITIES, "learned")
"""What each intensity method says that learns from training scans."""
INTENSITY_DECLARATIONS: Mapping[str, Declaration] = MappingProxyType(
    dict(sorted({**PER_SCAN_DECLARATIONS, **LEARNED_DECLARATIONS}.items()))
)
"""All intensity methods; their facts: `medinorm.intensity.method.MethodFacts`."""

DESIGN_DECLARATIONS = read_declarations("medinorm.split.designs", "design")
"""What each split design says about itself, see `medinorm.split.designs.Design`."""
NETWORK_DECLARATIONS = read_declarations("medinorm.train.networks", "network")
"""As above; see `medinorm.train.networks.registry.Network`."""
AUGMENTATION_DECLARATIONS = read_declarations(
    "medinorm.train.augmentations", "augmentation"
)
"""As above; see `medinorm.train.augmentations.Augmentation`."""
ADAPTATION_DECLARATIONS = read_declarations(
    "medinorm.predict.adaptations", "adaptation"
)
"""As above; see `medinorm.predict.adaptations.Adaptation`."""
SCANNER_DECLARATIONS = read_declarations("medinorm.demo.scanners", "scanner")
"""As above, of the simulated scanners; see `medinorm.demo.scanners.scanner`."""

if TYPE_CHECKING:
    NormName = str
    IntensityName = str
    DesignName = str
    NetworkName = str
    AugmentationName = str
    AdaptName = str
    ScannerName = str
else:
    NormName = Literal[tuple(NORM_DECLARATIONS)]
    IntensityName = Literal[tuple(INTENSITY_DECLARATIONS)]
    DesignName = Literal[tuple(DESIGN_DECLARATIONS)]
    NetworkName = Literal[tuple(NETWORK_DECLARATIONS)]
    AugmentationName = Literal[tuple(AUGMENTATION_DECLARATIONS)]
    AdaptName = Literal[tuple(ADAPTATION_DECLARATIONS)]
    ScannerName = Literal[tuple(SCANNER_DECLARATIONS)]

# Arguments that are not an option: the network gives them, or none needs them.
_GIVEN_BY_NETWORK = frozenset({"num_features", "bias"})
# Types of arguments that are for people's own code: training decides about them.
_OF_TORCH = frozenset({"Device", "DType", "NotUsed", "SpatialDims"})
# Where a perturbation is put: an argument of `insert_perturbation`.
_OF_INSERTION = ("after",)
_KINDS_OF_INSERTION = {"after": "int"}


class _Type(NamedTuple):
    """Types that a value may have, and what to tell a user who gives another."""

    types: tuple[type, ...]
    words: str


# By what the arguments of norms say; a bool is no number.
_TYPES = {
    "int": _Type((int,), "a whole number"),
    "float": _Type((int, float), "a number"),
    "bool": _Type((bool,), "true or false"),
    "str": _Type((str,), "text"),
    "None": _Type((type(None),), "null"),
}
_LITERAL = re.compile(r"Literal\[(.*)\]")
_EXPONENT = re.compile(r"[+-]?\d+e[+-]?\d+", re.IGNORECASE)


def norm_option_names(norm: NormName) -> tuple[str, ...] | None:
    """The options that a norm knows; None if only its class can say.

    Examples:
        >>> norm_option_names("group")
        ('num_groups', 'eps', 'affine')
    """
    declared = NORM_DECLARATIONS[norm]
    if declared.parameters is None:
        return None
    extra = _OF_INSERTION if "behind" in declared.facts else ()
    names = [
        name
        for name in declared.parameters
        if name not in _GIVEN_BY_NETWORK and declared.kinds.get(name) not in _OF_TORCH
    ]
    return (*names, *extra)


def check_norm_options(norm: NormName, options: Iterable[str]) -> None:
    """Refuse options that a norm does not know, and values of another type.

    Args:
        norm: its name in the configuration.
        options: names of the options, or their values by name.

    Raises:
        ValueError: there is no such norm, an option is unknown (the message lists the
            known ones) or has a value of another type.
    """
    if norm not in NORM_DECLARATIONS:
        known = ", ".join(NORM_DECLARATIONS)
        raise ValueError(f"norm must be one of {known}; not {norm}")
    known_options = norm_option_names(norm)
    for option in options:
        if known_options is not None and option not in known_options:
            known = f"its options: {', '.join(known_options)}"
            raise ValueError(
                f"{norm} has no option {option}; "
                f"{known if known_options else 'it takes none'}"
            )
    if isinstance(options, Mapping):
        kinds = {**NORM_DECLARATIONS[norm].kinds, **_KINDS_OF_INSERTION}
        for option, value in options.items():
            if problem := _wrong_type(value, kinds.get(option, "")):
                raise ValueError(f"{norm}.{option}: {problem}")


def _wrong_type(value: object, kind: str) -> str:
    """What to write instead of a value of another type; nothing for types unknown here.

    Examples:
        >>> _wrong_type("x", "int | None"), _wrong_type(4, "int | None")
        ("give a whole number or null (got 'x')", '')
        >>> _wrong_type(4, "Activation | None")
        ''
    """
    kinds = [each.strip() for each in kind.split("|")]
    if choices := _LITERAL.fullmatch(kind):
        words = re.findall("'([^']*)'", choices[1])
        return "" if value in words else refuse_name(value, words)
    if not _TYPES.keys() >= set(kinds) or any(
        type(value) in _TYPES[each].types for each in kinds
    ):
        return ""
    wanted = " or ".join(_TYPES[each].words for each in kinds)
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        wanted += "; YAML needs a point before an exponent, such as 1.0e-5"
    return f"give {wanted} (got {value!r})" if may_be_shown(value) else f"give {wanted}"


def goes_with(adapt: AdaptName, norm: NormName) -> bool:
    """Whether an adaptation can adapt networks of a norm.

    Examples:
        >>> goes_with("tent", "batch"), goes_with("tent", "group")
        (True, False)
    """
    norms = ADAPTATION_DECLARATIONS[adapt].facts["norms"]
    return not norms or norm in norms


def describe(declared: Mapping[str, Declaration]) -> str:
    """Names with what they mean, for the description of a key.

    Examples:
        >>> describe({"flip": Declaration("flip", "left-right mirror", {}, "")})
        '`flip`: left-right mirror'
    """
    return "; ".join(f"`{name}`: {item.text}" for name, item in declared.items())
