"""What all readers share: access, stopping or skipping, hints, index files, names of sources."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sets  # noqa: E402

from zoo.data import hints  # noqa: E402
from zoo.data.batches import Batches  # noqa: E402
from zoo.data.readers import SOURCES, index_files, open_source, source_class  # noqa: E402
from zoo.data.readers.index_files import read_lines, read_table  # noqa: E402
from zoo.data.readers.reader import Reader  # noqa: E402
from zoo.errors import ZooError  # noqa: E402


@pytest.fixture
def folder(tmp_path):
    for i in range(6):
        place = "train" if i < 4 else "test"
        sets.write(tmp_path / place / f"{i}.png", sets.ramp(40, 40, i))
    return tmp_path


def test_every_source_has_a_class():
    for name in SOURCES:
        cls = source_class(name)
        assert issubclass(cls, Reader) and cls.__doc__


def test_unknown_names(folder):
    with pytest.raises(ZooError, match="unknown source 'celeb_a'.*Did you mean 'celeba'"):
        open_source("celeb_a", folder, 32)
    with pytest.raises(ZooError, match="unknown option of source photos 'shortr'.*'shorter'"):
        open_source("photos", folder, 32, shortr=40)
    with pytest.raises(ZooError, match="unknown value of unreadable 'skp'.*stop, skip.*'skip'"):
        open_source("photos", folder, 32, unreadable="skp")
    with pytest.raises(ZooError, match="is not a directory"):
        open_source("photos", folder / "nowhere", 32)
    for size in (0, 15, 1025, "64"):
        with pytest.raises(ZooError, match="legal are 16 to 1024 pixels"):
            open_source("photos", folder, size)
    with pytest.raises(ZooError, match="split 'val' is unknown; legal are train, test"):
        open_source("photos", folder, 32).indices("val")


def test_access(folder):
    photos = open_source("photos", folder, 32)
    assert len(photos) == 6
    np.testing.assert_array_equal(photos.identities, np.arange(6))
    # sorted by name: test/4, test/5, train/0 ...
    assert [photos[i]["image"][0, 0, 2] for i in range(6)] == [4, 5, 0, 1, 2, 3]
    assert photos[-1]["image"][0, 0, 2] == 3 and photos[-1]["identity"] == 5
    np.testing.assert_array_equal(photos.indices("train"), [2, 3, 4, 5])
    for index in (6, -7):
        with pytest.raises(IndexError):
            photos[index]


class TestUnreadable:
    def test_stops_and_names_the_file(self, folder):
        (folder / "train/1.png").write_bytes(b"not a picture")
        photos = open_source("photos", folder, 32)
        assert photos[2]["image"][0, 0, 2] == 0
        with pytest.raises(ZooError, match="train/1.png is not a picture of a legal format"):
            photos[3]

    def test_skips_within_the_split_and_says_so(self, folder):
        (folder / "train/3.png").write_bytes((folder / "train/3.png").read_bytes()[:-20])
        photos = open_source("photos", folder, 32, unreadable="skip")
        with pytest.warns(UserWarning, match="train/3.png is damaged"):
            example = photos[5]
        assert example["image"][0, 0, 2] == 0  # after the last of "train" comes its first
        assert example["identity"] == 2  # and all labels are the other's
        assert list(photos.skipped) == ["train/3.png"]
        assert photos[5]["image"][0, 0, 2] == 0  # warned about only once

    def test_a_set_without_anything_readable_is_refused(self, folder):
        for path in folder.glob("*/*.png"):
            path.write_bytes(b"x")
        photos = open_source("photos", folder, 32, unreadable="skip")
        with pytest.warns(UserWarning), pytest.raises(ZooError, match="no example near index 0"):
            photos[0]

    def test_verify_lists_all(self, folder):
        for name in ("train/1.png", "test/5.png"):
            (folder / name).write_bytes(b"")
        done = []
        problems = open_source("photos", folder, 32).verify(lambda *args: done.append(args))
        assert problems.keys() == {"train/1.png", "test/5.png"}
        assert "is empty" in problems["test/5.png"]
        assert done == [(i, 6) for i in range(1, 7)]


@pytest.mark.parametrize("source", ["photos", "celeba_hq"])
def test_a_folder_that_cannot_be_read_is_named(folder, monkeypatch, source):
    def denied(place):
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr("os.scandir", denied)
    monkeypatch.setattr("os.listdir", denied)
    with pytest.raises(ZooError, match="cannot read the folder .*: Permission denied$"):
        open_source(source, folder, 32)


def test_hints_are_drawn_as_asked(tmp_path):
    sets.celebamask_hq(tmp_path)
    plain = open_source("celebamask_hq", tmp_path, 64)[1]
    drawn = open_source("celebamask_hq", tmp_path, 64, hints="canny")[1]
    assert drawn.keys() - plain.keys() == {"sketch", "color"}
    expected = hints.sketch(plain["image"], method="canny")
    np.testing.assert_array_equal(drawn["sketch"], expected)
    np.testing.assert_array_equal(drawn["color"], hints.color_map(plain["image"], plain["parsing"]))


def test_only_some_keys(tmp_path, monkeypatch):
    sets.celebamask_hq(tmp_path)
    data = open_source("celebamask_hq", tmp_path, 64, hints="canny")
    whole = data[1]
    for keys in (["image", "sketch"], ["color"], ["landmarks", "attributes", "identity"]):
        some = data.only(keys)
        assert some[1].keys() == set(keys) and len(some) == len(data)
        for key in keys:
            np.testing.assert_array_equal(some[1][key], whole[key])
    monkeypatch.setattr(data, "_parsing", lambda number: pytest.fail("reads the masks"))
    assert data.only(["image", "attributes"])[1].keys() == {"image", "attributes"}


def test_batches_read_from_it(tmp_path):
    sets.celebamask_hq(tmp_path)
    data = open_source("celebamask_hq", tmp_path, 32, hints="canny")
    keys = {
        **{"image": (32, 32, 3), "mask": (32, 32, 1), "sketch": (32, 32, 1), "color": (32, 32, 3)},
        **{"attributes": (40,), "target_attributes": (40,), "parsing": (32, 32), "identity": ()},
        "landmarks": (5, 2),
    }
    batch = Batches(data, np.arange(3), 2, 0, keys)(0)
    assert batch["image"].shape == (2, 32, 32, 3) and np.abs(batch["image"]).max() <= 1
    assert batch["mask"].max() == 1 and batch["sketch"].max() == 1
    assert set(batch["identity"].tolist()) <= {0, 1, 2}


class TestIndexFiles:
    def test_table(self, tmp_path):
        path = tmp_path / "list.txt"
        path.write_text("2\nred  green \na.jpg -1  1\nb.jpg 12 -300\n\n")
        table = read_table(path)
        assert table.columns == ("red", "green") and table.declared == 2 and table.first == 3
        assert table.rows == {"a.jpg": 0, "b.jpg": 1}
        np.testing.assert_array_equal(table.values, [[-1, 1], [12, -300]])
        path.write_text("a.jpg 5\n")
        bare = read_table(path, 1)
        assert bare.columns == () and bare.values.tolist() == [[5]] and bare.first == 1

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("x\nred\n", "line 1: expected the number of rows"),
            ("", "line 1: expected the number of rows"),
            ("2\nred\na 1\nb\n", r"line 4: expected a file name and 1 numbers; received 'b'"),
            ("2\nred\na 1\n\nb 2\n", "line 4: expected a file name and 1 numbers; received ''"),
            ("2\nred\na 1\nb 1 2\n", "line 4: expected a file name and 1 numbers"),
            ("2\nred blue\na 1 2\nb 1 x\n", "line 4: expected whole numbers; received 'b 1 x'"),
            ("2\nred\na 1.5\n", "line 3: expected whole numbers"),
            ("2\nred\na 99999999999999999999\n", "line 3: expected whole numbers"),
            ("2\nred\na 1\na 2\n", "line 4: expected a new name; a is in line 3"),
            ("2\nred\n../a 1\n", "line 3: expected a file name without a path"),
            ("2\nred\n.. 1\n", "line 3: expected a file name without a path"),
        ],
    )
    def test_malformed_lines_are_named(self, tmp_path, text, problem):
        path = tmp_path / "list.txt"
        path.write_text(text)
        with pytest.raises(ZooError, match=f"{path} {problem}"):
            read_table(path)

    def test_files_are_bounded(self, tmp_path, monkeypatch):
        path = tmp_path / "list.txt"
        with pytest.raises(ZooError, match="does not exist"):
            read_lines(path)
        path.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(ZooError, match="is not UTF-8 text"):
            read_lines(path)
        monkeypatch.setattr(index_files, "MAX_BYTES", 10)
        path.write_text("a" * 11)
        with pytest.raises(ZooError, match="has 11 bytes; legal are at most 10"):
            read_lines(path)
