"""Dictionary transforms from array transforms."""

import copy
import inspect
from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import numpy as np
from monai.config import KeysCollection
from monai.transforms import InvertibleTransform, MapTransform, Randomizable

from medinorm.intensity.foreground import NEEDS_MASK
from medinorm.transforms.torchio_images import is_of_torchio, with_attributes


class OnKeys(MapTransform):  # type: ignore[misc]
    """An array transform for items of a dictionary.

    Args:
        keys: of the images.
        arguments: those of the array transform.
        allow_missing_keys: skip images that are not there, in place of an error.
        options: those of the array transform.

    Raises:
        KeyError: on call: an item is missing.
        TypeError: on call: it is no dictionary.
    """

    array_transform: ClassVar[Any]

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if "array_transform" in vars(cls):
            cls.backend = cls.array_transform.backend
            cls.__signature__ = _signature(cls)

    def __init__(
        self,
        keys: KeysCollection,
        *arguments: object,
        allow_missing_keys: bool = False,
        **options: object,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = self.array_transform(*arguments, **options)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Map the images; the dictionary is not changed, the result is a new one."""
        if not isinstance(data, Mapping):
            raise TypeError(
                f"{type(self).__name__} takes a dictionary of images; give an image to "
                f"{self.array_transform.__name__}"
            )
        result = _copy_of(data)
        options = self.options_for(result)
        for key in self.key_iterator(result):
            result[key] = self.transform(result[key], **options)
        changed: dict[Hashable, Any] = with_attributes(result)
        return changed

    def options_for(self, _data: Mapping[Hashable, Any]) -> dict[str, Any]:
        """What the array transform is given besides each image."""
        return {}


class InvertibleOnKeys(OnKeys, InvertibleTransform):  # type: ignore[misc]
    """An `IntensityTransform` for items of a dictionary.

    Args:
        keys: of the images.
        arguments: those of the array transform.
        mask_key: of the mask, for ``foreground="label"`` and ``"file"``.
        allow_missing_keys: skip images that are not there, in place of an error. A mask
            must be there.
        options: those of the array transform.

    Raises:
        ValueError: there is a `mask_key` and the foreground takes none, or the reverse.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *arguments: object,
        mask_key: Hashable | None = None,
        allow_missing_keys: bool = False,
        **options: object,
    ) -> None:
        super().__init__(
            keys, *arguments, allow_missing_keys=allow_missing_keys, **options
        )
        policy = self.transform.policy
        masked = policy.foreground in NEEDS_MASK
        used = self.transform.reads_masks
        has_key = mask_key is not None
        if (masked and used and not has_key) or (has_key and not masked):
            need = "needs a" if masked else "takes no"
            raise ValueError(
                f"foreground {policy.foreground!r} {need} mask_key; masks belong to "
                "foreground 'label' or 'file'"
            )
        self.mask_key = mask_key if used else None

    def options_for(self, data: Mapping[Hashable, Any]) -> dict[str, Any]:
        """The mask."""
        return {"mask": None if self.mask_key is None else data[self.mask_key]}

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Bring the intensities of the images back, but not those of predictions.

        `monai.transforms.Invertd` passes only a prediction, under the key of the image,
        and allows missing keys. Such data keeps its values, unless the transform was
        made with ``restore=True``. Set that if the image is the only item of its
        dictionary and `allow_missing_keys` is always on.
        """
        result = dict(data)
        restore = self.transform.restore
        if restore is None:
            restore = len(result) > 1 or not self.allow_missing_keys
        for key in self.key_iterator(result):
            result[key] = self.transform.undo(result[key], restore=restore)
        return result


class RandomOnKeys(Randomizable, OnKeys):  # type: ignore[misc]
    """A random array transform that changes all items of a dictionary alike."""

    def set_random_state(
        self, seed: int | None = None, state: np.random.RandomState | None = None
    ) -> "RandomOnKeys":
        """Seed the array transform, which draws."""
        super().set_random_state(seed, state)
        self.transform.set_random_state(seed, state)
        return self

    def randomize(self, data: object = None) -> None:
        """Draw one change for all items."""
        self.transform.randomize(data)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Change the images; the dictionary is not changed, the result is a new one."""
        self.randomize()
        return super().__call__(data)

    def options_for(self, data: Mapping[Hashable, Any]) -> dict[str, Any]:
        """The change is not drawn again for each image."""
        return {**super().options_for(data), "randomize": False}


def _copy_of(data: Mapping[Hashable, Any]) -> Any:
    """A new dictionary, or a new subject of TorchIO, with the same items."""
    return copy.copy(data) if is_of_torchio(data) else dict(data)


def _signature(cls: type[OnKeys]) -> inspect.Signature:
    """The arguments of a dictionary transform with those of its array transform."""
    of_array = [*inspect.signature(cls.array_transform).parameters.values()]
    rest = [one for one in of_array if one.kind is one.VAR_KEYWORD]
    taken = [one for one in of_array if one not in rest]
    own = {
        one.name: one
        for parent in reversed(cls.__mro__)
        if issubclass(parent, OnKeys)
        for one in inspect.signature(parent.__init__).parameters.values()
    }
    named = [one for one in own.values() if one.kind is one.KEYWORD_ONLY]
    return inspect.Signature([own["keys"], *taken, *named, *rest])
