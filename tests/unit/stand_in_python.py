"""Stands for a Python that trains: answers in milliseconds what a test tells it to.

The first argument is the side, `native` or `image`. STAND_IN is JSON: by side, and by what is done
(`start`, `import`, or a stage with the number of its folder, as `train-2`), `figures` and
`provenance` to change (null leaves one out), `stdout`, `stderr` and `exit_code`. Each call adds a
line to the file that CALLS names."""

import json
import os
import sys
from pathlib import Path

FIGURES = {"throughput": 100.0, "loss_step100": 0.25, "validation_accuracy": 0.9}
PROVENANCE = {
    "workload_version": "1",
    "dataset_digest": "sha256:0123",
    "precision": "float32",
    "deterministic": True,
    "device_name": "a device",
    "gpus_used": 0,
    "replicas": 1,
}
OF_THE_IMAGE = {"image_name": "skyline", "image_commit": "0123"}


def record(key: str, value: object, **metadata: object) -> None:
    """Prints one line as mlperf-logging does."""
    print(":::MLLOG", json.dumps({"key": key, "value": value, "metadata": metadata}))


def main() -> int:
    """Does one thing, as one of both sides."""
    side, how, what, *words = sys.argv[1:]
    if how == "-c":
        name = "import" if "import" in what else "start"
    elif words[0] == "train":
        name = f"train-{option(words, '--output').rsplit('-', 1)[1]}"
    else:
        name = words[0]
    with Path(os.environ["CALLS"]).open("a") as calls:
        variables = {key: value for key, value in os.environ.items() if key.startswith("PYTHON")}
        calls.write(json.dumps([side, name, words, variables]) + "\n")
    answer = json.loads(os.environ.get("STAND_IN", "{}")).get(side, {}).get(name, {})
    print(answer.get("stderr", ""), file=sys.stderr)
    if name.startswith("train"):
        train(side, words, answer)
    print(answer.get("stdout", "0.5" if name == "import" else ""))
    return int(answer.get("exit_code", 0))


def train(side: str, words: list[str], answer: dict[str, dict[str, object]]) -> None:
    """Reports a training, and leaves something where it would have left weights."""
    Path(option(words, "--output")).mkdir()
    asked = {"preset": option(words, "--preset"), "seed": int(option(words, "--seed"))}
    inside = OF_THE_IMAGE if side == "image" else {}
    provenance = PROVENANCE | asked | inside | answer.get("provenance", {})
    for key, value in provenance.items():
        if value is not None:
            record(key, value, kind="provenance")
    figures = FIGURES | answer.get("figures", {})
    for key, value in figures.items():
        better = "equal" if key == "loss_step100" else "higher"
        if value is not None:
            record(key, value, kind="metric", better=better)


def option(words: list[str], name: str) -> str:
    """What is given for an option."""
    return words[words.index(name) + 1]


if __name__ == "__main__":
    sys.exit(main())
