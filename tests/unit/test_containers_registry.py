"""Asking a registry what a tag is: a server of the test's own answers as registries do, or not."""

import contextlib
import hashlib
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from containers import bases
from containers.errors import UnusableInput
from containers.registry import Tag, parse, resolve_digest
from containers.registry_client import NoAnswer

DIGEST = "sha256:" + "ab" * 32
MANIFEST = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
INDEX = "application/vnd.oci.image.index.v1+json"
MOST_BYTES = 4 * 2**20
PLACE = "/v2/x/base/manifests/1"
#: The first byte of a conversation by TLS.
TLS_HANDSHAKE = b"\x16"


class Server(ThreadingHTTPServer):
    """Answers by `answers`, of method and path; what was asked stands in `asked`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {}
        self.asked = []
        self.ended = threading.Event()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_port}"

    @property
    def reference(self):
        return f"{self.address}/x/base:1"

    def answer(self, method, path, code=200, body=b"", **headers):
        """Have one question answered always in this way."""

        def send(handler):
            handler.send_response(code)
            for name, value in ({"Content_Length": len(body)} | headers).items():
                handler.send_header(name.replace("_", "-"), str(value))
            handler.end_headers()
            if handler.command != "HEAD":
                handler.wfile.write(body)

        self.answers[method, path] = send


class Handler(BaseHTTPRequestHandler):
    """One question to a Server."""

    def _answer(self):
        self.server.asked.append((self.command, self.path, self.headers))
        send = self.server.answers.get((self.command, self.path.partition("?")[0]))
        if send is None:
            self.send_error(404)
        else:
            with contextlib.suppress(ConnectionError):
                send(self)

    do_HEAD = do_GET = do_CONNECT = _answer

    def log_message(self, *_):
        pass


class EncryptedServer(Server):
    """Speaks TLS, and answers who speaks plain HTTP as servers of TLS do."""

    def __init__(self, context):
        super().__init__()
        self.context = context

    def get_request(self):
        client, address = super().get_request()
        if client.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
            return self.context.wrap_socket(client, server_side=True), address
        client.recv(65536)
        client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        client.close()
        raise OSError("plain HTTP")


@contextlib.contextmanager
def running(make=Server):
    server = make()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server():
    with running() as one:
        yield one


@pytest.fixture
def other():
    with running() as one:
        yield one


def refusal(server, **limits):
    with pytest.raises(NoAnswer) as caught:
        resolve_digest(server.reference, **limits)
    text = str(caught.value)
    assert text.startswith(f"{server.address}: ")
    assert text.isprintable()
    return text


def test_a_registry_is_asked_for_the_head_of_an_index_first(server):
    server.answer("HEAD", PLACE, Docker_Content_Digest=DIGEST)
    assert resolve_digest(server.reference) == DIGEST
    [(method, _, headers)] = server.asked
    assert method == "HEAD"
    assert headers["Accept"].split(", ") == [
        INDEX,
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
    assert "Authorization" not in headers


def test_without_a_tag_it_is_the_latest(server):
    server.answer("HEAD", "/v2/x/base/manifests/latest", Docker_Content_Digest=DIGEST)
    assert resolve_digest(f"{server.address}/x/base") == DIGEST


def challenge(server, realm, scheme="Bearer"):
    """Have the registry answer those alone who bring the token."""

    def send(handler):
        if handler.headers["Authorization"] == "Bearer t0k.en=":
            handler.send_response(200)
            handler.send_header("Docker-Content-Digest", DIGEST)
        else:
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="https://elsewhere.invalid"')
            told = f'{scheme} realm="{realm}",service="a service",scope="repository:x/base:pull"'
            handler.send_header("WWW-Authenticate", told)
        handler.end_headers()

    server.answers["HEAD", PLACE] = send


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_an_anonymous_token_is_fetched_where_one_is_wanted(server, name):
    challenge(server, f"http://{server.address}/token?a=b")
    server.answer("GET", "/token", body=json.dumps({name: "t0k.en="}).encode())
    assert resolve_digest(server.reference) == DIGEST
    _, path, headers = server.asked[1]
    wanted = {"a": ["b"], "service": ["a service"], "scope": ["repository:x/base:pull"]}
    assert parse_qs(urlsplit(path).query) == wanted
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"[]", "no token"),
        (b"{}", "no token"),
        (b'{"token": 1}', "no token"),
        (b'{"token": "a\\r\\nX: y"}', "no token"),
        (b"", "JSONDecodeError"),
        (b"[" * 100_000, "RecursionError"),
    ],
)
def test_what_is_no_token_is_refused(server, body, text):
    challenge(server, f"http://{server.address}/token")
    server.answer("GET", "/token", body=body)
    assert text in refusal(server)


def test_a_token_that_does_not_do_is_not_fetched_again(server):
    told = f'Bearer realm="http://{server.address}/token"'

    def send(handler):
        handler.send_response(200 if handler.headers["Authorization"] else 401)
        handler.send_header("WWW-Authenticate", told)
        handler.end_headers()

    server.answers["HEAD", PLACE] = send
    server.answer("GET", PLACE, 401, WWW_Authenticate=told)
    server.answer("GET", "/token", body=b'{"token": "a"}')
    assert "answers 401" in refusal(server)
    assert [asked[0] for asked in server.asked] == ["HEAD", "GET", "HEAD", "GET"]


def test_a_challenge_without_a_scope_is_for_pulling(server):
    server.answer("HEAD", PLACE, 401, WWW_Authenticate=f'Bearer realm="http://{server.address}/a"')
    refusal(server)
    assert server.asked[1][1] == "/a?scope=repository%3Ax%2Fbase%3Apull"


def test_a_registry_that_wants_a_login_is_said(server):
    challenge(server, f"http://{server.address}/token")
    server.answer("GET", "/token", body=b'{"token": "another"}')
    assert "answers 401, wants a login" in refusal(server)
    assert len(server.asked) == 3
    challenge(server, f"http://{server.address}/token", scheme="Basic")
    assert "answers 401, wants a login" in refusal(server)


@pytest.mark.parametrize(
    "realm",
    [
        "http://elsewhere.invalid/token",
        "http://127.0.0.1.elsewhere.invalid/token",
        "http://127.0.0.1@elsewhere.invalid/token",
        "file:///etc/hostname",
        "ftp://127.0.0.1/token",
        "//127.0.0.1/token",
        "",
    ],
)
def test_a_realm_elsewhere_is_refused_unless_it_is_encrypted(server, realm):
    challenge(server, realm)
    assert "without encryption" in refusal(server)
    assert len(server.asked) == 1


def test_a_redirection_elsewhere_is_refused_unless_it_is_encrypted(server):
    server.answer("HEAD", PLACE, 307, Location="http://elsewhere.invalid/")
    assert "without encryption" in refusal(server)
    challenge(server, f"http://{server.address}/token")
    server.answer("GET", "/token", 302, Location="http://elsewhere.invalid/")
    assert "without encryption" in refusal(server)


def test_a_token_is_not_passed_on_to_where_a_registry_redirects(server, other):
    challenge(server, f"http://{server.address}/token")
    server.answer("GET", "/token", body=b'{"token": "t0k.en="}')
    without_token = server.answers["HEAD", PLACE]

    def redirect(handler):
        if "Authorization" not in handler.headers:
            return without_token(handler)
        handler.send_response(307)
        handler.send_header("Location", f"http://{other.address}/there")
        return handler.end_headers()

    server.answers["HEAD", PLACE] = redirect
    for method in ("HEAD", "GET"):
        other.answer(method, "/there", Docker_Content_Digest=DIGEST)
    assert resolve_digest(server.reference) == DIGEST
    [(_, _, headers)] = other.asked
    assert "Authorization" not in headers


def test_without_the_header_it_is_the_digest_of_the_manifest(server):
    server.answer("HEAD", PLACE)
    server.answer("GET", PLACE, body=MANIFEST, Content_Type=f"{INDEX}; charset=utf-8")
    assert resolve_digest(server.reference) == f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (MANIFEST, {"Content_Type": "text/html"}),
        (MANIFEST, {}),
        (b"<html>log in</html>", {"Content_Type": INDEX}),
        (b"[]", {"Content_Type": INDEX}),
        (MANIFEST[:-1], {"Content_Type": INDEX, "Content_Length": len(MANIFEST)}),
    ],
)
def test_what_is_no_whole_manifest_has_no_digest(server, body, headers):
    server.answer("HEAD", PLACE)
    server.answer("GET", PLACE, body=body, **headers)
    refusal(server)


def test_a_body_beyond_all_manifests_is_not_read(server):
    server.answer("HEAD", PLACE)
    body = b'{"a": "' + b"a" * MOST_BYTES + b'"}'
    server.answer("GET", PLACE, body=body, Content_Type=INDEX)
    assert f"more than {MOST_BYTES} bytes" in refusal(server)


@pytest.mark.parametrize(
    "named",
    ["", "x", DIGEST[:-1], f"{DIGEST}0", DIGEST.upper(), f"{DIGEST} RUN", "sha512:" + "ab" * 64],
)
def test_a_digest_that_is_none_is_refused(server, named):
    server.answer("HEAD", PLACE, Docker_Content_Digest=named)
    assert "no SHA-256 digest" in refusal(server)


@pytest.mark.parametrize("code", [403, 404, 429, 500])
def test_an_error_is_said_by_its_number(server, code):
    server.answer("HEAD", PLACE, code)
    assert f"answers {code}" in refusal(server)


def test_what_is_no_http_is_said(server):
    server.answers["HEAD", PLACE] = lambda handler: handler.wfile.write(b"SSH-2.0 \x1b[31m\r\n\r\n")
    assert "BadStatusLine" in refusal(server)


def test_a_registry_that_hangs_is_not_waited_for(server):
    server.answers["HEAD", PLACE] = lambda _: server.ended.wait()
    assert refusal(server, seconds=0.2).endswith(": no answer in 0.2 s")


def test_a_registry_that_answers_byte_by_byte_is_not_waited_for(server):
    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nDocker-Content-Digest: ")
        for _ in range(60):
            if not server.ended.wait(0.05):
                handler.wfile.write(b"a")

    server.answers["HEAD", PLACE] = drip
    assert refusal(server, seconds=0.3).endswith(": no answer in 0.3 s")


def test_a_registry_that_is_not_there_is_said():
    with running() as gone:
        reference = gone.reference
    with pytest.raises(NoAnswer, match="Connection refused"):
        resolve_digest(reference)


@pytest.mark.parametrize("host", ["a..b", "127.0.0.1:0", "127.0.0.1:" + "9" * 25])
def test_a_host_that_cannot_be_is_said(host):
    with pytest.raises(NoAnswer):
        resolve_digest(f"{host}/x:1")


def test_a_registry_elsewhere_is_asked_through_the_proxy_and_encrypted(server, monkeypatch):
    for name in ("https_proxy", "http_proxy"):
        monkeypatch.setenv(name, f"http://{server.address}")
    monkeypatch.delenv("no_proxy", raising=False)

    def refuse(handler):
        handler.send_response(403, "\x1b[31mNo")
        handler.end_headers()

    server.answers["CONNECT", "registry.invalid:443"] = refuse
    with pytest.raises(NoAnswer) as caught:
        resolve_digest("registry.invalid/x:1")
    # Nothing that another machine says reaches a terminal as a command.
    assert str(caught.value) == "registry.invalid: Tunnel connection failed: 403 ?[31mNo"
    assert [asked[:2] for asked in server.asked] == [("CONNECT", "registry.invalid:443")]


def test_a_registry_of_this_machine_is_asked_past_the_proxy(server, other, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://{other.address}")
    monkeypatch.delenv("no_proxy", raising=False)
    server.answer("HEAD", PLACE, Docker_Content_Digest=DIGEST)
    assert resolve_digest(server.reference) == DIGEST
    assert other.asked == []


@pytest.fixture
def encrypted():
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with running(lambda: EncryptedServer(context)) as server:
        server.authority = authority
        yield server


def test_a_registry_of_this_machine_that_is_encrypted_is_asked_so(encrypted, tmp_path, monkeypatch):
    encrypted.authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    encrypted.answer("HEAD", PLACE, Docker_Content_Digest=DIGEST)
    assert resolve_digest(encrypted.reference) == DIGEST


def test_a_registry_whose_certificate_nobody_vouches_for_is_not_believed(encrypted):
    encrypted.answer("HEAD", PLACE, Docker_Content_Digest=DIGEST)
    assert "certificate verify failed" in refusal(encrypted).lower()


HUB = "registry-1.docker.io"


@pytest.mark.parametrize(
    ("reference", "tag"),
    [
        ("debian", Tag(HUB, "library/debian", "latest")),
        ("debian:12", Tag(HUB, "library/debian", "12")),
        ("docker.io/debian:12", Tag(HUB, "library/debian", "12")),
        ("docker.io/library/debian:12.11-slim", Tag(HUB, "library/debian", "12.11-slim")),
        ("index.docker.io/debian", Tag(HUB, "library/debian", "latest")),
        ("nvidia/cuda:12", Tag(HUB, "nvidia/cuda", "12")),
        ("nvcr.io/nvidia/tensorflow:25.02", Tag("nvcr.io", "nvidia/tensorflow", "25.02")),
        ("quay.io/base", Tag("quay.io", "base", "latest")),
        ("localhost/base:1", Tag("localhost", "base", "1")),
        ("host:5000/a/b/c", Tag("host:5000", "a/b/c", "latest")),
        ("HOST/a:1", Tag("HOST", "a", "1")),
    ],
)
def test_a_reference_is_looked_for_where_engines_look(reference, tag):
    assert parse(reference) == tag


COMPONENT = st.from_regex(r"[a-z0-9]{1,5}(?:[._-][a-z0-9]{1,5})?", fullmatch=True)
HOST = st.from_regex(r"[a-z0-9]{1,5}(?:\.[a-z]{1,3}(?::[0-9]{1,4})?|:[0-9]{1,4})", fullmatch=True)


@given(
    HOST,
    st.lists(COMPONENT, min_size=1, max_size=3).map("/".join),
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}", fullmatch=True),
)
def test_a_reference_comes_apart_into_what_it_was_made_of(host, name, tag):
    assert parse(f"{host}/{name}:{tag}") == Tag(host, name, tag)
    assert parse(f"{host}/{name}") == Tag(host, name, "latest")


# Never a path, of which all would be read.
@given(st.text("aB0.:/_-", max_size=30).map("a".__add__))
def test_every_reference_that_is_taken_has_a_place_of_plain_words(text):
    try:
        tag = parse(bases.resolve(text).reference)
    except UnusableInput:
        return
    assert tag.host
    assert tag.name
    assert ":" not in tag.name
    assert not set("/:@") & set(tag.tag)
