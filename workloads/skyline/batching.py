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


def batches(items: Iterable[Item], size_of: Callable[[Item], Size | None]) -> Iterator[list[Item]]:
    """Gather items by their `size_of`, (height, width) in pixels, in batches as large as is useful.

    An item that has none, None, passes at once and alone.
    However many sizes there are, those that wait for others of their size have at most
    MOST_WAITING_PIXELS together: beyond that those that take the most go as they are.
    """
    waiting: dict[Size, list[Item]] = defaultdict(list)
    pixels = 0
    for item in items:
        size = size_of(item)
        if size is None:
            yield [item]
            continue
        waiting[size].append(item)
        pixels += _area(size)
        if len(waiting[size]) >= batch_size(size):
            full = size
        elif pixels > MOST_WAITING_PIXELS:
            full = max(waiting, key=lambda each: len(waiting[each]) * _area(each))
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
