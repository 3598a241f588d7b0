"""Files that appear whole or not at all: a temporary name beside the target, then one rename."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from marquardt.errors import FileError, MarquardtError

__all__ = ["refuse_existing", "replacing"]


def refuse_existing(path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Check, before any work is done for it, that a file can be written at `path`.

    Parameters
    ----------
    path : path-like
        Where the file is to appear.
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the folder is missing or not writable, if `path` is a folder or a device, or if a file is in the
        way and `force` is false.

    Examples
    --------
    >>> refuse_existing("no/such/folder/a.marquardt")
    Traceback (most recent call last):
    marquardt.errors.FileError: Cannot write no/such/folder/a.marquardt: there is no folder ...
    """
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
                raise FileError(f"{path} exists already. Replace it with --force (force=True), or name another file.")
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

    Parameters
    ----------
    path : path-like
        Where the file is to appear.
    force : bool
        Whether an existing file may be replaced.

    Yields
    ------
    temporary : pathlib.Path
        Where to write.

    Raises
    ------
    FileError
        What `refuse_existing` refuses, before and after the body; and any `OSError` of the body or the
        rename, such as a full disk.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with replacing(Path(folder.name) / "note.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (Path(folder.name) / "note.txt").read_text()
    'whole'
    >>> folder.cleanup()
    """
    path = Path(path)
    refuse_existing(path, force=force)
    final = path.resolve()
    temporary = final.with_name(f".{final.stem[:100]}-{secrets.token_hex(6)}{final.suffix}")
    try:
        # Created here and not by `tempfile`, whose files only their owner may read.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        refuse_existing(path, force=force)
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(final.stat().st_mode))
        os.replace(temporary, final)
        _flush_folder(final.parent)
    except MarquardtError:
        raise
    except OSError as error:
        raise FileError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
