"""What the words of a failure have in common night after night."""

import re

# In this order: what the pattern of a number matches may be a part of another.
_VARIABLE = re.compile(
    "|".join(
        [
            # A UUID.
            r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
            # What stands directly in a folder of temporary files, or is called as `mktemp` and
            # Python do.
            r"(?<=/tmp/)[^\s/:,;'\"()]+",
            r"(?<=/dev/shm/)[^\s/:,;'\"()]+",
            r"\btmp[._-]?\w{6,}",
            # Addresses, commits and digests: no word of a language has so many of these letters.
            r"0x[0-9a-f]+",
            r"\b[0-9a-f]{8,}\b",
            r"\b(?=[a-f]*\d)[0-9a-f]{6,}\b",
            # A number; within a word, what stands before it is no sign.
            r"(?:(?<!\w)[-+])?\d+(?:\.\d+)?(?:e[-+]?\d+)?",
        ]
    ),
    re.IGNORECASE,
)


def lasting_words(reason: str) -> str:
    """The reason with `#` for all that differs from run to run: numbers, temporary files, and
    hexadecimal names such as addresses, digests and UUIDs."""
    return _VARIABLE.sub("#", reason)
