"""Keyed pseudonyms: the same original always gets the same name, only with the key.

The key never leaves the private folder. Without it nobody can find out which pseudonym
belongs to whom, not even by trying all patient numbers.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from medinorm.errors import StageError

KEY_NAME = "pseudonym.key"

_KEY_BYTES = 32
_LENGTH = 10  # base32 characters: 50 bits
_LONGEST_LABEL = 60  # names of files have several, and 255 bytes in all


@dataclass(frozen=True)
class Pseudonyms:
    """A maker of pseudonyms.

    Args:
        key: secret of the study.
        keep: whether subjects and sessions keep the input's own names.
    """

    key: bytes = field(repr=False)
    keep: bool = False

    def name(self, kind: str, *original: str, length: int = _LENGTH) -> str:
        """The pseudonym of something of one kind: lower-case letters and digits.

        Args:
            kind: what it is (``subject``, ``series``); the same text of two kinds gets
                unrelated pseudonyms.
            original: the parts that identify it.
            length: number of characters, each worth 5 bits.

        Examples:
            >>> names = Pseudonyms(bytes(32))
            >>> names.name("subject", "Doe") == names.name("subject", "Doe")
            True
            >>> names.name("subject", "a", "b") == names.name("subject", "ab")
            False
        """
        digest = self._digest(kind, original)
        return base64.b32encode(digest).decode("ascii").lower()[:length]

    def number(self, kind: str, *original: str, bits: int) -> int:
        """A number made with the key, the same for the same original.

        Args:
            kind: what it is for, as for `name`.
            original: the parts that identify it.
            bits: how large it may be, at most 256.
        """
        digest = self._digest(kind, original)
        return int.from_bytes(digest, "big") >> (8 * len(digest) - bits)

    def uid(self, original: str) -> str:
        """The UID that takes the place of another, wherever it is referred to.

        Examples:
            >>> Pseudonyms(bytes(32)).uid("1.2.3")[:5]
            '2.25.'

        References:
            DICOM PS3.5, annex B.2: UIDs made of a UUID.
        """
        number = self.number("uid", original, bits=128)
        return f"2.25.{UUID(int=number, version=4).int}"

    def _digest(self, kind: str, original: Sequence[str]) -> bytes:
        """The keyed hash behind each pseudonym."""
        message = "\0".join((kind, *original)).encode("utf-8", "surrogatepass")
        return hmac.new(self.key, message, hashlib.sha256).digest()

    def subjects(self, originals: Iterable[str]) -> dict[str, str]:
        """The label of each subject.

        Raises:
            StageError: two subjects would get the same label.
        """
        return self._labels("subject", {(original,) for original in originals})

    def sessions(self, originals: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The label of each session of a subject, given as subject and session.

        Keys are both joined by NUL. An empty session has an empty label.

        Raises:
            StageError: two sessions of a subject would get the same label.
        """
        pairs = set(originals)
        by_subject: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for pair in pairs:
            if pair[1]:
                by_subject[pair[0]].add(pair)
        labels: dict[str, str] = {}
        for own in by_subject.values():
            labels |= self._labels("session", own)
        return labels | {f"{subject}\0": "" for subject, _ in pairs}

    def label(self, kind: str, *original: str) -> str:
        """The label of something of one kind: its own if the study keeps them.

        A name of a script that BIDS does not allow has a pseudonym in its place; the
        end of a very long one is a pseudonym.

        Args:
            kind: what it is (``subject``, ``session``).
            original: the parts that identify it, its own name last.

        Examples:
            >>> names = Pseudonyms(bytes(32), keep=True)
            >>> names.label("subject", "A-1"), len(names.label("subject", "x" * 300))
            ('A1', 60)
        """
        kept = bids_label(original[-1]) if self.keep else ""
        if kept and len(kept) <= _LONGEST_LABEL:
            return kept
        return kept[: _LONGEST_LABEL - _LENGTH] + self.name(kind, *original)

    def _labels(
        self, kind: str, originals: Collection[tuple[str, ...]]
    ) -> dict[str, str]:
        """Labels by the original's parts joined with NUL, each used once."""
        labels = {"\0".join(parts): self.label(kind, *parts) for parts in originals}
        if len(set(labels.values())) < len(labels) or "" in labels.values():
            raise StageError(
                f"two {kind}s have the same letters and digits, or one has none; "
                f"rename them, or set ingest.subjects to pseudonym"
            )
        return labels


def bids_label(text: str) -> str:
    """The letters and digits of `text`: what BIDS allows in a label.

    Examples:
        >>> bids_label("site-a_001")
        'sitea001'
    """
    return re.sub(r"[^A-Za-z0-9]", "", text)


def open_pseudonyms(private: Path, *, keep: bool = False) -> Pseudonyms:
    """Read the key of the study; make it on first use.

    Args:
        private: folder of the key; only its owner may enter it.
        keep: whether subjects and sessions keep the input's own names.

    Raises:
        StageError: the folder cannot be closed to others, or the key is damaged.
    """
    close_to_others(private)
    path = private / KEY_NAME
    if not path.exists():
        _create_key(path)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise StageError(
            f"{KEY_NAME}: has {len(key)} bytes instead of {_KEY_BYTES}; restore it "
            "from a copy (a new key gives all subjects new names)"
        )
    return Pseudonyms(key, keep)


def close_to_others(private: Path) -> None:
    """Make the folder, readable by its owner only."""
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    if private.stat().st_mode & 0o077 == 0:
        return
    try:
        private.chmod(0o700)
    except PermissionError:
        raise StageError(
            "the private folder is open to others and belongs to someone else; "
            "choose another with `private`"
        ) from None


def _create_key(path: Path) -> None:
    """Write a new key; if another job does so at the same moment, the first wins."""
    temporary = path.with_name(f".{secrets.token_hex(8)}-{path.name}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as stream:
            stream.write(secrets.token_bytes(_KEY_BYTES))
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink(missing_ok=True)
