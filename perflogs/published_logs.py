"""Writes published runs as performance logs, with a line for each run as in ReFrame's own format.

In that of this suite's settings a run is as many lines as it has metrics, which nothing would hold
together here: the runs have no time. The other columns are those of the settings. The files stand
beside the logs of the same checks, as CHECK.published.log: ReFrame never writes a file of that
name, so that neither appends to what the other has written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perflogs.published_history import CAMPAIGN, METRICS, PARTITION, PublishedRun
from perflogs.whole_file import write_whole

_MISSING = "null"
_COLUMNS = (
    *("result", "job_completion_time", "name", "hashcode", "system", "partition", "environ"),
    *("jobid", "job_nodelist", "fail_phase", "failure_class", "metric_directions", "workload"),
    *("preset", "num_gpus", "cpu_nodes", "process_per", "pipeline", "storage", "stage_to_scratch"),
    *("model", "precision", "engine", "prefetch_to_device", "cache", "patch_size", "batch_size"),
    *("jit", "epochs", "container", "dataset", "workload_version", "tensorflow_version"),
    *("device_name", "gpus_used", "processes", "precision_used", "campaign", "reference_case"),
)


@dataclass(frozen=True)
class PublishedLog:
    """One file: of which check of which system, where, how much it holds, and whether it was
    written now or had been already."""

    system: str
    check: str
    path: Path
    runs: int
    figures: int
    is_new: bool


def write_published(folder: Path, runs: Iterable[PublishedRun]) -> list[PublishedLog]:
    """Writes FOLDER/SYSTEM/PARTITION/CHECK.published.log; what is there already stays untouched.

    Raises OSError where that is not possible."""
    files: dict[tuple[str, str], list[PublishedRun]] = {}
    for run in runs:
        files.setdefault((run.system, run.check), []).append(run)

    return [_write(folder, system, check, of_file) for (system, check), of_file in files.items()]


def _write(folder: Path, system: str, check: str, runs: Sequence[PublishedRun]) -> PublishedLog:
    path = folder / system / PARTITION / f"{check}.published.log"
    metrics = list(dict.fromkeys(metric for run in runs for metric in run.figures))
    columns = [f"{metric}_{field}" for metric in metrics for field in ("value", "unit")]
    lines = ["|".join([*_COLUMNS, *columns]), *(_line(run, columns) for run in runs)]
    text = "\n".join(lines) + "\n"
    is_new = not path.exists() or path.read_bytes() != text.encode()
    if is_new:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)

    figures = sum(len(run.figures) for run in runs)
    return PublishedLog(system, check, path, len(runs), figures, is_new)


def _line(run: PublishedRun, columns: Sequence[str]) -> str:
    directions = [f"{name}={':'.join(METRICS[name][1:])}" for name in sorted(run.figures)]
    known = {
        **{key: _text(value) for key, value in run.case.items()},
        **run.facts,
        "result": "pass",
        "name": run.name,
        "system": run.system,
        "partition": PARTITION,
        "environ": "builtin",
        "jobid": run.run,
        "metric_directions": " ".join(directions),
        "precision_used": _text(run.case["precision"]),
        "campaign": CAMPAIGN,
        "reference_case": run.reference_case,
        **{f"{metric}_value": value for metric, value in run.figures.items()},
        **{f"{metric}_unit": METRICS[metric][0] for metric in run.figures},
    }
    return "|".join(known.get(column, _MISSING) for column in (*_COLUMNS, *columns))


def _text(value: object) -> str:
    # As ReFrame writes variables, which is as JSON does.
    return str(value).lower() if isinstance(value, bool) else str(value)
