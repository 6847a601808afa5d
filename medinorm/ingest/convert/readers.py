"""How each kind of candidate is read: its files, scanner, image and label map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from pydicom.dataset import Dataset

from medinorm.config import IngestConfig, InputConfig
from medinorm.errors import GeometryError, ReadError, ScanError
from medinorm.files.atomic import read_json
from medinorm.files.formats import files_of_image, image_suffixes, read_image
from medinorm.files.nifti import Volume
from medinorm.ingest.archives import on_disk
from medinorm.ingest.bids.sidecars import read_sidecar
from medinorm.ingest.convert.checks import on_grid_of
from medinorm.ingest.convert.settle import (
    prefer_place,
    settle_alone,
    settle_places,
)
from medinorm.ingest.convert.stack_channels import (
    check_one_scanner,
    check_one_space,
    stack_channels,
)
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.deidentify.scanner_identity import read_identity, read_metadata
from medinorm.ingest.deidentify.scanner_models import rename_scanner
from medinorm.ingest.dicom.files import read_header, text_of
from medinorm.ingest.dicom.volume import Reading, read_series_part
from medinorm.ingest.labels.dicom_labels import read_annotation
from medinorm.ingest.plan.candidates import ChannelSource, DicomSource, NiftiSource
from medinorm.ingest.plan.judge_series import frames_of
from medinorm.ingest.plan.stage import SERIES_FOLDER
from medinorm.records.scans import Identity

_SERIES = "series"  # the role of a single channel


class ScanReader(Protocol):
    """What convert asks of a candidate."""

    @property
    def channels(self) -> Sequence[str]:
        """Names of the image channels."""

    @property
    def inputs(self) -> Mapping[str, Sequence[Path]]:
        """The files that go in, by role."""

    def identity(self, pseudonyms: Pseudonyms) -> Identity:
        """The scanner and its settings."""

    def image(self) -> Reading:
        """The image, all channels on one grid, and notes for its sidecar."""

    def label(self, image: Volume) -> Reading | None:
        """The label map on the grid of the image, if any, and notes for its sidecar."""


@dataclass(frozen=True)
class NiftiReader:
    """A scan in image files, one for each channel."""

    source: NiftiSource
    input: InputConfig
    ingest: IngestConfig

    @property
    def channels(self) -> Sequence[str]:
        """Names of the image channels, in the study's order."""
        return self.input.channels

    @property
    def inputs(self) -> Mapping[str, Sequence[Path]]:
        """Each channel's files, those of the label map and JSON sidecars."""
        images = self.source.channels
        named = {f"channel {name}": images[name] for name in self.channels}
        if self.source.label:
            named["label map"] = self.source.label
        files = {role: _files(path, role) for role, path in named.items()}
        return files | {"JSON sidecar": list(self.source.metadata or ())}

    def identity(self, pseudonyms: Pseudonyms) -> Identity:
        """From the JSON sidecars; a later one overrides an earlier one."""
        merged: dict[str, object] = {}
        for path in self.inputs["JSON sidecar"]:
            merged |= read_sidecar(path)
        return read_metadata(merged, pseudonyms)

    def image(self) -> Reading:
        """All channels, turned to the axes of the first."""
        readings = [self._channel(name) for name in self.channels]
        first = readings[0].volume
        notes = [note for reading in readings for note in _notes_of(reading)]
        if first.places and self.source.label:
            label = _read_image(self.source.label, "label map", self.ingest).volume
            first, _, said = self._settled(first, label, "label map")
            notes += said
        elif first.places:
            first, said = settle_alone(first)
            notes += said
        turned = [first]
        for name, reading in zip(self.channels[1:], readings[1:], strict=True):
            role = f"channel {name}"
            _, volume, said = self._settled(first, reading.volume, role)
            turned.append(_turned(first, volume, role, self.ingest.grid_tolerance))
            notes += said
        array = np.concatenate([volume.array for volume in turned])
        return Reading(first.with_array(array), _as_notes(notes))

    def label(self, image: Volume) -> Reading | None:
        """From its own file."""
        path = self.source.label
        return _read_label(path, image, self.ingest) if path else None

    def _settled(
        self, image: Volume, other: Volume, role: str
    ) -> tuple[Volume, Volume, Sequence[str]]:
        """Image and another file at the place that they share, and notes."""
        settled = settle_places(image, other, role, self.ingest.grid_tolerance)
        return settled.image, settled.other, settled.notes

    def _channel(self, name: str) -> Reading:
        """One channel's file."""
        role = f"channel {name}"
        reading = _read_image(self.source.channels[name], role, self.ingest)
        channels = len(reading.volume.array)
        if channels != 1:
            raise ReadError(f"{role}: has {channels} volumes; give one file a channel")
        return reading


