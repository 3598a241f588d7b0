"""A file appears whole or not at all, and nothing is replaced unasked."""

import os
import stat

import pytest

from marquardt.errors import ConfigurationError, FileError
from marquardt.files import new_journal, refuse_existing, replacing, replacing_all


def test_the_file_appears_whole_and_alone(tmp_path):
    path = tmp_path / "model.bin"
    with replacing(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == path.suffix
        temporary.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["model.bin"]


def write(path, content, *, force=False, before_the_rename=lambda: None):
    with replacing(path, force=force) as temporary:
        temporary.write_bytes(content)
        before_the_rename()


def raiser(error):
    def raise_it():
        raise error

    return raise_it


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, ConfigurationError])
def test_whatever_interrupts_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    with pytest.raises(error):
        write(path, b"half", force=True, before_the_rename=raiser(error("stop")))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.bin"]


def test_a_full_disk_is_a_file_error_that_names_the_file(tmp_path):
    full = raiser(OSError(28, "No space left on device"))
    with pytest.raises(FileError, match=r"Cannot write .*model\.bin: No space left"):
        write(tmp_path / "model.bin", b"half", before_the_rename=full)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("check", [refuse_existing, lambda path: replacing(path).__enter__()])
def test_an_existing_file_is_refused_with_the_way_out(tmp_path, check):
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    with pytest.raises(FileError, match=r"model\.bin exists already.*force=True"):
        check(path)
    assert os.listdir(tmp_path) == ["model.bin"]


def test_a_file_that_came_up_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "model.bin"
    with pytest.raises(FileError, match="exists already"):
        write(path, b"mine", before_the_rename=lambda: path.write_bytes(b"theirs"))
    assert path.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["model.bin"]


def test_force_replaces_and_keeps_the_permissions(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write(path, b"new", force=True)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_has_the_usual_permissions(tmp_path):
    usual, path = tmp_path / "usual", tmp_path / "model.bin"
    usual.write_bytes(b"")
    with replacing(path):
        pass
    assert path.stat().st_mode == usual.stat().st_mode


def test_a_link_keeps_pointing_where_it_did(tmp_path):
    target, link = tmp_path / "target.bin", tmp_path / "link.bin"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write(link, b"new", force=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/model.bin", "there is no folder .*missing. Create it"),
        (".", "it is a folder"),
        ("x" * 300, "File name too long"),
        ("a\0b", "null"),
    ],
)
def test_places_where_no_file_can_be_are_refused(tmp_path, name, message, force):
    with pytest.raises(FileError, match=message):
        refuse_existing(tmp_path / name, force=force)
    with pytest.raises(FileError, match=message), replacing(tmp_path / name, force=force):
        pytest.fail("the body must not run")


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(FileError, match="no permission to write in the folder"):
        refuse_existing(tmp_path / "model.bin")


def test_a_device_is_never_replaced():
    with pytest.raises(FileError, match="not an ordinary file"):
        refuse_existing(os.devnull, force=True)


# -- several files as one -------------------------------------------------------------------------------------------


def write_both(folder, content):
    with replacing_all([folder / "a", folder / "b"], force=True) as temporaries:
        for temporary in temporaries:
            temporary.write_bytes(content)


@pytest.mark.parametrize("there", [[], ["a"], ["b"], ["a", "b"]])
def test_if_the_second_file_cannot_be_renamed_the_first_is_as_it_was(tmp_path, monkeypatch, there):
    for name in there:
        (tmp_path / name).write_bytes(b"old")
    plain = os.replace

    def failing(source, target):
        if str(target).endswith("b"):
            raise OSError(28, "No space left on device")
        plain(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with new_journal() as kept, pytest.raises(FileError, match=r"Cannot write .*b: No space left"):
        write_both(tmp_path, b"new")
    assert kept.completed == []
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(there, b"old")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("which", ["a", "b"])
def test_an_interrupt_between_two_renames_waits_for_both(tmp_path, monkeypatch, which, moment):
    plain, interrupted = os.replace, []

    def interrupting(source, target):
        is_now = str(target).endswith(which) and not interrupted
        if is_now:
            interrupted.append(target)
        if is_now and moment == "before":
            raise KeyboardInterrupt
        plain(source, target)
        if is_now:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupting)
    with new_journal() as kept, pytest.raises(KeyboardInterrupt):
        write_both(tmp_path, b"new")
    assert kept.completed == [tmp_path / "a", tmp_path / "b"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"new", "b": b"new"}


def test_if_one_body_fails_neither_file_appears(tmp_path):
    def fail():
        with replacing_all([tmp_path / "a", tmp_path / "b"]) as temporaries:
            temporaries[0].write_bytes(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []
