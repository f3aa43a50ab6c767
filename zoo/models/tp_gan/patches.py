"""Where TP-GAN cuts eyes, nose and mouth out of a face and where it puts them back.

Images are 128x128 pixels, aligned as `zoo.data.alignment` does; landmarks are `(B, 5, 2)` pixels in
the order of the batch contract. All is plain arithmetic on tensors with a free batch axis.
"""

from __future__ import annotations

import tensorflow as tf

SIDE = 128
SIZES = {"left_eye": (40, 40), "right_eye": (40, 40), "nose": (32, 40), "mouth": (32, 48)}
"""Height and width of each patch; left and right as seen in the image."""

CORNERS = {"left_eye": (20, 23), "right_eye": (20, 65), "nose": (48, 43), "mouth": (72, 40)}
"""Row and column of each patch's top left pixel in a frontal face."""

_MIRRORED = (1, 0, 2, 4, 3)  # eyes and mouth corners change places
# How far the nose's patch moves to the side of the face that is seen. The code has a table by yaw:
# 0, 5, 10, 10, 12, 12, 12 pixels at 0, 15 ... 90 degrees. Ours follows the tip of the nose, which
# lies about 24 sin(yaw) pixels beside the middle of the eyes, and stays within 2 pixels of it.
_NOSE_SHARE, _NOSE_LIMIT = 0.75, 12.0


def turn_right(image, landmarks):
    """Mirrors the faces that look to the left of the image.

    A face looks to the left if the tip of its nose lies left of the middle of its eyes.

    Args:
        image: `(B, 128, 128, C)`.
        landmarks: `(B, 5, 2)`.

    Returns:
        Images, whole-numbered landmarks (of the pixels that hold the points), and which images were
        mirrored, `(B,)` bool.
    """
    points = tf.floor(landmarks)
    mirrored = 2.0 * points[:, 2, 0] < points[:, 0, 0] + points[:, 1, 0]
    return mirror(image, mirrored), mirror_points(points, mirrored), mirrored


def mirror(image, where):
    """`image` `(B, H, W, C)`, left and right exchanged where `where` `(B,)` is true."""
    return tf.where(where[:, None, None, None], image[:, :, ::-1], image)


def mirror_points(points, where):
    """Whole-numbered landmarks `(B, 5, 2)` of the mirrored image where `where` `(B,)` is true."""
    other = tf.gather(points, _MIRRORED, axis=1) * [-1.0, 1.0] + [SIDE - 1.0, 0.0]
    return tf.where(where[:, None, None], other, points)


def cut(image, landmarks, follow_nose: bool) -> dict:
    """Eyes, nose and mouth of each face; patches that would leave the image are moved inside.

    Args:
        image: `(B, 128, 128, C)`.
        landmarks: `(B, 5, 2)`, whole numbers.
        follow_nose: whether the nose's patch moves with the turn of the head, to the right; False
            for frontal faces.

    Returns:
        Name -> `(B, height, width, C)` as in `SIZES`.
    """
    eyes, nose = landmarks[:, :2], landmarks[:, 2]
    mouth = tf.floor(tf.reduce_mean(landmarks[:, 3:], axis=1))  # (B, 2)
    turn = nose[:, 0] - tf.reduce_mean(eyes[:, :, 0], axis=1)
    shift = tf.floor(tf.clip_by_value(_NOSE_SHARE * turn, 0.0, _NOSE_LIMIT) if follow_nose else 0.0)
    corners = {  # column and row
        "left_eye": (eyes[:, 0, 0] - 20.0, eyes[:, 0, 1] - 20.0),
        "right_eye": (eyes[:, 1, 0] - 20.0, eyes[:, 1, 1] - 20.0),
        "nose": (nose[:, 0] - 19.0 - shift, nose[:, 1] - 21.0),
        "mouth": (mouth[:, 0] - 24.0, mouth[:, 1] - 16.0),
    }
    return {name: _cut(image, *corners[name], *SIZES[name]) for name in SIZES}


def _cut(image, left, top, height: int, width: int):
    channels = image.shape[3]
    rows = _selection(top, height, image.dtype)  # (B, height, 128)
    columns = _selection(left, width, image.dtype)  # (B, width, 128)
    x = tf.matmul(rows, tf.reshape(image, (-1, SIDE, SIDE * channels)))
    x = tf.reshape(x, (-1, height, SIDE, channels))
    return tf.matmul(columns[:, None], x)  # (B, height, width, C)


def _selection(start, length: int, dtype):
    """Matrices `(B, length, 128)` that pick `length` neighbours from `start` on.

    Products with zeros and ones are exact, differentiable, and the same in every exported format.
    """
    start = tf.clip_by_value(start, 0.0, float(SIDE - length))
    wanted = start[:, None, None] + tf.range(length, dtype="float32")[:, None]
    return tf.cast(tf.equal(wanted, tf.range(SIDE, dtype="float32")), dtype)


def fuse(patches: dict):
    """Max-out of patches, each on a black face at its place: `(B, 128, 128, C)`.

    Zeros around a patch take part, so a negative value counts nowhere.
    """
    faces = []
    for name, patch in patches.items():
        (top, left), (height, width) = CORNERS[name], SIZES[name]
        rows, columns = (top, SIDE - top - height), (left, SIDE - left - width)
        faces.append(tf.pad(patch, ((0, 0), rows, columns, (0, 0))))
    fused = faces[0]
    for face in faces[1:]:
        fused = tf.maximum(fused, face)
    return fused
