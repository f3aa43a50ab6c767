"""CelebA, CelebA-HQ and CelebAMask-HQ: crops, labels, splits, files that are missing."""

import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sets  # noqa: E402

from zoo.attributes import CELEBA_ATTRIBUTES, EDITED_ATTRIBUTES  # noqa: E402
from zoo.data.readers import crops, open_source  # noqa: E402
from zoo.errors import ZooError  # noqa: E402


@pytest.fixture
def celeba(tmp_path):
    sets.celeba(tmp_path)
    return tmp_path


def rewrite(path, change):
    lines = path.read_text().splitlines()
    change(lines)
    sets.write_text(path, lines)


class TestCelebA:
    @pytest.mark.parametrize(
        ("crop", "side", "first", "last"),
        [
            ("stgan", 170, (3, 26), (172, 195)),
            ("attgan_v1", 170, (3, 26), (172, 195)),
            ("stgan_64", 148, (15, 40), (162, 187)),
            ("stargan", 178, (0, 20), (177, 197)),
            ("gfc", 138, (30, 40), (167, 177)),
        ],
    )
    def test_crops(self, celeba, crop, side, first, last):
        """At the size of the square nothing is resampled, so pixels say where they were."""
        example = open_source("celeba", celeba, side, crop=crop)[2]
        image = example["image"]
        assert image.shape == (side, side, 3) and image.dtype == np.uint8
        np.testing.assert_array_equal(image[0, 0], [*first, 20])
        np.testing.assert_array_equal(image[-1, -1], [*last, 20])
        # a landmark is the centre of the pixel that the file names; red and green name it as well
        for (x, y), expected in zip(
            example["landmarks"], sets.LANDMARKS.reshape(5, 2) + 2, strict=True
        ):
            np.testing.assert_array_equal(image[int(y), int(x), :2], expected)
            assert x % 1 == y % 1 == 0.5

    def test_landmarks_move_with_the_picture(self, celeba):
        example = open_source("celeba", celeba, 64)[0]
        expected = (sets.LANDMARKS.reshape(5, 2) + 0.5 - (3, 26)) * 64 / 170
        np.testing.assert_allclose(example["landmarks"], expected, rtol=1e-6)

    def test_resampling(self, celeba):
        photo = sets.ramp(218, 178)
        image = open_source("celeba", celeba, 128)[0]["image"]
        np.testing.assert_array_equal(
            image, crops.tensorflow_bicubic(photo[26:196, 3:173].copy(), 128)
        )
        image = open_source("celeba", celeba, 128, crop="stargan")[0]["image"]
        np.testing.assert_array_equal(image, crops.pillow_bilinear(photo[20:198].copy(), 128))

    def test_labels(self, tmp_path):
        attributes = sets.celeba(tmp_path)
        data = open_source("celeba", tmp_path, 32)
        assert data.attribute_names == CELEBA_ATTRIBUTES
        for i in range(5):
            example = data[i]
            assert example["attributes"].dtype == np.uint8
            np.testing.assert_array_equal(example["attributes"], attributes[i] > 0)
            assert example["identity"] == sets.IDENTITIES[i]
        np.testing.assert_array_equal(data.identities, sets.IDENTITIES)
        columns = [data.attribute_names.index(name) for name in EDITED_ATTRIBUTES]
        assert columns == [4, 5, 8, 9, 11, 12, 15, 20, 21, 22, 24, 26, 39]

    def test_flat_layout_and_fewer_labels(self, celeba):
        for path in [*celeba.glob("Anno/*"), *celeba.glob("Eval/*"), *celeba.glob("Img/*")]:
            shutil.move(path, celeba / path.name)
        assert open_source("celeba", celeba, 32)[0].keys() == {
            *("image", "landmarks", "attributes", "identity")
        }
        (celeba / "identity_CelebA.txt").unlink()
        with pytest.raises(ZooError, match="lacks identity_CelebA.txt or Anno/identity"):
            open_source("celeba", celeba, 32)
        data = open_source("celeba", celeba, 32, labels=["landmarks"], split="stgan")
        assert data[3].keys() == {"image", "landmarks", "identity"}
        assert data.attribute_names is None and data.identities.tolist() == [0, 1, 2, 3, 4]

    def test_pictures_in_png(self, celeba):
        folder = celeba / "Img/img_align_celeba_png"
        (celeba / "Img/img_align_celeba").rename(folder)
        for path in folder.glob("*.jpg"):
            path.rename(path.with_suffix(".png"))
        data = open_source("celeba", celeba, 170, images="img_align_celeba_png")
        assert data.names[1] == "Img/img_align_celeba_png/000002.png"
        np.testing.assert_array_equal(data[1]["image"][0, 0], [3, 26, 10])

    def test_official_split(self, celeba):
        data = open_source("celeba", celeba, 32)
        assert {k: v.tolist() for k, v in data.splits.items()} == {
            **{"train": [0, 1, 4], "val": [2], "test": [3]}
        }

    def test_stgan_split_goes_by_number(self, tmp_path):
        sets.celeba(tmp_path, (1, 182000, 182001, 182637, 182638, 202599))
        data = open_source("celeba", tmp_path, 32, split="stgan")
        assert {k: v.tolist() for k, v in data.splits.items()} == {
            **{"train": [0, 1], "val": [2, 3], "test": [4, 5]}
        }

    def test_stargan_split_is_the_shuffled_list(self, celeba, monkeypatch):
        from zoo.data.readers import celeba as module

        monkeypatch.setattr(module, "_STARGAN_TEST", 2)
        data = open_source("celeba", celeba, 32, split="stargan")
        lines = ["a", "b", "c", "d", "e"]
        random.seed(1234)
        random.shuffle(lines)
        assert data.indices("test").tolist() == sorted("abcde".index(x) for x in lines[:2])
        assert sorted([*data.indices("test"), *data.indices("train")]) == [0, 1, 2, 3, 4]

    def test_realigned_photographs(self, celeba):
        folder = celeba / "aligned"
        for i in range(1, 6):
            photo = np.kron(sets.ramp(143, 143, i), np.ones((4, 4, 1), np.uint8))  # 572
            sets.write(folder / f"{i:06d}.jpg", photo)
        options = {"crop": "attgan", "images": "aligned"}
        with pytest.raises(ZooError, match="'attgan' has no landmarks"):
            open_source("celeba", celeba, 128, **options)
        data = open_source("celeba", celeba, 128, labels=["attributes"], **options)
        np.testing.assert_array_equal(data[0]["image"], sets.ramp(143, 143, 1)[7:135, 7:135])
        corners = set()
        for seed in range(60):
            cut = data.drawn(0, np.random.default_rng(seed))["image"]
            left, top, _ = map(int, cut[0, 0])
            whole = sets.ramp(143, 143, 1)
            np.testing.assert_array_equal(cut, whole[top : top + 128, left : left + 128])
            corners |= {left, top}
        assert corners == set(range(16))  # 143 - 128 and the place 0
        assert not open_source("celeba", celeba, 128, labels=[]).cuts_anywhere
        options["images"] = "img_align_celeba"
        with pytest.raises(ZooError, match="178 x 218 pixels; crop 'attgan' is for squares"):
            open_source("celeba", celeba, 128, labels=["attributes"], **options)[0]

    def test_wrong_size_of_a_photograph(self, celeba):
        sets.write(celeba / "Img/img_align_celeba/000002.jpg", sets.ramp(100, 120))
        data = open_source("celeba", celeba, 32)
        with pytest.raises(ZooError, match="000002.jpg is 120 x 100 pixels.*are 178 x 218"):
            data[1]

    def test_missing_pictures(self, celeba):
        for number in (2, 5):
            (celeba / f"Img/img_align_celeba/{number:06d}.jpg").unlink()
        message = r"picture missing: 2 of 5 \(Img/img_align_celeba/000002, .*000005\)"
        with pytest.raises(ZooError, match=message):
            open_source("celeba", celeba, 32)
        with pytest.warns(UserWarning, match=message):
            data = open_source("celeba", celeba, 170, unreadable="skip")
        assert len(data) == 3 and len(data.skipped) == 2
        np.testing.assert_array_equal(data.identities, [2880, 8692, 2880])
        assert data[1]["image"][0, 0, 2] == 20
        assert data.indices("test").tolist() == [2]

    def test_missing_rows(self, celeba):
        rewrite(celeba / "Anno/identity_CelebA.txt", lambda lines: lines.pop(3))
        with pytest.raises(ZooError, match=r"identity missing: 1 of 5 \(.*000004\)"):
            open_source("celeba", celeba, 32)

    def test_short_file(self, celeba):
        rewrite(celeba / "Anno/list_attr_celeba.txt", lambda lines: lines.pop())
        message = "line 1 says 5 rows, but 4 follow: list_attr_celeba.txt"
        with pytest.raises(ZooError, match=message):
            open_source("celeba", celeba, 32)
        with pytest.warns(UserWarning) as warned:
            data = open_source("celeba", celeba, 32, unreadable="skip")
        assert any(message in str(w.message) for w in warned)
        assert len(data) == 4

    def test_other_values(self, celeba):
        def change(lines):
            lines[3] = lines[3].replace("-1", " 0", 1)

        rewrite(celeba / "Anno/list_attr_celeba.txt", change)
        with pytest.raises(ZooError, match="line 4: expected values -1, 1"):
            open_source("celeba", celeba, 32)

    def test_illegal_arguments(self, celeba):
        with pytest.raises(ZooError, match="unknown crop 'stgn'.*Did you mean 'stgan'"):
            open_source("celeba", celeba, 32, crop="stgn")
        with pytest.raises(ZooError, match="unknown split"):
            open_source("celeba", celeba, 32, split="random")
        with pytest.raises(ZooError, match="unknown label 'attribute'"):
            open_source("celeba", celeba, 32, labels=["attribute"])
        with pytest.raises(ZooError, match="lacks the folder faces or Img/faces"):
            open_source("celeba", celeba, 32, images="faces")


