"""Small face sets in the real sets' layouts, for the tests of the readers."""

from pathlib import Path

import cv2
import numpy as np

from zoo.attributes import CELEBA_ATTRIBUTES


def write(path: Path, image: np.ndarray) -> None:
    """Writes pixels exactly, as PNG, whatever the name says; readers go by the first bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = image[..., ::-1] if image.ndim == 3 else image
    path.write_bytes(cv2.imencode(".png", np.ascontiguousarray(pixels))[1].tobytes())


def write_text(path: Path, lines) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def ramp(height: int, width: int, blue: int = 0) -> np.ndarray:
    """Red counts the columns, green the rows: every pixel says where it was."""
    image = np.full((height, width, 3), blue, np.uint8)
    image[..., 0], image[..., 1] = np.arange(width)[None], np.arange(height)[:, None]
    return image


def attribute_lines(attributes: np.ndarray, first: int = 1, name: str = "{:06d}.jpg") -> list[str]:
    rows = [
        f"{name.format(first + i)} " + " ".join(f"{v:2d}" for v in row)
        for i, row in enumerate(attributes)
    ]
    return [str(len(rows)), " ".join(CELEBA_ATTRIBUTES) + " ", *rows]


LANDMARKS = np.array([69, 109, 106, 113, 77, 142, 73, 152, 108, 154])
IDENTITIES = (2880, 2937, 8692, 2880, 9295)
PARTITION = (0, 0, 1, 2, 0)


def celeba(root: Path, numbers=(1, 2, 3, 4, 5)) -> np.ndarray:
    """CelebA in the folders of its archive; returns the attributes in {-1, 1}."""
    count = len(numbers)
    attributes = np.random.default_rng(0).integers(0, 2, (count, 40)) * 2 - 1
    names = [f"{n:06d}.jpg" for n in numbers]
    for i, name in enumerate(names):
        write(root / "Img/img_align_celeba" / name, ramp(218, 178, 10 * i % 256))
    lines = attribute_lines(attributes)
    lines[2:] = [f"{n} {line.split(' ', 1)[1]}" for n, line in zip(names, lines[2:], strict=True)]
    write_text(root / "Anno/list_attr_celeba.txt", lines)
    columns = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y "
    columns += "leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
    points = [f"{n} " + " ".join(f"{v + i:4d}" for v in LANDMARKS) for i, n in enumerate(names)]
    write_text(root / "Anno/list_landmarks_align_celeba.txt", [str(count), columns, *points])
    identities = [f"{n} {IDENTITIES[i % 5]}" for i, n in enumerate(names)]
    write_text(root / "Anno/identity_CelebA.txt", identities)
    partition = [f"{n} {PARTITION[i % 5]}" for i, n in enumerate(names)]
    write_text(root / "Eval/list_eval_partition.txt", partition)
    return attributes


def face_map(side: int = 512) -> np.ndarray:
    """A schematic parsing map of all 14 classes, left and right as seen in the image."""
    parsing = np.zeros((512, 512), np.uint8)
    boxes = {  # class: top, bottom, left, right
        13: (440, 512, 60, 450),
        12: (400, 450, 200, 312),
        10: (40, 200, 120, 392),
        1: (140, 410, 150, 362),
        2: (190, 204, 170, 230),
        3: (190, 204, 282, 342),
        11: (210, 260, 160, 350),
        4: (225, 245, 180, 220),
        5: (225, 245, 292, 332),
        6: (240, 320, 236, 276),
        7: (340, 350, 206, 306),
        8: (350, 360, 206, 306),
        9: (360, 372, 206, 306),
    }
    for value, (top, bottom, left, right) in boxes.items():
        parsing[top:bottom, left:right] = value
    return cv2.resize(parsing, (side, side), interpolation=cv2.INTER_NEAREST)


def celebamask_hq(root: Path, numbers=(0, 1, 2), sides_swapped=()) -> np.ndarray:
    """CelebAMask-HQ; of the numbers in `sides_swapped`, left is the person's left."""
    parsing = face_map()
    masks = {
        **{"skin": parsing > 0, "nose": parsing == 6, "hair": parsing == 10, "mouth": parsing == 8},
        **{"u_lip": parsing == 7, "l_lip": parsing == 9, "neck": parsing == 12},
        **{"cloth": parsing == 13, "eye_g": parsing == 11},
    }
    pairs = {"l_brow": 2, "r_brow": 3, "l_eye": 4, "r_eye": 5}
    swapped = {"l_brow": 3, "r_brow": 2, "l_eye": 5, "r_eye": 4}
    attributes = np.random.default_rng(1).integers(0, 2, (len(numbers), 40)) * 2 - 1
    for i, number in enumerate(numbers):
        image = cv2.resize(ramp(256, 256, i), (1024, 1024), interpolation=cv2.INTER_NEAREST)
        write(root / f"CelebA-HQ-img/{number}.jpg", image)
        chosen = swapped if number in sides_swapped else pairs
        for name, mask in {**masks, **{n: parsing == c for n, c in chosen.items()}}.items():
            folder = root / f"CelebAMask-HQ-mask-anno/{number // 2000}"
            write(folder / f"{number:05d}_{name}.png", mask.astype(np.uint8) * 255)
    lines = attribute_lines(attributes, 0, "{}.jpg")
    lines[2:] = [
        f"{n}.jpg  {line.split(' ', 1)[1]}" for n, line in zip(numbers, lines[2:], strict=True)
    ]
    write_text(root / "CelebAMask-HQ-attribute-anno.txt", lines)
    return attributes


def helen(root: Path, names=("100032540_1", "10405299_1", "107_2")) -> np.ndarray:
    """Helen as SmithCVPR2013 has it: one mask per class, the face off the middle of the picture."""
    face = np.where(face_map(256) > 10, 0, face_map(256))
    parsing = np.zeros((300, 400), np.uint8)
    parsing[20:276, 140:396] = face
    for i, name in enumerate(names):
        write(root / f"images/{name}.jpg", ramp(300, 400, i))
        for label in range(11):
            mask = (parsing == label).astype(np.uint8) * 255
            write(root / f"labels/{name}/{name}_lbl{label:02d}.png", mask)
    for file, name in zip(("exemplars", "tuning", "testing"), names, strict=True):
        write_text(root / f"{file}.txt", [f"1 , {name}"])
    return parsing
