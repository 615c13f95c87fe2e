"""Asking a registry of container images over HTTP: anonymously, by a token where it wants one.

Where its answers send is followed if that is encrypted, or on this machine as the registry is."""

import json
import re
import urllib.request
from collections.abc import Sequence
from email.message import Message
from http.client import HTTPResponse
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

# Plain HTTP is spoken to a registry of this machine, and to no other.
_LOCAL = ("localhost", "127.0.0.1")
# What RFC 6750 allows: nothing else comes into a header.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# The specification has registries take manifests of this size; larger ones are not usual.
_MOST_BYTES = 4 * 2**20
_UNAUTHORISED = 401
# So servers of TLS answer to plain HTTP.
_BAD_REQUEST = 400


class NoAnswer(Exception):
    """Why a registry gave no answer of use, in one line."""


class Client:
    """Reads one repository of a registry, through the proxies of the environment."""

    def __init__(self, host: str, repository: str, seconds: float) -> None:
        """`seconds` is the time limit of each wait for the network, not of all together."""
        self._host = host.partition(":")[0]
        self._local = self._host in _LOCAL
        self._scheme = "http" if self._local else "https"
        self._place = f"{host}/v2/{repository}"
        self._repository = repository
        self._seconds = seconds
        self._token = ""
        # As engines do, past any proxy to this machine itself.
        proxies = urllib.request.ProxyHandler({} if self._local else None)
        self._opener = urllib.request.build_opener(proxies, _Redirects(self))

    def open(self, method: str, place: str, accepted: Sequence[str]) -> HTTPResponse:
        """The answer to a question for a `place` in the repository, of the `accepted` media types.

        Raises:
            NoAnswer: it would have to come from where nothing is taken from.
            OSError, http.client.HTTPException, ValueError: of urllib, and of what is no answer.
        """
        try:
            return self._open(method, place, accepted)
        except HTTPError as error:
            if error.code != _BAD_REQUEST or self._scheme == "https":
                raise
        self._scheme = "https"
        return self._open(method, place, accepted)

    def check(self, address: str) -> None:
        """Let pass where a registry may send.

        Raises:
            NoAnswer: it is neither encrypted nor on this machine, as the registry is.
        """
        place = urlsplit(address)
        own = self._local and place.scheme == "http" and place.hostname == self._host
        if place.scheme != "https" and not own:
            raise NoAnswer(f"sends to {address!r}, without encryption")

    def _open(self, method: str, place: str, accepted: Sequence[str]) -> HTTPResponse:
        address = f"{self._scheme}://{self._place}/{place}"
        try:
            return self._request(method, address, accepted)
        except HTTPError as error:
            challenge = _challenge(error.headers)
            if error.code != _UNAUTHORISED or self._token or "realm" not in challenge:
                raise
        self._token = self._anonymous_token(challenge)
        return self._request(method, address, accepted)

    def _anonymous_token(self, challenge: dict[str, str]) -> str:
        realm = challenge["realm"]
        self.check(realm)
        wanted = {"scope": f"repository:{self._repository}:pull"} | challenge
        query = urlencode([each for each in wanted.items() if each[0] in ("service", "scope")])
        joint = "&" if urlsplit(realm).query else "?"
        with self._request("GET", f"{realm}{joint}{query}", ["application/json"]) as answer:
            said = json.loads(read(answer))
        token = said.get("token") or said.get("access_token") if isinstance(said, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise NoAnswer("gives no token without a login")
        return token

    def _request(self, method: str, address: str, accepted: Sequence[str]) -> HTTPResponse:
        request = urllib.request.Request(address, method=method)  # noqa: S310 - http(s): check
        request.add_header("Accept", ", ".join(accepted))
        if self._token:
            # A host that the registry redirects to does not get it.
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        return self._opener.open(request, timeout=self._seconds)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to where a client lets it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The request to follow with.

        Raises:
            NoAnswer: it leads to where nothing is taken from.
        """
        self._client.check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def read(answer: HTTPResponse) -> bytes:
    """The body of an answer.

    Raises:
        NoAnswer: it is larger than any manifest.
    """
    content = answer.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise NoAnswer(f"answers with more than {_MOST_BYTES} bytes")
    return content


def _challenge(headers: Message) -> dict[str, str]:
    """Whom to ask for a token, and for what; empty where no token is to be had."""
    for header in headers.get_all("WWW-Authenticate", []):
        scheme, _, parameters = header.partition(" ")
        if scheme.lower() == "bearer":
            return dict(re.findall(r'(\w+)="([^"]*)"', parameters))
    return {}
