"""Writing so that nothing is half-written: what an error, a full disk or Ctrl-C leaves behind."""

import hashlib
import os

import pytest

from zoo.files import atomic_path, sha256


class Stop(BaseException):
    """As KeyboardInterrupt: no Exception."""


def directory(path, **files):
    path.mkdir()
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def tree(path):
    return {str(p.relative_to(path)): p.is_file() and p.read_text() for p in path.rglob("*")}


def test_a_new_file_in_new_folders(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent.parent == path.parent  # the same disk: the rename is one step
        assert temporary.name == path.name and not path.exists()
    assert tree(tmp_path / "a") == {"b": False, "b/file.txt": "new"}


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with atomic_path(str(path)) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert tree(tmp_path) == {"file": "new"}


def test_a_directory_is_replaced_as_a_whole(tmp_path):
    path = directory(tmp_path / "d", old="1", both="1")
    with atomic_path(path) as temporary:
        directory(temporary, both="2", new="2")
        assert tree(path) == {"old": "1", "both": "1"}
    assert tree(tmp_path) == {"d": False, "d/both": "2", "d/new": "2"}


@pytest.mark.parametrize("error", [ValueError, Stop])
@pytest.mark.parametrize("old", ["nothing", "file", "directory"])
def test_an_error_in_the_block_changes_nothing(tmp_path, old, error):
    path = tmp_path / "x"
    if old == "file":
        path.write_text("old")
    elif old == "directory":
        directory(path, a="old")
    before = tree(tmp_path)
    with pytest.raises(error):
        with atomic_path(path) as temporary:
            directory(temporary, half="written")
            raise error
    assert tree(tmp_path) == before


@pytest.mark.parametrize("error", [OSError, Stop])
def test_a_directory_comes_back_if_the_second_rename_fails(tmp_path, monkeypatch, error):
    path = directory(tmp_path / "d", a="old")
    rename = os.rename

    def failing(source, target):
        if target == path and source.name == path.name:
            raise error
        rename(source, target)

    with pytest.raises(error):
        with atomic_path(path) as temporary:
            directory(temporary, a="new")
            monkeypatch.setattr(os, "rename", failing)
    assert tree(tmp_path) == {"d": False, "d/a": "old"}


def test_a_file_never_replaces_a_directory_nor_the_reverse(tmp_path):
    folder, file = directory(tmp_path / "d", a="old"), tmp_path / "f"
    file.write_text("old")
    with pytest.raises(IsADirectoryError, match="/d'"):
        with atomic_path(folder) as temporary:
            temporary.write_text("new")
    with pytest.raises(NotADirectoryError):
        with atomic_path(file) as temporary:
            directory(temporary, a="new")
    assert tree(tmp_path) == {"d": False, "d/a": "old", "f": "old"}


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    folder = directory(tmp_path / "d", a="old")
    for path in (folder, tmp_path / "new"):
        with pytest.raises(FileNotFoundError):
            with atomic_path(path):
                pass
    assert tree(tmp_path) == {"d": False, "d/a": "old"}


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    with atomic_path(tmp_path / "atomic") as temporary:
        temporary.write_text("")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_sha256(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    data = bytes(range(256)) * 5000  # more than one block
    path.write_bytes(data)
    assert sha256(str(path)) == hashlib.sha256(data).hexdigest()
