"""Holds the container platforms that a partition declares against what a node of it answers."""

from reframe.core.systems import SystemPartition

from systems.probing.answer import Answer
from systems.probing.findings import Finding, unanswered
from systems.probing.node.containers import FAKEROOT
from systems.probing.platforms import (
    COMMANDS,
    IN_USER_NAMESPACES,
    described,
    doubtful,
    runtime,
    state,
    unusable,
)

SUBJECT = "container"
NAMESPACES = "namespaces"
INSTALL = (
    "install or start it on the nodes, name its environment module in `container_platforms`, or"
    " take the platform out"
)
START = "see `namespaces`, and mend what the runtime complains of"
ALLOW = (
    "allow user namespaces (user.max_user_namespaces above 0, kernel.unprivileged_userns_clone and"
    " kernel.apparmor_restrict_unprivileged_userns not in the way), or a runtime that is setuid"
)


def container_findings(partition: SystemPartition, answer: Answer) -> list[Finding]:
    """A line for each platform, and what the node allows a user who runs or builds images."""
    if answer.runtimes is None:
        return [unanswered(SUBJECT, answer, "runtimes")]

    declared = list(partition.container_environs)
    platforms = [_platform(each, answer) for each in declared]
    if not declared:
        there = ", ".join(state(each, answer) for each in answer.runtimes) or "no runtime"
        platforms = [Finding(SUBJECT, True, f"none declared; on the node: {there}")]

    return [*platforms, _user_namespaces(declared, answer), _fakeroot(answer)]


def _platform(platform: str, answer: Answer) -> Finding:
    reason = unusable(platform, answer)
    found = runtime(answer, COMMANDS[platform])
    if found is None or found.error:
        return Finding(SUBJECT, False, f"{platform}: {reason}", INSTALL)

    if reason:
        return Finding(SUBJECT, False, f"{platform}: {reason}", START)

    doubt = doubtful(platform, answer)
    if doubt:
        remedy = "see on that node whether images start; some sites forbid folders alone"
        text = f"{platform}: {described(found, answer)} answers, but {doubt}"
        return Finding(SUBJECT, True, text, remedy, amber=True)

    started = found.command in (answer.starts or {})
    does = "answers and starts a container" if started else "answers"
    return Finding(SUBJECT, True, f"{platform}: {described(found, answer)} {does}")


def _user_namespaces(declared: list[str], answer: Answer) -> Finding:
    seen = answer.user_namespaces
    if seen is None:
        return unanswered(NAMESPACES, answer, "user_namespaces")

    if seen.work:
        return Finding(NAMESPACES, True, "a user may make user namespaces")

    text = f"a user may not make user namespaces ({seen.error})"
    needing = [each for each in declared if each in IN_USER_NAMESPACES or doubtful(each, answer)]
    if needing:
        needed = f"{text}, which {', '.join(needing)} may need here"
        return Finding(NAMESPACES, True, needed, ALLOW, amber=True)

    return Finding(NAMESPACES, True, f"{text}; no platform that is declared needs one")


def _fakeroot(answer: Answer) -> Finding:
    """Fakeroot is for building: no case needs it, so the line only informs."""
    ids = answer.subordinate_ids
    if answer.starts is None or ids is None:
        return unanswered("fakeroot", answer, "subordinate_ids" if ids is None else "starts")

    program = "newuidmap is there" if ids.newuidmap else "newuidmap is not there"
    maps = f"{ids.users} subordinate users, {ids.groups} groups, {program}"
    tried = {name: error for name, error in answer.starts.items() if name.endswith(FAKEROOT)}
    works = [name for name, error in tried.items() if not error]
    if works:
        return Finding("fakeroot", True, f"{works[0]} works; {maps}")

    why = next((f"{name}: {error}" for name, error in tried.items()), "no runtime to try it with")
    return Finding("fakeroot", True, f"not to be had ({why}); {maps}; only building needs it")
