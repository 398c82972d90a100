"""Speaking HTTP with providers: how long it may take, and where it may lead."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from shutil import which

import pytest
from werkzeug.serving import make_server

from app.gateways import http
from app.gateways.shape import GatewayDown
from tests.providers.provider import QuietHandler

SECONDS = 0.4


@pytest.fixture
def silence() -> Iterator[int]:
    """A port whose connections are never taken, as behind a firewall."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def lives_at(monkeypatch, *hosts: str) -> None:
    """What the name of every provider stands for."""
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in hosts]
    others = socket.getaddrinfo

    def find(host, *args, **kwargs):
        return answers if host == "provider.example" else others(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", find)


def test_many_addresses_that_nobody_answers_at_are_one_conversation(monkeypatch, silence):
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.15)
    lives_at(monkeypatch, *["127.0.0.1"] * 20)
    began = time.monotonic()

    with http.conversation(SECONDS), pytest.raises(GatewayDown):
        http.ask(http.Session(), "GET", f"http://provider.example:{silence}/")

    assert time.monotonic() - began < SECONDS + 0.3


def test_the_next_address_is_tried(monkeypatch, provider):
    lives_at(monkeypatch, "127.0.0.2", "127.0.0.1")

    status, _ = http.ask(http.Session(), "GET", f"http://provider.example:{provider.server.server_port}/elsewhere")

    assert status == 200


def test_a_name_of_nobody_is_down(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(GatewayDown):
        http.ask(http.Session(), "GET", "https://provider.example/")


@pytest.mark.parametrize(("trouble", "words"), [("huge", "too long"), ("redirect", "302"), ("busy", "429"), ("error500", "500")])
def test_what_is_no_answer_is_not_read(provider, trouble, words):
    with provider.troubled(trouble), pytest.raises(GatewayDown, match=words):
        http.ask(http.Session(), "POST", f"{provider.url}/pg/v4/payment/inquiry.json", json={})


def test_a_conversation_inside_another_ends_no_later():
    with http.conversation(0.05), http.conversation(5):
        time.sleep(0.06)
        with pytest.raises(GatewayDown):
            http.seconds_left()

    assert http.seconds_left() > 5


def test_each_thread_has_a_conversation_of_its_own():
    left: list[float] = []

    with http.conversation(1):
        thread = threading.Thread(target=lambda: left.append(http.seconds_left()))
        thread.start()
        thread.join()

    assert left[0] > 5


@pytest.mark.parametrize("said", [None, 7, "", "x" * 256, ["x"]])
def test_a_text_is_a_text_of_some_length(said):
    with pytest.raises(ValueError):
        http.text(said)


@pytest.mark.parametrize("said", [None, True, "7", 7.0])
def test_a_number_is_a_whole_number(said):
    with pytest.raises(ValueError):
        http.whole(said)


@pytest.mark.parametrize("said", ["javascript:alert(1)", "/pay", "//pay.example", "https://", "https://x.example/" + "a" * 2000])
def test_an_address_is_one_of_the_web(said):
    with pytest.raises(ValueError):
        http.address(said)


@pytest.fixture
def secure(tmp_path) -> Iterator[tuple[str, str]]:
    """(address, certificate) of a server with TLS; it answers {} after its headers, slowly."""
    if not which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate, *names]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        yield b"{"
        time.sleep(2 if environ["PATH_INFO"] == "/slow" else 0)
        yield b"}"

    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_port}", str(certificate)
    server.shutdown()
    server.server_close()
    thread.join()


def test_tls_is_checked_and_timed_alike(secure):
    address, certificate = secure
    session = http.Session()

    assert http.ask(session, "GET", f"{address}/", verify=certificate) == (200, {})
    assert http.ask(session, "GET", f"{address}/", verify=certificate) == (200, {})
    with http.conversation(SECONDS), pytest.raises(GatewayDown):
        http.ask(session, "GET", f"{address}/slow", verify=certificate)
    with pytest.raises(GatewayDown):
        http.ask(http.Session(), "GET", f"{address}/")  # signed by nobody that is trusted
