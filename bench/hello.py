"""What the shop is measured against: a bare Flask route, and a bare WSGI app that sends the bytes of a file."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask

app = Flask(__name__, static_folder=None)
BODY = Path(os.environ["BENCH_BODY"]).read_bytes() if "BENCH_BODY" in os.environ else b""


@app.get("/")
def hello() -> str:
    return "hello"


def bare(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The file's bytes, with nothing around them."""
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Encoding", "gzip"), ("Content-Length", str(len(BODY)))]
    start_response("200 OK", headers)
    return [BODY]
