"""Why a case failed, or did not run, in the words of its record."""

from typing import Any

import polars as pl

from perflogs.history import NEEDS
from perflogs.judging.nights import FAILED, NOT_RUN


def why_failed(run: dict[str, Any]) -> str:
    """The phase, the class and the reason of a failed run (a row with the columns RUNS)."""
    if run["result"] == "xpass":
        return "it passed, and its reference says that it would fail"

    phase, reason, kind = run["fail_phase"], run["fail_reason"], run["failure_class"]
    text = " ".join(reason.split())
    if kind and kind not in text:
        text = f"{kind}: {text}" if text else kind

    if phase and phase not in text:
        text = f"{phase}: {text}" if text else f"failed in phase {phase}"

    return text or "the record does not say why"


def why_not_run(runs: pl.DataFrame, run: dict[str, Any]) -> str:
    """What kept a run of `runs` from running: what it needs, where its record knows that; else, if
    anything that it needs has failed, what failed beside it."""
    if run["result"] not in NOT_RUN:
        return f"nothing is known of it: its result is {run['result']!r}"

    if run["result"] == "abort":
        return "aborted: the session ended before it ran"

    text = " ".join(run["fail_reason"].split())
    if run["result"] == "fail_deps" and not text.startswith(NEEDS):
        failed = _failed_beside(runs, run)
        text = f"{NEEDS} ({', '.join(failed[:3])})" if failed else text

    if not text:
        return "not run: skipped, or what it needs did not pass"

    return text if text.startswith("not run") else f"not run: {text}"


def _failed_beside(runs: pl.DataFrame, run: dict[str, Any]) -> list[str]:
    together = runs.filter(
        (pl.col("session") == run["session"])
        & (pl.lit(run["session"]) != "")
        & (pl.col("system") == run["system"])
        & (pl.col("partition") == run["partition"])
        & pl.col("result").is_in(FAILED)
    )
    # A fixture fails before all that need it.
    ordered = together.sort("fixture", "time", descending=[True, False])
    return ordered["name"].unique(maintain_order=True).to_list()
