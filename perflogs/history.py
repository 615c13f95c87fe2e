"""What the history is: one frame of runs, one of their figures, and what could not be read.

A run is one execution of one case. It may have been read from a performance log, from ReFrame's
results database or from a run report; whoever reads the history does not see which."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

#: What tells one series of the same case from another, beside the parameters in its name: a change
#: of any of these makes figures that must not be compared.
KEYS = (
    "workload_version",
    "dataset",
    "dataset_digest",
    "preset",
    "precision",
    "precision_used",
    "seed",
    "device_name",
    "container",
)
#: What may change within a series, and is then a candidate cause, in the words of a report.
EVENTS = {
    "image_digest": "image",
    "image_commit": "image commit",
    "driver_version": "driver",
    "kernel_version": "kernel",
    "firmware_version": "firmware",
    "scheduler_version": "scheduler",
    "suite_commit": "suite commit",
    "tensorflow_version": "TensorFlow",
    "keras_version": "Keras",
    "python_version": "Python",
}
#: What the reason of a run begins with that did not come to run, where its record names the cases
#: that kept it from it.
NEEDS = "not run: needs a case that did not pass"
CAMPAIGNS = ("nightly", "ad hoc", "upgrade", "acceptance", "published")

#: A row for each run, sorted by time; texts that a record lacks are empty, never null.
RUNS = pl.Schema(
    {
        # Its number, by which `FIGURES` refers to it: 0, 1, 2, ... in the order of the rows.
        "run": pl.UInt32(),
        # When the job ended, or else when it was recorded; null where no record says.
        "time": pl.Datetime("us", "UTC"),
        # From noon to noon by the clock of the site, named by the day on which it begins.
        "night": pl.Date(),
        "campaign": pl.String(),
        # The uuid of ReFrame's session; empty where only a performance log knows the run.
        "session": pl.String(),
        "system": pl.String(),
        "partition": pl.String(),
        "environ": pl.String(),
        # With its parameters, as `SkylineTrain %num_gpus=1 %preset=nightly`.
        "name": pl.String(),
        # The name of its class, as `SkylineTrain`.
        "check": pl.String(),
        "fixture": pl.Boolean(),
        "hashcode": pl.String(),
        "jobid": pl.String(),
        # Sorted, separated by commas.
        "nodes": pl.String(),
        # How many the partition has; null where no record says.
        "partition_nodes": pl.Int64(),
        # As ReFrame says it: pass, fail, xfail, xpass, skip, fail_deps, abort.
        "result": pl.String(),
        "fail_phase": pl.String(),
        "fail_reason": pl.String(),
        # Whose failure it is, in the words of docs/clusters.md; empty where nothing failed.
        "failure_class": pl.String(),
        # JSON object: everything that references of this check are keyed by, with its types.
        "case": pl.String(),
        # JSON object, sorted: `case` and the KEYS that the record has.
        "key": pl.String(),
        **{name: pl.String() for name in EVENTS},
        # The command line of the session, its folder, and its configuration files as a JSON list.
        "command": pl.String(),
        "workdir": pl.String(),
        "configuration": pl.String(),
        "source": pl.String(),
    }
)

#: A row for each metric of each run.
FIGURES = pl.Schema(
    {
        "run": pl.UInt32(),
        "metric": pl.Categorical(),
        # Null where the run has none (it failed), or it is not a number.
        "value": pl.Float64(),
        "unit": pl.Categorical(),
        # higher, lower, equal; empty where neither record nor name says.
        "better": pl.Categorical(),
        # relative or absolute.
        "comparison": pl.Categorical(),
        "reference": pl.Float64(),
        "lower": pl.Float64(),
        "upper": pl.Float64(),
    }
)


@dataclass(frozen=True)
class Unreadable:
    """A line, a session or a file that could not be read: where, how it begins, and why.

    `night` is that in which it was written, as far as its place tells: that of the line before it,
    or, where no other follows, that of the last change of its file."""

    path: Path
    line: int
    text: str
    why: str
    night: date | None = None


@dataclass(frozen=True)
class History:
    """All runs and figures (schemas RUNS and FIGURES), and what could not be read.

    `unfinished` are files whose last line is being written, and was left for the next time;
    `unlisted` is how many more lines could not be read than `unreadable` lists."""

    runs: pl.DataFrame
    figures: pl.DataFrame
    unreadable: list[Unreadable]
    unfinished: list[Path]
    sources: list[Path]
    unlisted: int = 0


#: Of a run with sound figures: it passed, or did nothing worse than miss a reference. If those that
#: miss one were left out, the largest regressions would be the only ones never found.
SOUND = pl.col("result").is_in(["pass", "xfail", "xpass"]) | (
    (pl.col("result") == "fail") & (pl.col("fail_phase") == "performance")
)
