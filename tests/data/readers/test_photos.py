"""Folders of photographs, LFW, and sets packed into shards."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parent))

import sets  # noqa: E402

from zoo.data.readers import open_source  # noqa: E402
from zoo.data.readers.shards import write_shards  # noqa: E402
from zoo.data.synthfaces import generate, open_dataset  # noqa: E402
from zoo.errors import ZooError  # noqa: E402


class TestPhotos:
    def test_centre_of_the_resized_photograph(self, tmp_path):
        wide = np.kron(sets.ramp(64, 100), np.ones((2, 2, 1), np.uint8))  # 128 x 200
        sets.write(tmp_path / "wide.png", wide)
        sets.write(tmp_path / "tall.jpg", wide.transpose(1, 0, 2))
        data = open_source("photos", tmp_path, 64)
        assert data.names == ["tall.jpg", "wide.png"]
        np.testing.assert_array_equal(data[1]["image"], sets.ramp(64, 100)[:, 18:82])
        np.testing.assert_array_equal(
            data[0]["image"], sets.ramp(64, 100)[:, 18:82].transpose(1, 0, 2)
        )
        small = open_source("photos", tmp_path, 32, shorter=64)[1]["image"]
        np.testing.assert_array_equal(small, sets.ramp(64, 100)[16:48, 34:66])

    def test_small_photographs_are_enlarged(self, tmp_path):
        sets.write(tmp_path / "a.png", np.full((5, 9, 3), 80, np.uint8))
        image = open_source("photos", tmp_path, 64)[0]["image"]
        assert image.shape == (64, 64, 3) and (image == 80).all()

    def test_random_cuts(self, tmp_path):
        for i in range(40):
            sets.write(tmp_path / f"{i:02d}.png", sets.ramp(20, 40, i))
        data = open_source("photos", tmp_path, 16, shorter=20)
        assert data.cuts_anywhere
        np.testing.assert_array_equal(data[3]["image"], sets.ramp(20, 40, 3)[2:18, 12:28])
        rng = np.random.default_rng(0)
        corners = np.array([data.drawn(i, rng)["image"][0, 0] for i in range(40)])
        np.testing.assert_array_equal(corners[:, 2], range(40))
        assert corners[:, 0].max() <= 24 and corners[:, 1].max() <= 4
        assert len(np.unique(corners[:, 0])) > 12 and set(corners[:, 1]) == {0, 1, 2, 3, 4}
        left, top, _ = data.drawn(7, np.random.default_rng(5))["image"][0, 0]
        again = data.drawn(7, np.random.default_rng(5))["image"]
        np.testing.assert_array_equal(again, sets.ramp(20, 40, 7)[top : top + 16, left : left + 16])

    def test_other_sets_have_no_random_cuts(self, tmp_path):
        sets.write(tmp_path / "0.png", sets.ramp(64, 64))
        data = open_source("celeba_hq", tmp_path, 32)
        with pytest.raises(ZooError, match="pictures of this set have no random cut"):
            data.drawn(0, np.random.default_rng(0))

    def test_what_belongs_to_the_set(self, tmp_path):
        for name in ("b/n01440764/2.JPEG", "b/1.png", ".hidden/3.png", ".4.png"):
            sets.write(tmp_path / name, sets.ramp(20, 20))
        (tmp_path / "b/notes.txt").write_text("x")
        assert open_source("photos", tmp_path, 16).names == ["b/1.png", "b/n01440764/2.JPEG"]
        (tmp_path / "b/old.tif").write_bytes(b"II*\x00")
        with pytest.raises(ZooError, match=r"formats that are not read: 1 of 3 \(b/old.tif\)"):
            open_source("photos", tmp_path, 16)
        with pytest.warns(UserWarning):
            assert len(open_source("photos", tmp_path, 16, unreadable="skip")) == 2

    def test_links_to_folders_are_followed_once(self, tmp_path):
        sets.write(tmp_path / "elsewhere/n1/a.png", sets.ramp(20, 20))
        sets.write(tmp_path / "set/val/b.png", sets.ramp(20, 20))
        (tmp_path / "set/train").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere/n1/loop").symlink_to(tmp_path / "elsewhere")
        data = open_source("photos", tmp_path / "set", 16)
        assert data.names == ["train/n1/a.png", "val/b.png"]
        assert data.indices("train").tolist() == [0]

    def test_splits_of_paris_and_imagenet(self, tmp_path):
        for name in ("paris_train_original/a.JPG", "paris_eval/b.JPG", "val/n1/c.JPEG"):
            sets.write(tmp_path / name, sets.ramp(20, 20))
        splits = open_source("photos", tmp_path, 16).splits
        assert {k: v.tolist() for k, v in splits.items()} == {"train": [1], "val": [2], "test": [0]}

    def test_refused(self, tmp_path):
        with pytest.raises(ZooError, match="holds no example"):
            open_source("photos", tmp_path, 16)
        with pytest.raises(ZooError, match="shorter is 15; legal is 16, the size, or more"):
            open_source("photos", tmp_path, 16, shorter=15)
        with pytest.raises(ZooError, match="unknown option of source photos 'cut'"):
            open_source("photos", tmp_path, 16, cut="random")


PEOPLE = {"Abel_Pacheco": 4, "Ann_O-Hara_Jr.": 1, "Zico": 2}


@pytest.fixture
def lfw(tmp_path):
    blue = 0
    for person, count in PEOPLE.items():
        for number in range(1, count + 1):
            name = f"lfw/{person}/{person}_{number:04d}.jpg"
            sets.write(tmp_path / name, sets.ramp(250, 250, blue))
            blue += 1
    sets.write_text(
        tmp_path / "pairs.txt",
        [
            *("2\t1", "Abel_Pacheco\t1\t4", "Abel_Pacheco\t2\tZico\t1"),
            *("Zico\t1\t2", "Ann_O-Hara_Jr.\t1\tZico\t2"),
        ],
    )
    return tmp_path


class TestLFW:
    def test_pairs(self, lfw):
        data = open_source("lfw", lfw, 250)
        assert data.people == sorted(PEOPLE)
        np.testing.assert_array_equal(data.identities, [0, 0, 0, 0, 1, 2, 2])
        np.testing.assert_array_equal(data.pairs, [[0, 3], [1, 5], [5, 6], [4, 6]])
        np.testing.assert_array_equal(data.same, [True, False, True, False])
        np.testing.assert_array_equal(data.folds, [0, 0, 1, 1])
        identities = data.identities[data.pairs]
        np.testing.assert_array_equal(data.same, identities[:, 0] == identities[:, 1])

    def test_development_pairs_have_one_fold(self, lfw):
        rows = ["1", "Zico\t1\t2", "Ann_O-Hara_Jr.\t1\tZico\t2"]
        sets.write_text(lfw / "pairsDevTest.txt", rows)
        data = open_source("lfw", lfw, 32, pairs="pairsDevTest.txt")
        assert data.folds.tolist() == [0, 0] and data.same.tolist() == [True, False]

    def test_middle(self, lfw):
        image = open_source("lfw", lfw, 150, side=150)[3]["image"]
        np.testing.assert_array_equal(image[0, 0], [50, 50, 3])
        np.testing.assert_array_equal(image[-1, -1], [199, 199, 3])

    def test_missing_pictures_of_pairs(self, lfw):
        (lfw / "lfw/Zico/Zico_0002.jpg").unlink()
        with pytest.raises(ZooError, match="pictures of pairs missing: lfw/Zico/Zico_0002.jpg"):
            open_source("lfw", lfw, 32)
        with pytest.warns(UserWarning):
            data = open_source("lfw", lfw, 32, unreadable="skip")
        np.testing.assert_array_equal(data.pairs, [[0, 3], [1, 5]])

    @pytest.mark.parametrize(
        ("line", "text", "problem"),
        [
            (0, "two 1", "line 1: expected folds and pairs, or pairs"),
            (1, "Zico\t1", "line 2: expected name n m, or name n other m"),
            (2, "Zico\tx\t2", "line 3: expected name n m"),
            (2, "Zico\t1\t2", "line 3: expected a pair of two people"),
            (1, "Abel_Pacheco\t2\tZico\t1", "line 2: expected a pair of one person"),
        ],
    )
    def test_malformed_pairs(self, lfw, line, text, problem):
        lines = (lfw / "pairs.txt").read_text().splitlines()
        lines[line] = text
        sets.write_text(lfw / "pairs.txt", lines)
        with pytest.raises(ZooError, match=problem):
            open_source("lfw", lfw, 32)

    def test_short_list_and_wrong_size(self, lfw):
        sets.write_text(lfw / "pairs.txt", (lfw / "pairs.txt").read_text().splitlines()[:-1])
        with pytest.raises(ZooError, match="2 folds of 2 x 1 pairs announced, but 3 lines follow"):
            open_source("lfw", lfw, 32)
        with pytest.warns(UserWarning):
            data = open_source("lfw", lfw, 32, unreadable="skip")
        assert len(data.pairs) == 3
        sets.write(lfw / "lfw/Zico/Zico_0001.jpg", sets.ramp(100, 100))
        problem = data.verify()["lfw/Zico/Zico_0001.jpg"]
        assert "is 100 x 100 pixels (width x height); LFW's are 250 x 250" in problem
        with pytest.raises(ZooError, match="needs one folder of lfw, .*; it has 0"):
            open_source("lfw", lfw / "lfw", 32)


class TestShards:
    def same(self, first, second):
        assert len(first) == len(second)
        np.testing.assert_array_equal(first.identities, second.identities)
        for i in range(len(first)):
            a, b = first[i], second[i]
            assert a.keys() == b.keys()
            for key in a:
                assert np.asarray(a[key]).dtype == np.asarray(b[key]).dtype, key
                np.testing.assert_array_equal(a[key], b[key], err_msg=key)

    def test_round_trip_of_a_reader(self, tmp_path):
        sets.celeba(tmp_path / "set")
        original = open_source("celeba", tmp_path / "set", 32)
        done = []
        write_shards(
            original,
            tmp_path / "shards",
            examples_per_shard=2,
            progress=lambda *args: done.append(args),
        )
        assert done == [(2, 5), (4, 5), (5, 5)]
        packed = open_source("shards", tmp_path / "shards", 32)
        self.same(original, packed)
        assert packed.attribute_names == original.attribute_names
        for split in ("train", "val", "test"):
            np.testing.assert_array_equal(packed.indices(split), original.indices(split))
        assert packed.names[3] == "faces-00001-of-00003.tfrecord#1"
        with pytest.raises(ZooError, match="has pictures of 32 pixels, not 64"):
            open_source("shards", tmp_path / "shards", 64)
        with pytest.raises(ZooError, match="holds shards already"):
            write_shards(original, tmp_path / "shards")

    def test_round_trip_of_maps(self, tmp_path):
        sets.celebamask_hq(tmp_path / "set")
        original = open_source("celebamask_hq", tmp_path / "set", 32, hints="canny")
        write_shards(original, tmp_path / "shards")
        self.same(original, open_source("shards", tmp_path / "shards", 32))

    def test_round_trip_of_synthfaces(self, tmp_path):
        generate(tmp_path / "set", count=4, size=32, views_per_identity=1, workers=1)
        original = open_dataset(tmp_path / "set")
        write_shards(original, tmp_path / "shards")
        packed = open_source("shards", tmp_path / "shards", 32)
        self.same(original, packed)
        np.testing.assert_array_equal(packed.indices("train"), original.indices("train"))
        assert {"parsing", "sketch"} <= original[1].keys()
        for data in (original, packed):
            some = data.only({"image", "color", "attributes"})[1]
            assert {"image", "color", "attributes"} <= some.keys()
            assert not some.keys() & {"parsing", "sketch"}  # not decoded
            np.testing.assert_array_equal(some["color"], original[1]["color"])

    def test_tensorflow_reads_the_same(self, tmp_path):
        sets.celeba(tmp_path / "set")
        original = open_source("celeba", tmp_path / "set", 32)
        write_shards(original, tmp_path / "shards")
        (path,) = (tmp_path / "shards").glob("*.tfrecord")
        records = list(tf.data.TFRecordDataset(str(path)))
        features = tf.io.parse_single_example(
            records[2],
            {
                "image": tf.io.FixedLenFeature([], tf.string),
                "landmarks": tf.io.FixedLenFeature([5, 2], tf.float32),
                "attributes": tf.io.FixedLenFeature([40], tf.int64),
            },
        )
        np.testing.assert_array_equal(tf.io.decode_png(features["image"]), original[2]["image"])
        np.testing.assert_array_equal(features["landmarks"], original[2]["landmarks"])
        np.testing.assert_array_equal(features["attributes"], original[2]["attributes"])

    def test_damage(self, tmp_path):
        sets.celeba(tmp_path / "set")
        directory = tmp_path / "shards"
        write_shards(open_source("celeba", tmp_path / "set", 32), directory)
        (shard,) = directory.glob("*.tfrecord")
        data, index = shard.read_bytes(), json.loads((directory / "shards.json").read_text())
        shard.write_bytes(data[:-7])
        with pytest.raises(ZooError, match="ends inside record 4"):
            open_source("shards", directory, 32)
        middle = data.index(b"IDAT", len(data) // 2) + 9
        shard.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        broken = open_source("shards", directory, 32).verify()
        record, whole = broken.values()
        assert "the PNG is damaged" in record and "differs from its SHA-256 in shards" in whole
        shard.unlink()
        with pytest.raises(ZooError, match="is missing, though shards.json lists it"):
            open_source("shards", directory, 32)
        shard.write_bytes(data)
        for key, value, problem in (
            ("version", 9, "version 9; this package reads 1"),
            ("identities", [0, 1], "the shards hold 5 examples, shards.json says 2"),
            ("identities", {}, "identities is {}; legal is list"),
            ("files", {"../x": ""}, "without a path"),
            ("fields", {"image": ["|O", [3]]}, "fields must be of numbers"),
            ("splits", {"train": [7]}, "split train has an index outside 0..4"),
        ):
            (directory / "shards.json").write_text(json.dumps({**index, "splits": {}, key: value}))
            with pytest.raises(ZooError, match=problem):
                open_source("shards", directory, 32)
        (directory / "shards.json").write_text("{")
        with pytest.raises(ZooError, match="shards.json is damaged"):
            open_source("shards", directory, 32)
        with pytest.raises(ZooError, match="no shards here, or their writing was stopped"):
            open_source("shards", tmp_path / "set", 32)


class TestDomains:
    @pytest.fixture
    def folder(self, tmp_path):
        for domain, colors in (("trainA", (10, 20, 30)), ("trainB", (200, 210)), ("testA", (90,))):
            for color in colors:
                picture = np.full((40, 40, 3), color, np.uint8)
                sets.write(tmp_path / domain / f"{color:03d}.png", picture)
        return tmp_path

    def test_named_domains(self, folder):
        domains = {"summer": "trainA", "winter": "trainB"}
        data = open_source("domains", folder, 32, domains=domains)
        assert data.attribute_names == ("summer", "winter") and len(data) == 5
        for example in (data[i] for i in range(5)):
            winter = example["image"].max() >= 200
            assert example["attributes"].tolist() == [int(not winter), int(winter)]
        assert sorted(example["image"].max() for example in data) == [10, 20, 30, 200, 210]

    def test_every_folder_is_a_domain_by_itself(self, folder):
        data = open_source("domains", folder, 32)
        assert data.attribute_names == ("testA", "trainA", "trainB")
        assert [data[i]["attributes"].argmax() for i in range(6)] == [0, 1, 1, 1, 2, 2]

    def test_refused(self, folder):
        with pytest.raises(ZooError, match="domain winter: there are no pictures in .*nowhere"):
            open_source("domains", folder, 32, domains={"summer": "trainA", "winter": "nowhere"})
        with pytest.raises(ZooError, match="has 1 domains; legal are two folders or more"):
            open_source("domains", folder, 32, domains={"summer": "trainA"})