@dataclass(frozen=True)
class DicomReader:
    """A scan in the files of a DICOM series, or of one for each channel."""

    source: DicomSource
    input: InputConfig
    ingest: IngestConfig
    private: Path
    unpacked: Path

    @property
    def channels(self) -> Sequence[str]:
        """Names of the image channels, in the study's order."""
        return self.input.channels

    @property
    def inputs(self) -> Mapping[str, Sequence[Path]]:
        """The files of each channel's series and the label map or SEG."""
        labels = [self.source.label or self.source.annotation]
        label_files = self._label_files(list(filter(None, labels)))
        return {**self._series, **({"label map": label_files} if label_files else {})}

    @property
    def _sources(self) -> Mapping[str, ChannelSource]:
        """Where each channel is, by its role."""
        if not self.source.others:
            return {_SERIES: self.source.first}
        others = self.source.others
        named = {name: others.get(name) for name in self.channels[1:]}
        if len(named) != len(others) or None in named.values():
            raise ReadError("was planned with other channels; plan again")
        return {
            f"channel {name}": source or self.source.first
            for name, source in {self.channels[0]: None, **named}.items()
        }

    @property
    def _series(self) -> Mapping[str, Sequence[Path]]:
        """The files of each channel, by its role."""
        return {
            role: on_disk(
                list(map(Path, read_json(self.private / SERIES_FOLDER / source.files))),
                self.unpacked / role.replace(" ", "-"),
            )
            for role, source in self._sources.items()
        }

    def _headers(self) -> dict[str, Dataset]:
        """The header of the first file of each channel, by its role."""
        headers = {role: read_header(files[0]) for role, files in self._series.items()}
        known = {role: own for role, own in headers.items() if own is not None}
        if len(known) < len(headers):
            raise ReadError("a file of the series is not DICOM any more; plan again")
        return known

    def identity(self, pseudonyms: Pseudonyms) -> Identity:
        """Of the first channel: from its first file, for a frame of this scan's."""
        sources, identities = self._sources, {}
        for role, header in self._headers().items():
            frames = sources[role].frames
            first = frames[0][0] if frames else 0
            identities[role] = read_identity(header, pseudonyms, first)
        named = {
            role: rename_scanner(own, self.ingest.scanners)
            for role, own in identities.items()
        }
        check_one_scanner(named)
        return next(iter(identities.values()))

    def image(self) -> Reading:
        """The volumes that the slices make, on the grid of the first channel."""
        files, sources = self._series, self._sources
        if len(sources) == 1:
            return self._channel(self.source.first, files[_SERIES])
        spaces = self._spaces()
        check_one_space(spaces)
        readings = {
            role: self._channel(source, files[role]) for role, source in sources.items()
        }
        return stack_channels(readings, spaces, self.ingest.grid_tolerance)

    def _spaces(self) -> dict[str, str]:
        """UID of the frame of reference of each channel, empty if it has none."""
        return {
            role: text_of(header, "FrameOfReferenceUID")
            for role, header in self._headers().items()
        }

    def _channel(self, source: ChannelSource, files: Sequence[Path]) -> Reading:
        """The volume of one channel."""
        numbers = source.frames or [None] * len(files)
        reading = read_series_part(frames_of(files, numbers), self.ingest.geometry)
        return reading.with_changes(source.notes)

    def _label_files(self, labels: Sequence[Path]) -> Sequence[Path]:
        """Files of the label map; copies out of an archive keep their suffix."""
        copies = on_disk(labels, self.unpacked / "label", image_suffixes())
        return [file for path in copies for file in _files(path, "label map")]

    def label(self, image: Volume) -> Reading | None:
        """From the label table's file, or else from a SEG or RTSTRUCT."""
        if not (self.source.label or self.source.annotation):
            return None
        path = self.inputs["label map"][0]
        if self.source.label:
            return _read_label(path, image, self.ingest)
        tolerance = self.ingest.grid_tolerance * min(image.spacing)
        space = next(iter(self._spaces().values()))
        others, ignored = self.input.others, self.input.ignored_names
        names = {**self.input.label_values, **ignored}
        label = read_annotation(
            path, image, names, tolerance, space, others, optional=tuple(ignored)
        )
        return Reading(label)


def join_notes(image: Reading, label: Reading | None) -> Mapping[str, object]:
    """The notes of an image, and what was changed of its label map, if it has one."""
    of_label = _notes_of(label) if label else ()
    changes = dict.fromkeys([*_notes_of(image), *of_label])
    return {**image.notes, **_as_notes(list(changes))}


def _files(path: Path, role: str) -> Sequence[Path]:
    """All files of an image; errors say which one of the scan it was."""
    try:
        return files_of_image(path)
    except ScanError as error:
        raise type(error)(f"{role}: {error}") from None


def _read_image(path: Path, role: str, ingest: IngestConfig) -> Reading:
    """An image file; errors say which one of the scan it was."""
    try:
        volume, notes = prefer_place(read_image(path), ingest.nifti_place)
    except ScanError as error:
        raise type(error)(f"{role}: {error}") from None
    return Reading(volume, _as_notes([f"{role}: {note}" for note in notes]))


def _read_label(path: Path, image: Volume, ingest: IngestConfig) -> Reading:
    """A label map in a file of its own, turned to the axes of the image."""
    role, tolerance = "label map", ingest.grid_tolerance
    reading = _read_image(path, role, ingest)
    settled = settle_places(image, reading.volume, role, tolerance)
    notes = [*_notes_of(reading), *settled.notes]
    volume = _turned(image, settled.other, role, tolerance)
    return replace(reading, volume=volume, notes=_as_notes(notes))


def _as_notes(changes: Sequence[str]) -> Mapping[str, object]:
    """Notes for a sidecar; the quality page shows them."""
    return {"GeometryChanges": list(changes)} if changes else {}


def _notes_of(reading: Reading) -> Sequence[str]:
    """What was changed, of an image file."""
    changes = reading.notes.get("GeometryChanges", ())
    return [str(change) for change in changes] if isinstance(changes, list) else []


def _turned(image: Volume, volume: Volume, role: str, tolerance: float) -> Volume:
    """A volume turned to the axes of the image."""
    try:
        return on_grid_of(image, volume, tolerance)
    except GeometryError as error:
        raise GeometryError(f"{role}: {error}") from None
