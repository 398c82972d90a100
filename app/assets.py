"""Static files: copied once under names that carry their hash, compressed beforehand, and served as immutable.

The copies are a cache in STATIC_FOLDER; those of earlier releases stay, so that a page from before an upgrade still
finds its style.
"""

import gzip
import hashlib
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from wsgiref.headers import Headers

import brotli
from flask import Flask
from whitenoise import WhiteNoise

from app import headers

SOURCE = Path(__file__).parent / "static"
PREFIX = "static/"
COMPRESSED = {".css", ".js", ".svg", ".webmanifest", ".json", ".txt"}
YEAR = 365 * 24 * 3600


def init_app(app: Flask) -> None:
    """Serve every file of app/static; `static_url("shop.css")` names it in templates and code."""
    folder = Path(app.config["STATIC_FOLDER"])
    names = {str(path.relative_to(SOURCE)): publish(path, folder) for path in sorted(SOURCE.rglob("*")) if path.is_file()}
    app.config["STATIC_NAMES"] = names
    app.jinja_env.globals["static_url"] = lambda name: f"/{PREFIX}{names[name]}"
    noise = WhiteNoise(
        app.wsgi_app,
        max_age=YEAR,
        allow_all_origins=False,
        immutable_file_test=lambda path, url: True,
        add_headers_function=partial(carry, dict(headers.fixed(app))),
    )
    noise.add_files(str(folder), prefix=PREFIX)
    app.wsgi_app = noise  # type: ignore[method-assign]


def carry(fixed: Mapping[str, str], response: Headers, path: str, url: str) -> None:
    """Give a static file's answer what every answer carries."""
    for name, value in fixed.items():
        response[name] = value


def publish(path: Path, folder: Path) -> str:
    """Copy a file beside its compressed forms under its hashed name, which is answered."""
    content = path.read_bytes()
    relative = path.relative_to(SOURCE)
    digest = hashlib.sha256(content).hexdigest()[:10]
    name = str(relative.with_name(f"{relative.stem}.{digest}{relative.suffix}"))
    target = folder / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in COMPRESSED:
            put(target.with_name(target.name + ".br"), brotli.compress(content))
            put(target.with_name(target.name + ".gz"), gzip.compress(content, mtime=0))
        put(target, content)  # last: whoever sees it finds the others
    return name


def put(target: Path, content: bytes) -> None:
    """Write a file whole or not at all; several servers may start at once."""
    descriptor, name = tempfile.mkstemp(dir=target.parent)
    with open(descriptor, "wb") as file:
        file.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(target)
