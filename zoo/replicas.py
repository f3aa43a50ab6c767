"""One batch on several devices, or in several parts: what must come out as if it were whole.

Random numbers of a row depend on the seed and on where the row stands in the whole batch, never on
the device that it went to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import tensorflow as tf

_PHILOX = 1  # of TensorFlow's random algorithms, the one that is the same on every device
_BLOCK = 4  # float32 that one count of Philox gives
_parts: list[tuple] = []  # first row, rows of the part and of this replica; see `part`


def count() -> int:
    """Replicas that share a batch."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def _context():
    """The context of this replica where there are several and we are in one, otherwise None."""
    return tf.distribute.get_replica_context() if count() > 1 else None


def mean(values):
    """Means over the replicas of a tensor, or of each in a list; gradients pass."""
    context = _context()
    return context.all_reduce("MEAN", values) if context else values


def total(values: list) -> list:
    """Sums over the replicas of each tensor in a list."""
    context = _context()
    return context.all_reduce("SUM", values) if context else values


@contextlib.contextmanager
def part(first_row, size, rows) -> Iterator[None]:
    """Inside the block batches are `size` of this replica's `rows` rows, from `first_row` on."""
    _parts.append((first_row, size, rows))
    try:
        yield
    finally:
        _parts.pop()


def is_last_part():
    """Whether the part under way is the last of its batch; True for a whole batch."""
    if not _parts:
        return True
    first, size, rows = _parts[-1]
    return first + size >= rows


def mean_over_parts(function: Callable, batch: dict, count: int, zeros):
    """Mean of what `function` makes, like `zeros`, of `count` parts of the batch, one at a time."""
    rows = tf.shape(next(iter(batch.values())))[0]
    size = rows // count

    def add(number, sums):
        first = number * size
        with part(first, size, rows):
            found = function({key: value[first : first + size] for key, value in batch.items()})
        return number + 1, tf.nest.map_structure(lambda s, f: s + f / count, sums, found)

    loop = tf.while_loop(lambda number, _: number < count, add, (0, zeros), parallel_iterations=1)
    return loop[1]


def uniform(shape, seed):
    """Numbers in [0, 1), float32.

    Args:
        shape: `(B, ...)`, B the rows of the batch at hand.
        seed: int tensor of shape (2,).
    """
    return _draw(tf.raw_ops.StatelessRandomUniformV2, shape, seed)


def normal(shape, seed):
    """Standard normal numbers, float32; arguments as for `uniform`."""
    return _draw(tf.raw_ops.StatelessRandomNormalV2, shape, seed)


def dropout(x, rate: float, seed):
    """`x`, `(B, ...)`, with a share `rate` of its values 0 and the others divided by 1 - rate."""
    kept = uniform(tf.shape(x), seed) >= rate
    return tf.where(kept, x / (1.0 - rate), tf.zeros((), x.dtype))


def _draw(operation, shape, seed):
    """Each row has its own stretch of one stream of numbers, a whole number of blocks long."""
    shape = tf.convert_to_tensor(shape)
    first, _, rows = _parts[-1] if _parts else (0, shape[0], shape[0])
    if context := _context():
        first += context.replica_id_in_sync_group * rows
    size = tf.reduce_prod(shape[1:])
    blocks = (size + _BLOCK - 1) // _BLOCK
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    start = tf.cast(first, "int64") * tf.cast(blocks, "int64")
    counter = tf.bitcast(tf.stack([start, tf.bitcast(counter, tf.int64)[1]]), tf.uint64)
    drawn = operation(shape=[shape[0], blocks * _BLOCK], key=key, counter=counter, alg=_PHILOX)
    return tf.reshape(drawn[:, :size], shape)
