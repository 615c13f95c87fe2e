"""Tells the lines that a table can be made of from those that cannot be read, without a loop over
lines: a history has a million of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from perflogs.reading.header import DELIMITER, Header
from perflogs.reading.origins import CHARACTERS_KEPT, LINES_KEPT
from perflogs.reading.texts import NULLS
from perflogs.reading.whole_lines import Lines

_FORMATTER_FAILED = b"<error formatting the "
#: Of a character in UTF-8.
_BYTES_AT_MOST = 4


@dataclass
class Table:
    """All lines below one header: where each begins and ends in `data`, from which part it comes
    and as which line of it, and whether it is still thought to be readable."""

    header: Header
    parts: Sequence[Lines]
    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    part: NDArray[np.intp]
    line: NDArray[np.int64]
    good: NDArray[np.bool_]

    @property
    def origin(self) -> NDArray[np.uint32]:
        """The number of the origin of each line."""
        numbers = np.array([part.origin.number for part in self.parts], dtype=np.uint32)
        return numbers[self.part]

    def refuse(self, rows: NDArray[np.intp], why: str) -> None:
        """Takes these lines out, and tells their origins of them."""
        rows = rows[self.good[rows]]
        self.good[rows] = False
        for number in np.unique(self.part[rows]):
            origin = self.parts[number].origin
            here = rows[self.part[rows] == number]
            for row in here[:LINES_KEPT]:
                origin.refuse(int(self.line[row]), self._text(row), why)

            origin.unlisted += max(0, len(here) - LINES_KEPT)

    def columns(self, wanted: dict[str, tuple[int, pl.DataType]]) -> pl.DataFrame:
        """Columns of the lines that are good so far, by name: `wanted` says where each stands, and
        its type. `row` is the number of the line in this table."""
        names = {f"column_{number + 1}": name for name, (number, _) in wanted.items()}
        types = {f"column_{number + 1}": kind for number, kind in wanted.values()}
        if not self.good.any():
            return pl.DataFrame(
                schema={name: kind for name, (_, kind) in wanted.items()}
            ).insert_column(0, pl.Series("row", [], dtype=pl.UInt32))

        read = pl.read_csv(
            self._good_data(),
            separator=DELIMITER,
            has_header=False,
            quote_char=None,
            columns=sorted(number for number, _ in wanted.values()),
            schema_overrides=types,
            infer_schema=False,
            null_values=list(NULLS),
        )
        rows = pl.Series("row", np.flatnonzero(self.good), dtype=pl.UInt32)
        return read.rename(names).insert_column(0, rows)

    def _good_data(self) -> bytes:
        if self.good.all():
            return self.data

        kept = np.repeat(self.good, self.ends - self.starts + 1)
        return np.frombuffer(self.data, np.uint8)[kept].tobytes()

    def _text(self, row: int) -> str:
        start, end = self.starts[row], self.ends[row]
        begin = self.data[start : min(end, start + _BYTES_AT_MOST * CHARACTERS_KEPT)]
        return begin.decode(errors="replace")


def find_good_lines(parts: Sequence[Lines]) -> Table:
    """A table of lines with the same header; those that cannot be part of it are refused."""
    header = parts[0].header
    data = b"".join(part.data for part in parts)
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1])
    counts = [part.data.count(b"\n") for part in parts]
    table = Table(
        header,
        parts,
        data,
        starts,
        ends,
        part=np.repeat(np.arange(len(parts)), counts),
        line=np.concatenate(
            [np.arange(part.first, part.first + n) for part, n in zip(parts, counts, strict=True)]
        ),
        good=np.ones(len(ends), dtype=np.bool_),
    )
    table.refuse(_rows_with(table, _FORMATTER_FAILED), "ReFrame could not format it")
    table.refuse(_rows_with(table, b"\0"), "it has NUL bytes")
    table.refuse(_rows_not_in_utf8(table), "it is not UTF-8")
    delimiters = np.flatnonzero(np.frombuffer(data, np.uint8) == ord(DELIMITER))
    columns = np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1
    table.refuse(
        np.flatnonzero(columns != len(header.names)),
        f"it has not {len(header.names)} columns, as its header has",
    )
    return table


def _rows_with(table: Table, text: bytes) -> NDArray[np.intp]:
    found = []
    at = table.data.find(text)
    while at >= 0:
        row = int(np.searchsorted(table.ends, at))
        found.append(row)
        at = table.data.find(text, int(table.ends[row]))

    return np.array(found, dtype=np.intp)


def _rows_not_in_utf8(table: Table) -> NDArray[np.intp]:
    found: list[int] = []
    start = 0
    while True:
        try:
            str(memoryview(table.data)[start:], "utf-8")
        except UnicodeDecodeError as error:
            row = int(np.searchsorted(table.ends, start + error.start))
            found.append(row)
            start = int(table.ends[row]) + 1
        else:
            return np.array(found, dtype=np.intp)
