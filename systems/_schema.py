"""Site files against ReFrame's own schema, one at a time.

ReFrame validates all configuration at once and then names neither the field nor the file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import reframe
from reframe.core.exceptions import ConfigError

SECTIONS = ("systems", "environments")
_SCHEMA = json.loads(
    Path(reframe.INSTALL_PREFIX, "reframe", "schemas", "config.json").read_text("utf-8")
)


def validate(configuration: Any, path: Path) -> None:
    """Raises ConfigError, naming file and fields, where a site's configuration is not as ReFrame
    wants it, or has a section that is not gathered."""
    if not isinstance(configuration, dict):
        raise ConfigError(f"{path}: it has no `site_configuration`, or one that is no dictionary")

    unknown = [name for name in configuration if name not in SECTIONS]
    if unknown:
        raise ConfigError(
            f"{path}: site_configuration: {unknown[0]!r}: no such section in a site file; "
            f"there are {', '.join(SECTIONS)}"
        )

    complaints = [
        f"{_field(section, entries, list(error.absolute_path))}: {error.message}"
        for section, entries in configuration.items()
        for error in _validator(section).iter_errors(entries)
    ]
    if complaints:
        raise ConfigError(f"{path}: {'; '.join(complaints)}")


def _validator(section: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator({**_SCHEMA["properties"][section], "defs": _SCHEMA["defs"]})


def require_one_name(systems: Mapping[str, Path], name: str, path: Path) -> None:
    """Raises ConfigError where another file has a system of this name."""
    if name in systems:
        raise ConfigError(f"{path}: systems: {name}: {systems[name]} has a system of this name too")


def _field(section: str, entries: Any, steps: list[Any]) -> str:
    """Where a field is, with the names of list entries that have one: systems/pearl/partitions."""
    words, value = [section], entries
    for step in steps:
        value = value[step]
        name = value.get("name") if isinstance(value, dict) and isinstance(step, int) else None
        words.append(str(step if name is None else name))

    return "/".join(words)
