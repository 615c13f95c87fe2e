"""A workload of a few milliseconds that reports what a test tells it to: the tests copy it into a
checkout of their own as `workloads/fake/__main__.py`.

FAKE is JSON: `metrics` and `provenance` to change (null leaves one out), and `status`, `reason`,
`stderr`, `exit_code` of the end, `stage` to report under, `log` to write to. What stands under the
name of a preset is for the case of that preset alone, and so with the name of a stage."""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

METRICS = {
    "throughput": (1000.0, "images/s", "higher", "relative"),
    "validation_accuracy": (0.95, "1", "higher", "absolute"),
    "loss_step100": (0.25, "1", "equal", "absolute"),
}


def record(event: str, key: str, value: object, **metadata: object) -> None:
    """Prints one line as mlperf-logging does."""
    line = {"namespace": "", "time_ms": int(time.time() * 1000), "event_type": event, "key": key}
    metadata = {"file": __file__, "lineno": 1, **metadata}
    print(":::MLLOG", json.dumps({**line, "value": value, "metadata": metadata}), flush=True)


def main() -> int:
    """Reports one stage."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stage")
    parser.add_argument("--preset")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--gpus", type=int, default=0)
    options, _ = parser.parse_known_args()
    fake = json.loads(os.environ.get("FAKE", "{}"))
    for name in (options.preset, options.stage):
        fake = {**fake, **fake.get(name, {})}

    started = time.time()
    record("INTERVAL_START", "run_start", None, stage=options.stage)
    provenance = {
        "stage": options.stage,
        "preset": options.preset,
        "seed": options.seed,
        "gpus_used": options.gpus,
        "processes": 1,
        "replicas": 1,
        "ranks_agree": True,
        "device_name": "a device | with a bar",
        "python_version": platform.python_version(),
        "dataset_digest": "sha256:0123",
    }
    # As the identity of an image is recorded: a fake runtime says it so.
    if "IMAGE_IDENTITY" in os.environ:
        image = json.loads(os.environ["IMAGE_IDENTITY"])
        provenance |= {"image_name": image["name"], "image_commit": image["suite_commit"]}
        provenance |= {"suite_commit": image["suite_commit"]}

    for key, value in {**provenance, **fake.get("provenance", {})}.items():
        if value is not None:
            record("POINT_IN_TIME", key, value, kind="provenance")

    given = {name: {"value": value} for name, (value, *_) in METRICS.items()}
    for name, change in {**given, **fake.get("metrics", {})}.items():
        if change is not None:
            names = ("value", "unit", "better", "comparison")
            usual = METRICS.get(name, (1.0, "1", "higher", "absolute"))
            fields = {**dict(zip(names, usual, strict=True)), **change}
            value = fields.pop("value")
            record("POINT_IN_TIME", name, value, kind="metric", **fields)

    time.sleep(fake.get("seconds", 0))
    status = fake.get("status", "success")
    if status:
        stage = fake.get("stage", options.stage)
        ending = {"stage": stage, "status": status, "reason": fake.get("reason", "")}
        record("INTERVAL_END", "run_stop", None, **ending)

    if "log" in fake:
        with Path(fake["log"]).open("a") as log:
            log.write(f"{started} {time.time()}\n")

    print(fake.get("stderr", ""), file=sys.stderr)
    return int(fake.get("exit_code", 0))


if __name__ == "__main__":
    sys.exit(main())
