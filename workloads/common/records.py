"""Records: what a stage reports, as MLPerf log lines on standard output and in a file.

Each line is `:::MLLOG {json}`, written by MLPerf's own library. The metadata's `kind` says what a
line is: "metric" (a number, with its unit, the direction that is better, and how to compare it),
"provenance" (what the figures were measured with), or "event" (the rest). A figure that is not
finite is never written as a value: it makes the run fail.
"""

import contextlib
import logging
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlperf_logging.mllog import constants
from mlperf_logging.mllog.mllog import MLLogger

from workloads.common.errors import RunFailed
from workloads.common.metrics import metric as declared_metric

#: Of every line that is a record.
MARK = ":::MLLOG "
SOURCE_ROOT = str(Path(__file__).parents[2])


class _Strict(logging.Handler):
    """Lets an error stand: logging prints it and goes on, and a record would be lost in silence."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        raise


class _StandardOutput(_Strict, logging.StreamHandler):
    pass


class _RecordsFile(_Strict, logging.FileHandler):
    """Appends: what an earlier run reported is not lost when the stage is started again."""


class Recorder:
    """Writes the records of one stage; silent on every rank but the first.

    Use it as `with recording(...) as recorder`, which opens and closes the run.
    """

    def __init__(self, stage: str, output: Path | None, reports: bool = True) -> None:
        self.stage = stage
        self.started = time.perf_counter()
        self.figures: dict[str, float] = {}
        self.provenances: dict[str, Any] = {}
        self._logger = logging.Logger(f"records.{stage}", level=logging.INFO)
        if not reports:
            self._logger.addHandler(logging.NullHandler())
        else:
            self._logger.addHandler(_StandardOutput(sys.stdout))
            if output is not None:
                output.mkdir(parents=True, exist_ok=True)
                self._logger.addHandler(_RecordsFile(output / f"{stage}.records.log"))
        self._mllog = MLLogger(self._logger, root_dir=SOURCE_ROOT, default_stack_offset=2)

    def event(self, key: str, value: Any = None, **metadata: Any) -> None:
        """Record that something happened."""
        self._mllog.event(key, value, metadata={"kind": "event", **metadata})

    def provenance(self, **values: Any) -> None:
        """Record what the figures are measured with, one line for each keyword."""
        for key, value in values.items():
            self.provenances[key] = value
            self._mllog.event(key, value, metadata={"kind": "provenance"})

    def metric(self, name: str, value: float) -> None:
        """Record a declared metric. Raises RunFailed when `value` is not finite."""
        declared = declared_metric(name)
        if not math.isfinite(value):
            self._mllog.event("not_finite", name, metadata={"kind": "event"})
            raise RunFailed(f"{name} is not finite")
        self.figures[name] = float(value)
        metadata = {
            "kind": "metric",
            "unit": declared.unit,
            "better": declared.better,
            "comparison": declared.comparison,
        }
        self._mllog.event(name, float(value), metadata=metadata)

    def open(self) -> None:
        """Write the opening record."""
        self._mllog.start(constants.RUN_START, metadata={"kind": "event", "stage": self.stage})

    def close(self, status: str, reason: str | None = None) -> None:
        """Write the closing record, with status "success" or "failed", and flush."""
        metadata = {"kind": "event", "stage": self.stage, "status": status}
        if reason is not None:
            metadata["reason"] = reason
        self._mllog.end(constants.RUN_STOP, metadata=metadata)
        for handler in self._logger.handlers:
            handler.flush()
            if isinstance(handler, logging.FileHandler):
                handler.close()


@contextlib.contextmanager
def recording(stage: str, output: Path | None, reports: bool = True) -> Iterator[Recorder]:
    """Open a stage's records, yield their Recorder, and close them with what became of the run.

    Success also records `total_seconds`. Any exception closes them as failed, with its message.
    """
    recorder = Recorder(stage, output, reports)
    recorder.open()
    try:
        yield recorder
        recorder.metric("total_seconds", time.perf_counter() - recorder.started)
    except BaseException as error:
        recorder.close("failed", str(error) or type(error).__name__)
        raise
    recorder.close("success")
