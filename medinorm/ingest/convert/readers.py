"""How each kind of candidate is read: its files, scanner, image and label map."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from medinorm.config import IngestConfig, InputConfig
from medinorm.errors import GeometryError, ReadError, ScanError
from medinorm.files.atomic import read_json
from medinorm.files.formats import read_image
from medinorm.files.nifti import Volume
from medinorm.ingest.archives import on_disk
from medinorm.ingest.convert.checks import on_grid_of
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.deidentify.scanner_identity import read_identity, read_metadata
from medinorm.ingest.dicom.files import read_header, text_of
from medinorm.ingest.dicom.volume import Reading, read_series_part
from medinorm.ingest.labels.dicom_labels import read_annotation
from medinorm.ingest.plan.candidates import DicomSource, NiftiSource
from medinorm.ingest.plan.judge_series import frames_of
from medinorm.ingest.plan.stage import SERIES_FOLDER
from medinorm.records.scans import Identity


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

    def label(self, image: Volume) -> Volume:
        """The label map on the grid of the image."""


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
        """Each channel's file, the label map and JSON sidecars."""
        images = self.source.channels
        named = {f"channel {name}": [images[name]] for name in self.channels}
        return named | {
            "label map": [self.source.label],
            "JSON sidecar": list(self.source.metadata or ()),
        }

    def identity(self, pseudonyms: Pseudonyms) -> Identity:
        """From the JSON sidecars; a later one overrides an earlier one."""
        merged: dict[str, object] = {}
        for path in self.inputs["JSON sidecar"]:
            merged |= _read_sidecar(path)
        return read_metadata(merged, pseudonyms)

    def image(self) -> Reading:
        """All channels, turned to the axes of the first."""
        volumes = [self._channel(name) for name in self.channels]
        first = volumes[0]
        turned = [first]
        for name, volume in zip(self.channels[1:], volumes[1:], strict=True):
            with_role = f"channel {name}"
            turned.append(_turned(first, volume, with_role, self.ingest.grid_tolerance))
        array = np.concatenate([volume.array for volume in turned])
        return Reading(first.with_array(array))

    def label(self, image: Volume) -> Volume:
        """From its own file."""
        return _read_label(self.source.label, image, self.ingest.grid_tolerance)

    def _channel(self, name: str) -> Volume:
        """One channel's file."""
        role = f"channel {name}"
        volume = _read_image(self.inputs[role][0], role)
        if len(volume.array) != 1:
            raise ReadError(
                f"{role}: has {len(volume.array)} volumes; give one file a channel"
            )
        return volume


@dataclass(frozen=True)
class DicomReader:
    """A scan in the files of a DICOM series."""

    source: DicomSource
    input: InputConfig
    ingest: IngestConfig
    private: Path
    unpacked: Path

    @property
    def channels(self) -> Sequence[str]:
        """The study's only channel."""
        return self.input.channels

    @property
    def inputs(self) -> Mapping[str, Sequence[Path]]:
        """The series' files and the label map or SEG."""
        files = read_json(self.private / SERIES_FOLDER / self.source.files)
        labels = [self.source.label or self.source.annotation]
        return {
            "series": on_disk([Path(path) for path in files], self.unpacked / "series"),
            "label map": on_disk(list(filter(None, labels)), self.unpacked / "label"),
        }

    def identity(self, pseudonyms: Pseudonyms) -> Identity:
        """From the header of the first file, for a frame of this scan's."""
        header = read_header(self.inputs["series"][0])
        if header is None:
            raise ReadError("a file of the series is not DICOM any more; plan again")
        first = self.source.frames[0][0] if self.source.frames else 0
        return read_identity(header, pseudonyms, first)

    def image(self) -> Reading:
        """The volume that the slices make."""
        files = self.inputs["series"]
        numbers = self.source.frames or [None] * len(files)
        reading = read_series_part(frames_of(files, numbers), self.ingest.geometry)
        return reading.with_changes(self.source.notes)

    def label(self, image: Volume) -> Volume:
        """From the label table's file, or else from a SEG or RTSTRUCT."""
        path = self.inputs["label map"][0]
        tolerance = self.ingest.grid_tolerance
        if self.source.label:
            return _read_label(path, image, tolerance)
        header = read_header(self.inputs["series"][0])
        space = text_of(header, "FrameOfReferenceUID") if header else ""
        names = self.input.label_values
        return read_annotation(path, image, names, tolerance, space)


def _read_image(path: Path, role: str) -> Volume:
    """An image file; errors say which one of the scan it was."""
    try:
        return read_image(path)
    except ScanError as error:
        raise type(error)(f"{role}: {error}") from None


def _read_label(path: Path, image: Volume, tolerance: float) -> Volume:
    """A label map in a file of its own, turned to the axes of the image."""
    volume = _read_image(path, "label map")
    return _turned(image, volume, "label map", tolerance)


def _turned(image: Volume, volume: Volume, role: str, tolerance: float) -> Volume:
    """A volume turned to the axes of the image."""
    try:
        return on_grid_of(image, volume, tolerance)
    except GeometryError as error:
        raise GeometryError(f"{role}: {error}") from None


def _read_sidecar(path: Path) -> dict[str, object]:
    """The entries of a JSON sidecar."""
    try:
        entries = read_json(path)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        raise ReadError("JSON sidecar: is no JSON; repair or remove it") from None
    if not isinstance(entries, dict):
        raise ReadError("JSON sidecar: is no JSON object; repair or remove it")
    return entries
