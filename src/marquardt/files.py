"""Files that appear whole or not at all: a temporary name beside the target, then one rename."""

from __future__ import annotations

import contextlib
import contextvars
import os
import secrets
import shutil
import stat
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from marquardt.errors import FileError, MarquardtError
from marquardt.wording import by_door

__all__ = ["Journal", "journal", "new_journal", "refuse_existing", "replacing", "replacing_all"]


class Journal:
    """Which files were completed while it was kept, and which are on their way.

    A file counts as completed when it is at its place, however the program ended there: the file that was to be renamed
    is looked for, by its number, and not a note that was made afterward.
    """

    def __init__(self) -> None:
        self._renamed: deque[tuple[Path, Path, tuple[int, int]]] = deque(maxlen=100)
        self._temporary: list[Path] = []
        self.lock = threading.Lock()
        """Held while files are renamed."""

    @property
    def completed(self) -> list[Path]:
        """Files that were written, in their order, each by the name it was asked for by."""
        return [path for path, final, number in self._renamed if _number(final) == number]

    def remove_temporary(self) -> None:
        """Remove what is half written: for who ends a process at once."""
        for path in self._temporary:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


_JOURNAL: contextvars.ContextVar[Journal] = contextvars.ContextVar("journal")


@contextlib.contextmanager
def new_journal() -> Iterator[Journal]:
    """Keep a journal of what is written within the block."""
    token = _JOURNAL.set(Journal())
    try:
        yield _JOURNAL.get()
    finally:
        _JOURNAL.reset(token)


def journal() -> Journal:
    """Return the journal that this thread keeps, a new one at first."""
    found = _JOURNAL.get(None)
    if found is None:
        found = Journal()
        _JOURNAL.set(found)
    return found


def _number(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_dev, found.st_ino


def refuse_existing(path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Check, before any work is done for it, that a file can be written at `path`."""
    path = Path(path)
    try:
        folder = path.resolve().parent
        if not folder.is_dir():
            raise FileError(f"Cannot write {path}: there is no folder {path.parent}. Create it first.")
        if path.is_dir():
            raise FileError(f"Cannot write {path}: it is a folder. Name a file in it.")
        if path.exists():
            if not stat.S_ISREG(path.stat().st_mode):
                raise FileError(f"Cannot write {path}: it is not an ordinary file. Name another one.")
            if not force:
                way = by_door("--force", "force=True")
                raise FileError(f"{path} exists already. Replace it with {way}, or name another file.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FileError(f"Cannot write {path}: no permission to write in the folder {path.parent}.")
    except FileError:
        raise
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # a name too long, a loop of links, a NUL in the name
        raise FileError(f"Cannot write {str(path)!r}: {error}.") from error


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, force: bool = False) -> Iterator[Path]:
    """Write a file so that others see either the old one or the whole new one.

    The body writes to the temporary path it is given, an empty file in the same folder and with the same
    suffix. When the body ends, the file is flushed to the disk and renamed to `path`; when it raises,
    whatever it raises, the temporary file is removed and `path` is as it was. A link at `path` keeps pointing
    where it did, and a replaced file keeps its permissions.
    """
    with replacing_all([path], force=force) as (temporary,):
        yield temporary


@contextlib.contextmanager
def replacing_all(paths: Sequence[str | os.PathLike[str]], *, force: bool = False) -> Iterator[list[Path]]:
    """Write several files as one: each appears whole, and all of them or none.

    All are flushed to the disk before the first is renamed. If one cannot be renamed, those before it are put back;
    only a computer that stops between two renames can part them.
    """
    targets = [Path(path) for path in paths]
    for path in targets:
        refuse_existing(path, force=force)
    kept, path = journal(), targets[0]
    finals = [path.resolve() for path in targets]
    made = [final.with_name(f".{final.stem[:100]}-{secrets.token_hex(6)}{final.suffix}") for final in finals]
    kept._temporary += made
    old: list[Path] = []
    try:
        for temporary in made:
            # Created here and not by `tempfile`, whose files only their owner may read.
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield list(made)
        for path, temporary, final in zip(targets, made, finals, strict=True):
            with open(temporary, "rb+") as written:
                os.fsync(written.fileno())
            refuse_existing(path, force=force)
            with contextlib.suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(final.stat().st_mode))
        for temporary, final in zip(made[:-1], finals[:-1], strict=True):
            old.append(temporary.with_name(f"{temporary.stem}-old{temporary.suffix}"))
            kept._temporary.append(old[-1])
            _keep(final, old[-1])
        kept._renamed += [(path, final, _number(each)) for path, final, each in zip(targets, finals, made, strict=True)]
        with kept.lock:
            _rename(targets, made, finals, old)
        for folder in {final.parent for final in finals}:
            _flush_folder(folder)
    except MarquardtError:
        raise
    except OSError as error:
        raise FileError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        for temporary in (*made, *old):
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        kept._temporary = [path for path in kept._temporary if path not in (*made, *old)]


def _rename(paths: Sequence[Path], made: Sequence[Path], finals: Sequence[Path], old: Sequence[Path]) -> None:
    """Rename all, or none; an interrupt between two waits for the others."""
    path, n_done = paths[0], 0
    interrupt: KeyboardInterrupt | None = None
    try:
        while n_done < len(made):
            try:
                path = paths[n_done]
                if made[n_done].exists():
                    os.replace(made[n_done], finals[n_done])
                n_done += 1
            except KeyboardInterrupt as error:
                interrupt = error
    except OSError as error:
        for final, before in zip(finals[:n_done], old, strict=False):
            with contextlib.suppress(OSError):
                if before.exists():
                    os.replace(before, final)
                else:
                    final.unlink()
        raise FileError(f"Cannot write {path}: {error.strerror or error}.") from error
    if interrupt is not None:
        raise interrupt


def _keep(final: Path, copy: Path) -> None:
    """Keep what is at a place under a second name, if anything is."""
    if final.exists():
        try:
            os.link(final, copy)
        except OSError:  # a file system without links
            shutil.copy2(final, copy)


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
