"""The answers of a session on disk before the next question: a journal beside the case, and its saving.

The journal (`case.yaml.part`) is readable by its owner alone, locked while a session runs, and synced
after every answer. What was cut short in its last line is as if it had not been typed.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

FORMAT = 1


class LockedError(Exception):
    """Another session is asking for this case."""


class Journal:
    """What was answered since the case was last saved, one line each."""

    def __init__(self, case: Path) -> None:
        """Open and lock the journal of a case. Raises LockedError, or OSError where it cannot be written."""
        self.case = case.resolve()
        self.path = self.case.with_name(f"{self.case.name}.part")
        self.entries: list[list[Any]] = []
        self.digest = ""
        while True:
            self.file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _lock(self.file)
            except (BlockingIOError, PermissionError):
                os.close(self.file)
                raise LockedError(str(self.path)) from None
            # Whoever held it may have saved the case and taken the journal away.
            with suppress(OSError):
                if os.stat(self.path).st_ino == os.fstat(self.file).st_ino:
                    break
            os.close(self.file)
        self.path.chmod(0o600)
        self._read()

    def _read(self) -> None:
        with os.fdopen(os.dup(self.file), "rb") as file:
            text = file.read()
        whole = text.rfind(b"\n") + 1
        lines = text[:whole].splitlines()
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                break
            if isinstance(entry, dict):
                self.digest = str(entry.get("case", ""))
            elif isinstance(entry, list):
                self.entries.append(entry)
        self._end = whole
        if whole < len(text):
            os.ftruncate(self.file, whole)
        os.lseek(self.file, whole, os.SEEK_SET)

    def begin(self, text: str) -> None:
        """Say which text of the case the answers were given to."""
        if self.digest != digest_of(text):
            self._write({"format": FORMAT, "case": digest_of(text)})
            self.digest = digest_of(text)

    def add(self, *entry: Any) -> None:
        """Write an entry and wait until the disk has it. Raises OSError, and then nothing of it is there."""
        self._write(list(entry))
        self.entries.append(list(entry))

    def _write(self, entry: Any) -> None:
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        try:
            written = 0
            while written < len(line):
                written += os.write(self.file, line[written:])
            os.fsync(self.file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self.file, self._end)
                os.lseek(self.file, self._end, os.SEEK_SET)
            raise
        self._end += len(line)

    def put_aside(self) -> Path:
        """Keep what stands in the journal under another name, and begin anew."""
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}-{number}")).exists():
            number += 1
        aside.touch(0o600)
        aside.write_bytes(self.path.read_bytes())
        os.ftruncate(self.file, 0)
        os.lseek(self.file, 0, os.SEEK_SET)
        self.entries, self.digest, self._end = [], "", 0
        return aside

    def close(self, remove: bool = False) -> None:
        """Let go of the journal; `remove` when the case was saved, or nothing was ever answered."""
        if remove:
            with suppress(OSError):
                self.path.unlink()
        os.close(self.file)


def digest_of(text: str) -> str:
    """A digest of a text."""
    return sha256(text.encode()).hexdigest()


def load(case: Path) -> str:
    """The text of a case file as it stands, line breaks included. Raises OSError or UnicodeDecodeError."""
    return case.read_bytes().decode("utf-8")


def save(case: Path, text: str) -> None:
    """Write a case whole or not at all; its mode stays, and a symbolic link stays one. Raises OSError."""
    target = case.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with part.open("wb") as file:
            if target.exists():
                part.chmod(target.stat().st_mode & 0o7777)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    with suppress(OSError):  # where a folder cannot be synced the file is there all the same
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _lock(file: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
