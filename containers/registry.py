"""What a registry says that a tag is now, by the OCI distribution specification."""

import hashlib
import json
import re
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError, URLError

from containers.registry_client import Client, NoAnswer, read

_DOCKER_IO = ("docker.io", "index.docker.io")
# Indices stand first: an image of several architectures has but one.
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_WANTS_LOGIN = (401, 403)


@dataclass(frozen=True)
class Tag:
    """Where a tag is asked for: HOST[:PORT] of the registry, name of the repository, and tag."""

    host: str
    name: str
    tag: str


def parse(reference: str) -> Tag:
    """Where engines look for a `reference` without a digest: docker.io unless it names a host."""
    host, slash, rest = reference.partition("/")
    if not slash or not (re.search(r"[.:A-Z]", host) or host == "localhost"):
        host, rest = _DOCKER_IO[0], reference
    name, _, tag = rest.partition(":")
    if host in _DOCKER_IO:
        host = "registry-1.docker.io"
        name = name if "/" in name else f"library/{name}"
    return Tag(host, name, tag or "latest")


def resolve_digest(reference: str, seconds: float = 10.0) -> str:
    """The digest, `sha256:HEX`, of what the tag of a `reference` is now, within `seconds`.

    Of an image of several architectures it is that of the index. The registry is asked without
    credentials: those that an engine has are the engine's own.

    Raises:
        NoAnswer: the registry is not reached, wants a login, or answers nothing of use.
    """
    tag = parse(reference)
    found: Future[str] = Future()

    def ask() -> None:
        try:
            found.set_result(_digest(tag, seconds))
        except Exception as error:
            found.set_exception(error)

    # A socket's own limit starts anew with every byte, and with every address of a host.
    threading.Thread(target=ask, daemon=True).start()
    try:
        return found.result(seconds)
    except NoAnswer as error:
        why = str(error)
    except HTTPError as error:
        why = f"answers {error.code}" + (", wants a login" if error.code in _WANTS_LOGIN else "")
    except URLError as error:
        why = str(getattr(error.reason, "strerror", None) or error.reason)
    except TimeoutError:
        why = f"no answer in {seconds:g} s"
    except (OSError, HTTPException, ValueError, OverflowError, RecursionError) as error:
        why = type(error).__name__
    printable = "".join(each if each.isprintable() else "?" for each in why)
    raise NoAnswer(f"{tag.host}: {printable}")


def _digest(tag: Tag, seconds: float) -> str:
    client = Client(tag.host, tag.name, seconds)
    place = f"manifests/{tag.tag}"
    # Pulls are counted and limited, by docker.io for one; asking for the head is none.
    with client.open("HEAD", place, _MANIFESTS) as answer:
        named = answer.headers.get("Docker-Content-Digest")
    if named is None:
        with client.open("GET", place, _MANIFESTS) as answer:
            content, kind = read(answer), answer.headers.get_content_type()
        # What was cut short, and a page to log in, would have a digest too.
        if kind not in _MANIFESTS or not isinstance(json.loads(content), dict):
            raise NoAnswer("answers with no manifest")
        named = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if not _DIGEST.fullmatch(named):
        raise NoAnswer("names no SHA-256 digest")
    return named
