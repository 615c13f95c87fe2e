"""The build backend: setuptools, for editable installs alone.

A wheel would put `tests`, `systems` and `checks` as top-level packages into a shared
site-packages, where they shadow other projects' folders of the same names.
"""

from typing import Any

from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "prepare_metadata_for_build_editable",
]


def build_wheel(*_arguments: Any, **_options: Any) -> str:
    """Refuse: Trigpoint runs from its checkout."""
    raise SystemExit("error: Trigpoint runs from its checkout: use pip install -e .")


def build_sdist(*_arguments: Any, **_options: Any) -> str:
    """Refuse: Trigpoint runs from its checkout."""
    raise SystemExit("error: Trigpoint runs from its checkout: use pip install -e .")
