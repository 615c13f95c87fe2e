"""Run every benchmark in turn: `python -m tests.benchmarks`."""

import importlib
import pkgutil
import sys
from pathlib import Path


def main() -> int:
    """Run all benchmarks; the exit code is that of the first that refused, else 0."""
    codes = []
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if not module.name.startswith("_"):
            codes.append(importlib.import_module(f"tests.benchmarks.{module.name}").main())
    return next(filter(None, codes), 0)


if __name__ == "__main__":
    sys.exit(main())