class TestCelebAHQ:
    def test_pictures_in_the_order_of_their_numbers(self, tmp_path):
        for number in range(12):
            sets.write(tmp_path / f"{number}.png", sets.ramp(64, 64, number))
        (tmp_path / "readme.txt").write_text("x")
        data = open_source("celeba_hq", tmp_path, 32)
        assert [data[i]["image"][0, 0, 2] for i in range(12)] == list(range(12))
        np.testing.assert_allclose(data[0]["image"][3, 5, :2], [10.5, 6.5], atol=0.51)
        (tmp_path / "7.png").unlink()
        with pytest.raises(ZooError, match=r"pictures missing, by number: 1 of 12 \(7\)"):
            open_source("celeba_hq", tmp_path, 32)
        with pytest.warns(UserWarning):
            assert len(open_source("celeba_hq", tmp_path, 32, unreadable="skip")) == 11

    def test_split(self, tmp_path, monkeypatch):
        from zoo.data.readers import celeba_hq

        monkeypatch.setattr(celeba_hq, "TRAINED", 3)
        for number in range(5):
            sets.write(tmp_path / f"{number:05d}.png", sets.ramp(32, 32))
        data = open_source("celeba_hq", tmp_path, 32)
        assert data.indices("train").tolist() == [0, 1, 2]
        assert data.indices("test").tolist() == [3, 4]

    def test_copies_that_count_from_1(self, tmp_path, monkeypatch):
        from zoo.data.readers import celeba_hq

        monkeypatch.setattr(celeba_hq, "COUNT", 4)
        monkeypatch.setattr(celeba_hq, "TRAINED", 3)
        for number in range(1, 5):
            sets.write(tmp_path / f"{number}.png", sets.ramp(32, 32, number))
        data = open_source("celeba_hq", tmp_path, 32)
        assert [data[i]["image"][0, 0, 2] for i in data.indices("test")] == [4]
        sets.write(tmp_path / "5.png", sets.ramp(32, 32))
        with pytest.raises(ZooError, match="5.png: CelebA-HQ has only 4 pictures"):
            open_source("celeba_hq", tmp_path, 32)

    def test_refused(self, tmp_path):
        with pytest.raises(ZooError, match="holds no example"):
            open_source("celeba_hq", tmp_path, 32)
        sets.write(tmp_path / "0.png", sets.ramp(32, 40))
        with pytest.raises(ZooError, match="0.png is 40 x 32 pixels; legal: a square"):
            open_source("celeba_hq", tmp_path, 32)[0]
        sets.write(tmp_path / "00000.jpg", sets.ramp(32, 32))
        with pytest.raises(ZooError, match="have the same number"):
            open_source("celeba_hq", tmp_path, 32)


