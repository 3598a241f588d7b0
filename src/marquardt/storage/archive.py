"""The archive: named arrays and one description in a zip file, every byte of them under a checksum.

Members are stored, not compressed, so that no file unpacks to more than it is, and carry no date, so that equal
content gives equal bytes:

- ``network.json``: the description; for every array its type, shape and SHA-256;
- ``network.json.sha256``: the checksum of the description, as ``sha256sum -c`` reads it;
- one ``.npy`` file an array, little-endian.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from marquardt._version import __version__
from marquardt.arrays import AnyArray
from marquardt.checks import nearest
from marquardt.errors import FileError, MissingExtraError, first_line

__all__ = ["read_archive", "section", "write_archive"]

KIND = "marquardt network"
DESCRIPTION = "network.json"
CHECKSUM = "network.json.sha256"
TYPES = ("<f8", "<i8")
MOST_MEMBERS = 64
MOST_DESCRIPTION_BYTES = 16 << 20
MOST_VALUES = 1_000_000
"""Lists, dicts and their entries in a description: each takes far more memory than its few bytes of text."""
MOST_HEADER_BYTES = 4096
LONG = 1 << 19
"""From here on a description is written without lines, which take it several times as long."""
LONGEST_REASON = 300
TOOK_FROM_SYSTEM = 3  # Unix: else `zipfile` would write on which system the file was made


def damaged(path: Path, what: str) -> FileError:
    """Return the error for a file that was a network file once."""
    return FileError(f"{path} is damaged: {what}. Copy it again from where it came from, or train again.")


@contextlib.contextmanager
def section(path: str | os.PathLike[str], name: str) -> Iterator[None]:
    """Within the block, whatever does not fit is an error that names the file and this section of it."""
    try:
        yield
    except MissingExtraError:
        raise
    except Exception as error:  # the description may be made by hand: anything in it may be of any type
        if isinstance(error, FileError) and str(path) in str(error):
            raise
        reason = first_line(error)
        reason = reason if len(reason) <= LONGEST_REASON else reason[:LONGEST_REASON] + "…"
        raise damaged(
            Path(path), f"its section {name!r} does not fit together ({type(error).__name__}: {reason})"
        ) from error


def write_archive(path: Path, description: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> None:
    """Write a description and arrays; equal content gives equal bytes."""
    members = {}
    listed = {}
    for name, array in arrays.items():
        little = np.ascontiguousarray(array, dtype="<i8" if array.dtype.kind in "iu" else "<f8")
        buffer = io.BytesIO()
        np.save(buffer, little, allow_pickle=False)
        members[f"{name}.npy"] = buffer.getvalue()
        listed[name] = {
            "type": little.dtype.str,
            "shape": list(little.shape),
            "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        }
    text = _written({**description, "arrays": listed})
    checksum = f"{hashlib.sha256(text).hexdigest()}  {DESCRIPTION}\n".encode("ascii")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {DESCRIPTION: text, CHECKSUM: checksum, **members}.items():
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = TOOK_FROM_SYSTEM
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)


def _written(description: Mapping[str, Any]) -> bytes:
    """The text of a description; a line a value where people may read it."""
    text = json.dumps(description, allow_nan=False, separators=(",", ":")).encode("ascii")
    if not _is_bounded(text):
        largest = max(description, key=lambda name: len(json.dumps(description[name])))
        raise FileError(
            f"The description of this network is larger than a network file may have: {len(text) / 2**20:.0f} MB, most "
            f"of it {largest!r}. Leave part of that out."
        )
    return text if len(text) > LONG else json.dumps(description, allow_nan=False, indent=1).encode("ascii")


def _is_bounded(text: bytes) -> bool:
    """Whether a description can be read within some seconds and some hundred megabytes, whatever it says."""
    return len(text) <= MOST_DESCRIPTION_BYTES and sum(map(text.count, (b"[", b"{", b":"))) <= MOST_VALUES


def read_archive(path: Path, newest: int) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    """Read what `write_archive` wrote, or say what is wrong with the file. Nothing in it is trusted."""
    _refuse_foreign(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(path, archive, newest)
    except FileError:
        raise
    except zipfile.BadZipFile as error:
        raise damaged(path, f"it is cut off or altered ({error})") from error
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror or error}.") from error
    except Exception as error:  # what a parser of hostile bytes may raise is not a list that can be kept
        raise damaged(path, f"it cannot be read ({type(error).__name__}: {error})") from error


def _refuse_foreign(path: Path) -> None:
    try:
        if path.is_dir():
            raise FileError(f"{path} is a folder. Name a network file in it, such as concrete.marquardt.")
        if not path.exists():
            folder = path.parent
            if not folder.is_dir():
                raise FileError(f"There is no file {path}: there is no folder {folder}.")
            names = [entry.name for entry in folder.iterdir() if entry.suffix == ".marquardt"]
            raise FileError(f"There is no file {path}.{nearest(path.name, names)}")
        if not path.is_file():
            raise FileError(f"{path} is not an ordinary file. Name a network file, such as concrete.marquardt.")
        with open(path, "rb") as file:
            start = file.read(4)
    except FileError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # no permission, a loop of links, a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"Cannot read {str(path)!r}: {reason}.") from error
    if not start:
        raise FileError(f"{path} is empty: it is no network file. Was writing it interrupted?")
    if start != b"PK\x03\x04":
        raise _foreign(path)


def _foreign(path: Path) -> FileError:
    return FileError(
        f"{path} is not a network file. `marquardt train` and `save` of a network write such files "
        f"(*.marquardt); a table is read by `marquardt train` and as the second file of `marquardt predict`."
    )


def _read(path: Path, archive: zipfile.ZipFile, newest: int) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    members = {member.filename: member for member in archive.infolist()}
    if DESCRIPTION not in members:
        raise _foreign(path)
    if len(members) != len(archive.infolist()) or len(members) > MOST_MEMBERS:
        raise damaged(path, "it has members that no network file has")
    size = os.path.getsize(path)
    for member in members.values():
        is_plain = member.compress_type == zipfile.ZIP_STORED and member.compress_size == member.file_size
        if not is_plain or member.flag_bits & 1:
            raise damaged(path, f"its member {member.filename!r} is compressed or encrypted, which no network file is")
    # Also when members overlap, nothing is read that is not there.
    if sum(member.file_size for member in members.values()) > size:
        raise damaged(path, "its members claim more bytes than the file has")

    description = _description(path, archive, members, newest)
    listed = description.get("arrays")
    if not isinstance(listed, dict):
        raise damaged(path, "its description lists no arrays")
    names = {f"{name}.npy": name for name in listed}
    for missing in sorted(names.keys() - members.keys()):
        raise damaged(path, f"its member {missing!r} is missing")
    for extra in sorted(members.keys() - names.keys() - {DESCRIPTION, CHECKSUM}):
        raise damaged(path, f"its member {extra!r} is not in its description")
    return description, {name: _array(path, archive, members[member], listed[name]) for member, name in names.items()}


def _description(
    path: Path, archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], newest: int
) -> dict[str, Any]:
    if members[DESCRIPTION].file_size > MOST_DESCRIPTION_BYTES:
        raise damaged(path, "its description is larger than any network needs")
    text = archive.read(members[DESCRIPTION])
    if not _is_bounded(text):
        raise damaged(path, "its description has more values than any network needs")
    if CHECKSUM in members:
        expected = f"{hashlib.sha256(text).hexdigest()}  {DESCRIPTION}\n".encode("ascii")
        if members[CHECKSUM].file_size != len(expected) or archive.read(members[CHECKSUM]) != expected:
            raise damaged(path, "its description was altered, its checksum does not fit")
    description = json.loads(text)
    if not isinstance(description, dict) or description.get("kind") != KIND:
        raise _foreign(path)
    version = description.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise damaged(path, f"its format {version!r} is no format number")
    if version > newest:
        raise FileError(
            f"{path} was written by a newer marquardt: it has format {version}, and marquardt {__version__} reads up "
            f"to format {newest}. Upgrade with: pip install --upgrade marquardt"
        )
    if CHECKSUM not in members:
        raise damaged(path, f"its member {CHECKSUM!r} is missing")
    return description


def _array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, listed: Any) -> AnyArray:
    """Read one array, of the type and shape that the description lists and no other."""
    shape = tuple(listed["shape"])
    kind = listed["type"]
    if kind not in TYPES or not all(type(length) is int and 0 <= length < 2**48 for length in shape) or len(shape) > 2:
        raise damaged(path, f"its member {member.filename!r} has a type or shape that no network file has")
    n_bytes = 8 * math.prod(shape)
    if not n_bytes < member.file_size <= n_bytes + MOST_HEADER_BYTES:
        raise damaged(path, f"its member {member.filename!r} has not the size that its shape {shape} needs")
    content = archive.read(member)
    if hashlib.sha256(content).hexdigest() != listed["sha256"]:
        raise damaged(path, f"its member {member.filename!r} was altered, its checksum does not fit")
    buffer = io.BytesIO(content)
    # The header before the array, because reading an array allocates whatever its header claims.
    if np.lib.format.read_magic(buffer) != (1, 0):
        raise damaged(path, f"its member {member.filename!r} is in a version of the array format that is not used")
    found, is_fortran, dtype = np.lib.format.read_array_header_1_0(buffer, max_header_size=MOST_HEADER_BYTES)
    if found != shape or dtype.str != kind or (is_fortran and len(shape) > 1 and n_bytes > 0):
        raise damaged(path, f"its member {member.filename!r} is not the array that its description lists")
    array: AnyArray = np.frombuffer(content[buffer.tell() :], dtype=kind).reshape(shape)
    return array.astype(np.dtype(kind).newbyteorder("="))
