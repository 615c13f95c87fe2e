"""Whether an image is the one that a case should run in: that of its workload, and of the commit
whose checks judge it."""

from dataclasses import dataclass
from typing import Any

from checks.base.records import Records
from checks.base.suite_commit import UNKNOWN

_MODIFIED = "-modified"
_ACCEPT = "or accept it with -S any_image_commit=1"


@dataclass(frozen=True)
class Wanted:
    """What an image at `place` should be: of one of these names, and of the checkout's commit
    unless any is good."""

    place: str
    workload: str
    names: tuple[str, ...]
    commit: str
    any_commit: bool


def complaint(name: str, commit: str, wanted: Wanted) -> str:
    """What is wrong with an image that says this of itself; empty where nothing is."""
    if name not in wanted.names:
        return f"{wanted.place} is an image of {name}, not of {wanted.workload}: mend `images`"

    if wanted.any_commit:
        return ""

    if commit.endswith(_MODIFIED) or wanted.commit.endswith(_MODIFIED):
        return (
            f"the image {wanted.place} is of {commit}, the checkout of {wanted.commit}: what was "
            f"modified has no name; commit it and build the image again, {_ACCEPT}"
        )

    if UNKNOWN in (commit, wanted.commit):
        return (
            f"the image {wanted.place} is of commit {commit}, the checkout of {wanted.commit}: "
            f"nothing says that they are the same; run in a checkout of git, {_ACCEPT}"
        )

    if commit != wanted.commit:
        return (
            f"the image {wanted.place} is of commit {commit}, the checkout of {wanted.commit}: "
            f"build it again, {_ACCEPT}"
        )

    return ""


def complaint_of_records(records: Records, wanted: Wanted) -> str:
    """What is wrong with the image that a stage says it ran in; empty where nothing is, or where
    it says nothing because it did not come to that."""
    said: dict[str, Any] = records.provenance
    if "image_name" in said and "image_commit" in said:
        return complaint(str(said["image_name"]), str(said["image_commit"]), wanted)

    if records.status == "success":
        return f"the code that ran did not come from the image {wanted.place}: no record says so"

    return ""