class TestCelebAMaskHQ:
    def test_example(self, tmp_path):
        attributes = sets.celebamask_hq(tmp_path, sides_swapped=(1,))
        data = open_source("celebamask_hq", tmp_path, 128)
        assert data.attribute_names == CELEBA_ATTRIBUTES
        for i in range(3):
            example = data[i]
            np.testing.assert_array_equal(example["attributes"], attributes[i] > 0)
            # whichever way round the set names the sides; glasses lie under the eyes
            agreeing = np.mean(example["parsing"] == sets.face_map(128))
            assert agreeing > 0.98 and example["parsing"].dtype == np.uint8
            assert set(np.unique(example["parsing"])) == set(range(14))
            left, right = example["landmarks"][:2]
            np.testing.assert_allclose([left, right], [[50, 58.75], [78, 58.75]], atol=0.6)
            assert example["landmarks_visible"].tolist() == [1] * 5
            assert example["image"][0, 0, 2] == i
        np.testing.assert_array_equal(data.identities, [0, 1, 2])

    def test_masks_of_number_2000_lie_in_folder_1(self, tmp_path):
        sets.celebamask_hq(tmp_path, (0, 1, 2000))
        with pytest.warns(UserWarning, match="by number: 1,998 of 2,001"):
            data = open_source("celebamask_hq", tmp_path, 32, unreadable="skip")
        assert (tmp_path / "CelebAMask-HQ-mask-anno/1/02000_skin.png").is_file()
        assert (data[2]["parsing"] == 1).any()

    def test_ears_hats_and_jewellery(self, tmp_path):
        sets.celebamask_hq(tmp_path, (0,))
        for name, top in (("l_ear", 0), ("hat", 60), ("ear_r", 120), ("neck_l", 410)):
            mask = np.zeros((512, 512), np.uint8)
            mask[top : top + 40, 200:240] = 255
            sets.write(tmp_path / f"CelebAMask-HQ-mask-anno/0/00000_{name}.png", mask)
        parsing = open_source("celebamask_hq", tmp_path, 512)[0]["parsing"]
        assert parsing[20, 220] == 1  # an ear is skin
        assert parsing[80, 220] == 0  # a hat is background
        assert parsing[130, 220] == 10  # an earring leaves what is there
        assert parsing[430, 220] == 12

    def test_of_celeba(self, tmp_path):
        sets.celebamask_hq(tmp_path / "hq")
        sets.celeba(tmp_path / "celeba")
        rows = ["idx     orig_idx      orig_file", "0 3 000004.jpg", "1 1 000002.jpg"]
        sets.write_text(
            tmp_path / "hq/CelebA-HQ-to-CelebA-mapping.txt", [*rows, "2  2   000003.jpg"]
        )
        data = open_source("celebamask_hq", tmp_path / "hq", 32, celeba=tmp_path / "celeba")
        np.testing.assert_array_equal(data.identities, [2880, 2937, 8692])
        assert {k: v.tolist() for k, v in data.splits.items()} == {
            **{"train": [1], "val": [2], "test": [0]}
        }
        sets.write_text(tmp_path / "hq/CelebA-HQ-to-CelebA-mapping.txt", rows)
        with pytest.raises(ZooError, match="lacks 1 of 3 pictures, such as number 2"):
            open_source("celebamask_hq", tmp_path / "hq", 32, celeba=tmp_path / "celeba")
        sets.write_text(tmp_path / "hq/CelebA-HQ-to-CelebA-mapping.txt", [*rows, "2 x"])
        with pytest.raises(ZooError, match="line 4: expected number, number in CelebA"):
            open_source("celebamask_hq", tmp_path / "hq", 32, celeba=tmp_path / "celeba")

    def test_missing(self, tmp_path):
        sets.celebamask_hq(tmp_path)
        (tmp_path / "CelebAMask-HQ-mask-anno/0/00001_skin.png").unlink()
        data = open_source("celebamask_hq", tmp_path, 32)
        with pytest.raises(ZooError, match="00001_skin.png does not exist"):
            data[1]
        path = tmp_path / "CelebAMask-HQ-attribute-anno.txt"
        rewrite(path, lambda lines: (lines.pop(), lines.__setitem__(0, "2")))
        with pytest.raises(ZooError, match=r"attributes missing: 1 of 3 \(picture 2\)"):
            open_source("celebamask_hq", tmp_path, 32)
        shutil.rmtree(tmp_path / "CelebAMask-HQ-mask-anno")
        with pytest.raises(ZooError, match="lacks the folder CelebAMask-HQ-mask-anno"):
            open_source("celebamask_hq", tmp_path, 32)
