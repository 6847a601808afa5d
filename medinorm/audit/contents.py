"""What is packed inside a file: compressed streams, archives, embedded images."""

import base64
import bz2
import gzip
import lzma
import re
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Sequence
from io import BytesIO
from typing import BinaryIO, cast

# What damaged or encrypted content raises.
DAMAGED: tuple[type[Exception], ...] = (
    *(EOFError, OSError, RuntimeError, NotImplementedError, ValueError, struct.error),
    *(zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, UnicodeError),
)

_HEAD = 4096
_CHUNK = 1 << 20
_IN_MEMORY = 1 << 24  # bytes of an embedded stream; more goes to a temporary file
_MARK = b";base64,"
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s\\]")
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXTS = {b"zTXt": 2, b"iTXt": 3}  # how many NUL-ended fields come first, at least
_DEFLATED = b"1.2.840.10008.1.2.1.99\0"

# Names and streams. A stream is read before the next one is asked for.
Inner = Generator[tuple[str, BinaryIO], None, None]


def open_inside(stream: BinaryIO) -> Inner:
    """The streams packed in a stream, each with its name, if there are any.

    gzip, bzip2, xz, ZIP, tar, deflated DICOM, texts in PNG and base64 in pages and
    notebooks are known, by content and not by suffix.

    Args:
        stream: seekable, read from its beginning.

    Raises:
        Exception: one of `DAMAGED`, also while an inner stream is read.
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    for fits, openers in _KINDS:
        if fits(head):
            stream.seek(0)
            yield from openers(stream)
            return
    stream.seek(0)
    yield from _in_base64(stream)


def _gzip(stream: BinaryIO) -> Inner:
    # Slower than igzip, but it returns what a damaged stream has before the damage.
    with gzip.GzipFile(fileobj=stream, mode="rb") as packed:
        yield "", cast("BinaryIO", packed)


def _bzip2(stream: BinaryIO) -> Inner:
    yield "", cast("BinaryIO", bz2.BZ2File(stream))


def _xz(stream: BinaryIO) -> Inner:
    with lzma.LZMAFile(stream) as packed:
        yield "", cast("BinaryIO", packed)


def _zip(stream: BinaryIO) -> Inner:
    """Members of a ZIP archive, decompressed."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as whole:
        # The table of a ZIP is at its end, which a decompressed stream cannot seek.
        shutil.copyfileobj(stream, whole)
        with zipfile.ZipFile(cast("BinaryIO", whole)) as archive:
            for info in archive.infolist():
                with archive.open(info) as member:
                    yield info.filename, cast("BinaryIO", member)


def _tar(stream: BinaryIO) -> Inner:
    """Members of a tar archive; their names stand in the archive as plain bytes."""
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for info in archive:
            member = archive.extractfile(info) if info.isfile() else None
            if member is not None:
                yield info.name, cast("BinaryIO", member)


def _png(stream: BinaryIO) -> Inner:
    """Compressed texts of a PNG image; its other texts need no unpacking."""
    stream.seek(len(_PNG))
    while len(head := stream.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        content = stream.read(size) if kind in _PNG_TEXTS else b""
        if not content:
            stream.seek(size, 1)
        else:
            yield kind.decode(), BytesIO(_inflated_tail(content))
        stream.seek(4, 1)


def _inflated_tail(content: bytes) -> bytes:
    """The compressed text at the end of a chunk, wherever its fields end."""
    for match in re.finditer(rb"\x00", content):
        for start in (match.end(), match.end() + 1):
            try:
                return zlib.decompress(content[start:])
            except zlib.error:
                continue
    return b""


def _deflated_dicom(stream: BinaryIO) -> Inner:
    """The data set of a DICOM file whose transfer syntax is deflated."""
    stream.seek(132)
    head = stream.read(12)
    if head[:4] != b"\x02\0\0\0":
        raise ValueError("no group length")
    stream.seek(144 + struct.unpack("<I", head[8:])[0])
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spooled:
        chunk = b""
        # At its end a stream may leave a byte of padding in its tail, forever.
        while not inflate.eof and (chunk := chunk or stream.read(_CHUNK)):
            spooled.write(inflate.decompress(chunk, _CHUNK))
            chunk = inflate.unconsumed_tail
        spooled.write(inflate.flush())
        yield "", cast("BinaryIO", spooled)


def _in_base64(stream: BinaryIO) -> Inner:
    """Contents of ``data:`` addresses."""
    rest = b""
    number = 0
    while chunk := stream.read(_CHUNK):
        rest += chunk
        while (start := rest.find(_MARK)) >= 0:
            number += 1
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spooled:
                embedded = cast("BinaryIO", spooled)
                rest = _decode(rest[start + len(_MARK) :], stream, embedded)
                yield f"embedded {number}", embedded
        rest = rest[-len(_MARK) :]


def _decode(text: bytes, stream: BinaryIO, target: BinaryIO) -> bytes:
    """Decode base64 that begins in `text` and goes on in `stream`; what follows it."""
    pending = b""
    while text:
        end = _NOT_BASE64.search(text)
        piece = text[: end.start()] if end else text
        # Notebooks write line ends as two characters.
        pending += re.sub(rb"\\n|\\|\s", b"", piece)
        whole = len(pending) // 4 * 4
        target.write(base64.b64decode(pending[:whole]))
        pending = pending[whole:]
        if end:
            return text[end.start() :]
        text = stream.read(_CHUNK)
    return b""


_KINDS: Sequence[tuple[Callable[[bytes], bool], Callable[[BinaryIO], Inner]]] = (
    (lambda head: head[:2] == b"\x1f\x8b", _gzip),
    (lambda head: head[:3] == b"BZh", _bzip2),
    (lambda head: head[:6] == b"\xfd7zXZ\0", _xz),
    (lambda head: head[:4] in {b"PK\3\4", b"PK\5\6"}, _zip),
    (lambda head: head[257:262] == b"ustar", _tar),
    (lambda head: head[:8] == _PNG, _png),
    (lambda head: head[128:132] == b"DICM" and _DEFLATED in head, _deflated_dicom),
)
