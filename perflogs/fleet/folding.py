"""Names of many nodes in few words: `n[001-003,007], login1`."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator

_NUMBERED = re.compile(r"(.*?)(\d{1,18})(\D*)", re.DOTALL)


def folded(nodes: Collection[str]) -> str:
    """The names, those that differ in their last number alone as ClusterShell writes them."""
    parted = {node: match for node in nodes if (match := _NUMBERED.fullmatch(node))}
    widths = {_width(match) for match in parted.values() if match[2].startswith("0")}
    groups: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for _, match in sorted(parted.items()):
        # Where one number of a width has leading zeros, all of that width are padded to it.
        width = len(match[2]) if _width(match) in widths else 0
        groups[match[1], match[3], width].append(int(match[2]))

    return ", ".join([*sorted(set(nodes) - parted.keys()), *_bracketed(groups)])


def _width(match: re.Match[str]) -> tuple[str, str, int]:
    return match[1], match[3], len(match[2])


def _bracketed(groups: dict[tuple[str, str, int], list[int]]) -> Iterator[str]:
    for (before, after, width), numbers in groups.items():
        parts = list(_ranges(sorted(numbers), width))
        single = len(parts) == 1 and "-" not in parts[0]
        inside = parts[0] if single else f"[{','.join(parts)}]"
        yield f"{before}{inside}{after}"


def _ranges(numbers: list[int], width: int) -> Iterator[str]:
    start = numbers[0]
    for number, following in zip(numbers, [*numbers[1:], None], strict=True):
        if following != number + 1:
            yield f"{start:0{width}}" if start == number else f"{start:0{width}}-{number:0{width}}"
            start = number if following is None else following
