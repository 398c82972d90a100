"""A real HTTP server on loopback that takes alarms, and can be told to refuse them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Where to send, what arrived as (title, text), and the `status` that is answered."""

    def __init__(self) -> None:
        self.status = 200
        self.arrived: list[tuple[str, str]] = []
        self.url = ""

    @property
    def titles(self) -> list[str]:
        return [title for title, _ in self.arrived]


@contextmanager
def receiver() -> Iterator[Receiver]:
    taking = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if taking.status < 300:
                taking.arrived.append((str(make_header(decode_header(self.headers["Title"]))), text))
            self.send_response(taking.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taking.url = f"http://127.0.0.1:{server.server_port}/till"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield taking
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
