"""Photographs of one size together, so that a network sees several at once."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Size = tuple[int, int]

# Eight photographs of 240×320: more at once are no faster on a CPU, but take more memory.
BATCH_PIXELS = 8 * 240 * 320
MOST_IN_BATCH = 32
MOST_WAITING_PIXELS = 4 * BATCH_PIXELS


def batches(items: Iterable[Item], size_of: Callable[[Item], Size]) -> Iterator[list[Item]]:
    """Gather items by their `size_of`, (height, width) in pixels, as large batches as are useful.

    However many sizes there are, those that wait for others of their size have at most
    MOST_WAITING_PIXELS together: beyond that the most numerous go as they are.
    """
    waiting: dict[Size, list[Item]] = defaultdict(list)
    pixels = 0
    for item in items:
        size = size_of(item)
        waiting[size].append(item)
        pixels += _area(size)
        if len(waiting[size]) >= batch_size(size):
            full = size
        elif pixels > MOST_WAITING_PIXELS:
            full = max(waiting, key=lambda each: len(waiting[each]))
        else:
            continue
        pixels -= len(waiting[full]) * _area(full)
        yield waiting.pop(full)
    yield from waiting.values()


def batch_size(size: Size) -> int:
    """How many photographs of `size` make a batch."""
    return max(1, min(MOST_IN_BATCH, BATCH_PIXELS // _area(size)))


def _area(size: Size) -> int:
    return size[0] * size[1]
