"""The suite's checks: `reframe -c checks -r`. ReFrame loads this file before any check file."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    # At the end: ReFrame takes its own entry off again by position, and would take another's.
    sys.path.append(str(ROOT))

# On a shared account others read the logs, and write none, whatever mask this user has.
os.umask(os.umask(0o077) & ~0o050 | 0o022)

try:
    from checks.base import container_platforms, guards, outcomes, scheduling, session, site

    if ROOT not in Path(guards.__file__).parents:
        raise ImportError(f"`import checks` finds another package: {guards.__file__}")

    guards.install()
    scheduling.install()
    container_platforms.install()
    outcomes.install()
    session.validate()
    site.validate()
except Exception as error:
    # ReFrame only warns about a package that fails to load, and then reports that 0 of 0 passed.
    sys.exit(f"error: the checks cannot be loaded: {type(error).__name__}: {error}")
