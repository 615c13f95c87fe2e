"""What the session is run for, and how it was started: both stand in every record.

    reframe -c checks -r --session-extras campaign=nightly

ReFrame keeps the extras in its results database and in the run report, and reads them only when
all is over: what it could not read then would cost the report of a whole night."""

import argparse
import shlex
import sys
from collections.abc import Sequence

from reframe.core.exceptions import ReframeError

from checks.base.sanity import one_line

OPTION = "--session-extras"
CAMPAIGNS = ("nightly", "ad hoc", "upgrade", "acceptance")
#: Of a session that does not say: no baseline learns from it.
DEFAULT_CAMPAIGN = "ad hoc"


class UnusableExtras(ReframeError):
    """Extras of the session that say nothing, or not what they seem to."""


def validate(words: Sequence[str] | None = None) -> None:
    """Raises UnusableExtras where ReFrame could not read them, or the campaign is none of ours: a
    misspelt one would never be learnt from."""
    name = campaign(words)
    if name not in CAMPAIGNS:
        raise UnusableExtras(f"{OPTION} campaign={name}: one of {', '.join(CAMPAIGNS)} is expected")


def campaign(words: Sequence[str] | None = None) -> str:
    """What the session is run for. `words` are those of its command line, this one's if None."""
    return _extras(sys.argv[1:] if words is None else words).get("campaign", DEFAULT_CAMPAIGN)


def command() -> str:
    """The command line, on one line; a `|` in it reads `/`, as performance logs do not quote."""
    return one_line(shlex.join(sys.argv))


def _extras(words: Sequence[str]) -> dict[str, str]:
    """As ReFrame reads them: the option may be abbreviated, given again, and hold several."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(OPTION, action="append", default=[])
    given, _ = parser.parse_known_args(words)
    found = {}
    for pair in ",".join(given.session_extras).split(",") if given.session_extras else []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UnusableExtras(f"{OPTION}: NAME=VALUE is expected, not {pair!r}")

        found[name] = value

    return found
