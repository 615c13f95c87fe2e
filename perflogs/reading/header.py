"""The header of a performance log: which column holds what, in either format of ReFrame."""

from dataclasses import dataclass
from functools import cached_property

DELIMITER = "|"
#: No performance log is without these, in whatever format.
_REQUIRED = ("result", "job_completion_time", "name", "system", "partition", "environ", "jobid")
#: What ReFrame writes of a metric, by our names: with `perf_` before it in the multi-line format,
#: with the name of the metric in the default one.
FIELDS = {
    "value": "value",
    "unit": "unit",
    "reference": "ref",
    "lower": "lower_thres",
    "upper": "upper_thres",
}
_FIELDS_OF_A_METRIC = {*FIELDS.values(), "result"}


class NotAPerformanceLog(ValueError):
    """A first line that is no header of a performance log; the message says why."""


@dataclass(frozen=True)
class Header:
    """The names of the columns, as ReFrame wrote them."""

    text: str

    @cached_property
    def names(self) -> list[str]:
        """The names in order; a check without metrics leaves an empty one."""
        return self.text.split(DELIMITER)

    @property
    def is_multiline(self) -> bool:
        """Whether each line holds one metric, named in its column `perf_var`."""
        return "perf_var" in self.names

    @property
    def prefix(self) -> str:
        """What a header in mid-file begins with, and no record does."""
        return f"{self.names[0]}{DELIMITER}"

    def column(self, name: str) -> int | None:
        """Where a column stands; None where the log has none of this name."""
        return self.names.index(name) if name in self.names else None

    @cached_property
    def metrics(self) -> dict[str, dict[str, int]]:
        """Of each metric of the default format the columns, by the keys of FIELDS.

        The columns of a metric stand side by side, so that a variable of a check whose own name
        ends in `_value` is none."""
        found: dict[str, dict[str, int]] = {}
        for start, name in enumerate(self.names):
            metric = name.removesuffix("_value")
            columns = self._columns_of(metric, start)
            if metric != name and len(columns) > 1:
                found[metric] = {key: columns[own] for key, own in FIELDS.items() if own in columns}

        return {} if self.is_multiline else found

    def _columns_of(self, metric: str, start: int) -> dict[str, int]:
        columns: dict[str, int] = {}
        for number, name in enumerate(self.names[start:], start):
            field = name.removeprefix(f"{metric}_")
            if field == name or field not in _FIELDS_OF_A_METRIC:
                break

            columns[field] = number

        return columns


def read_header(line: str) -> Header:
    """The header that a line is. Raises NotAPerformanceLog where it is none."""
    header = Header(line.strip())
    missing = [name for name in _REQUIRED if name not in header.names]
    if missing:
        raise NotAPerformanceLog(
            f"not the header of a performance log: no column {', '.join(missing)}"
        )

    if header.is_multiline and "perf_value" not in header.names:
        raise NotAPerformanceLog("not the header of a performance log: no column perf_value")

    return header
