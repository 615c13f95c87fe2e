"""A plan on what the tag of its base is at the time of a build."""

import dataclasses

from containers.bases import Kind
from containers.context import Plan
from containers.registry import resolve_digest
from containers.registry_client import NoAnswer
from containers.streaming import Progress


def pinned(plan: Plan, progress: Progress) -> Plan:
    """The plan with the digest of its base's tag; as it was, and said so, where none is told."""
    base = plan.base
    if base.kind is not Kind.REGISTRY or base.digest:
        return plan
    try:
        digest = resolve_digest(base.reference)
    except NoAnswer as error:
        # The engine may reach it all the same: by a mirror, or with a login of its own.
        progress.say(f"base by its tag, digest not known: {error}")
        return plan
    return dataclasses.replace(plan, base=dataclasses.replace(base, digest=digest))
