"""How tests read the files of one DICOM series."""

from medinorm.ingest.dicom.frames import read_frames
from medinorm.ingest.dicom.volume import read_series_part


def read_series(files):
    """The files of a series as one volume: no division, no policy."""
    frames = [frame for path in files for frame in read_frames(path)]
    return read_series_part(frames).volume
