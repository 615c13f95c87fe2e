"""Which case of another check a case waits for, also where ReFrame has multiplied the cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import reframe.core.builtins as builtins
from reframe.core.exceptions import ReframeError
from reframe.core.meta import make_test
from reframe.core.pipeline import RunOnlyRegressionTest
from reframe.utility import udeps

#: The parameters that `--distribute` and `--repeat` add to every check; `-P` adds one for each
#: variable, with a dot before its name.
_OF_EVERY_CHECK = (".part", ".nid", ".repeat_no")
_WITHOUT_CLASS = "give `-P` and `-S` without a class name"


@dataclass(frozen=True)
class Input:
    """The output of a case of another check: of the one with these `parameters`, which must be as
    the case that reads it in `same`, parameters and variables alike."""

    check: type[RunOnlyRegressionTest]
    same: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)


def depend_on(test: RunOnlyRegressionTest, wanted: Input) -> str:
    """Makes `test` wait for a case on its own partition; returns the name of it for `getdep`.

    It has the parameters of `test` where `wanted` names no others. Call it after init. Raises
    ReframeError where the check has no such case."""
    multiplied = _multiplied_as(test, wanted.check)
    names = multiplied.param_space.params
    values = {name: getattr(test, name) for name in names if name not in wanted.parameters}
    numbers = multiplied.get_variant_nums(**values, **wanted.parameters)
    if not numbers:
        raise ReframeError(f"{wanted.check.__name__} has no case of {values}: {_WITHOUT_CLASS}")

    name: str = multiplied.variant_name(numbers[0])
    test.depends_on(name, udeps.by_case)
    return name


def require_same(
    test: RunOnlyRegressionTest, dependency: RunOnlyRegressionTest, wanted: Input
) -> None:
    """Raises ReframeError where a case that `test` waited for is not the one that is wanted."""
    expected = {**{key: getattr(test, key) for key in wanted.same}, **wanted.parameters}
    for key, value in expected.items():
        if getattr(dependency, key) != value:
            raise ReframeError(
                f"{dependency.display_name} has {key}={getattr(dependency, key)!r}, "
                f"{test.display_name} wants {value!r}: {_WITHOUT_CLASS}"
            )


def _multiplied_as(
    test: RunOnlyRegressionTest, check: type[RunOnlyRegressionTest]
) -> type[RunOnlyRegressionTest]:
    """`check` with the parameters that `-P`, `--repeat` and `--distribute` gave to `test`.

    ReFrame does each by a subclass of every class, of the same name, and numbers its cases anew."""
    given = type(test).param_space.params
    mine = check.param_space.params
    taken = {
        name: builtins.parameter(each.values, type=each.type)
        for name, each in given.items()
        if name in mine or name in _OF_EVERY_CHECK or _is_varied(name, check)
    }
    return make_test(check.__name__, (check,), taken, module=check.__module__)


def _is_varied(name: str, check: type[RunOnlyRegressionTest]) -> bool:
    return name.startswith(".") and name[1:] in check.var_space
