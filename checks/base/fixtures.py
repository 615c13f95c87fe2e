"""Fixtures whose variables are known only when the test that needs them is."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from reframe.core.fixtures import FixtureRegistry, TestFixture
from reframe.core.pipeline import RunOnlyRegressionTest
from reframe.utility import udeps


@dataclass(frozen=True, slots=True)
class _Listed:
    """What `reframe --list` reads of a fixture; with slots, because ReFrame takes a class inside
    any other object for something that cannot be copied."""

    cls: type
    scope: str


def require(
    test: RunOnlyRegressionTest,
    fixture: type,
    partitions: Iterable[str] | None = None,
    **variables: Any,
) -> None:
    """Makes `test` wait for a `fixture` with these variables, run once for each of its partitions,
    or for those alone that are named.

    Call it after init, as often as there are fixtures. ReFrame's own `fixture(...)` fixes the
    variables when the class is made, before `-P preset=...` is known, and writes them into the name
    of the test, which is the key of its history. This does for one instance what
    `FixtureSpace.inject` does for a class."""
    wanted = TestFixture(fixture, scope="partition", variables=variables)
    registry = FixtureRegistry()
    parent = SimpleNamespace(
        valid_systems=test.valid_systems if partitions is None else [*partitions],
        valid_prog_environs=test.valid_prog_environs,
        display_name=test.display_name,
    )
    for name in registry.add(wanted, 0, parent):
        test.depends_on(name, udeps.by_part)

    own: FixtureRegistry = vars(test).setdefault("_rfm_fixture_registry", FixtureRegistry())
    own.update(registry)
    listed = vars(test).setdefault("_rfm_fixture_space", {})
    listed[fixture.__name__] = _Listed(wanted.cls, wanted.scope)
