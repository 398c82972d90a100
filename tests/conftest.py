"""What the tests are given: databases, the app, people in front of it, the real server, a real browser.

`app` and all that stands on it run once on SQLite and once on PostgreSQL. For one of the two only:
`@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)`; for `live_server`, the same with its name.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.ctx import AppContext
from jinja2 import FileSystemBytecodeCache

from app import create_app
from app.config import SETTINGS
from app.extensions import db
from tests import live, memory, once, postgres
from tests.chromium import ARGUMENTS, Chromium
from tests.databases import BACKENDS, Databases
from tests.shopper import Browser, HtmxBrowser
from tests.tools import need

# Settings of whoever runs the tests (make itself exports PORT) are not the tests' settings.
for setting in SETTINGS:
    os.environ.pop(setting.name, None)

memory.keep_files()
once.compile_all()

# Machines differ in speed; that an example is slow is no fault of the code. `print_blob` lets a failure of CI be replayed.
hypothesis.settings.register_profile("till", deadline=None, print_blob=True)
hypothesis.settings.load_profile("till")


# --- databases ---


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Where fresh databases come from; PostgreSQL starts when the first test asks for it."""
    with ExitStack() as stack:
        addresses: list[str] = []

        def server() -> str:
            if not addresses:
                addresses.append(stack.enter_context(postgres.server()))
            return addresses[0]

        databases = Databases(tmp_path_factory.mktemp("databases"), server)
        yield databases
        databases.close()


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[str]:
    """A freshly migrated database of this test's own."""
    url = databases.fresh(request.param, tmp_path)
    yield url
    databases.drop(url)


# --- the app ---


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Every test has an app of its own; that they all compile the same templates again is spared them."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture(scope="session")
def static_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Compressed static files, made once for all tests."""
    return str(tmp_path_factory.mktemp("static"))


@pytest.fixture
def app(
    request: pytest.FixtureRequest,
    database_url: str,
    tmp_path: Path,
    compiled_templates: FileSystemBytecodeCache,
    static_folder: str,
) -> Iterator[Flask]:
    """The shop on a fresh database; after the test its invariants must hold.

    `@pytest.mark.settings(HOLD_MINUTES=1)` changes settings; `@pytest.mark.breaks_invariants` leaves the check out.
    """
    settings: dict[str, Any] = {
        "TESTING": True,
        "DATABASE_URL": database_url,
        "SECRET_KEY": live.SECRET,
        "RATELIMIT_ENABLED": False,
        "PRETEND_GATEWAY": False,  # tests of payments switch it on
        "INSTANCE_PATH": str(tmp_path / "instance"),
        "MAIL_FOLDER": str(tmp_path / "mail"),
        "STATIC_FOLDER": static_folder,
    }
    for marker in reversed(list(request.node.iter_markers("settings"))):
        settings |= marker.kwargs
    app = create_app(settings)
    app.jinja_env.bytecode_cache = compiled_templates

    yield app

    for thread in threading.enumerate():
        if thread.name == "watch":  # it looks after the shop aside, on a connection of its own
            thread.join()
    with app.app_context():
        try:
            broken = [] if request.node.get_closest_marker("breaks_invariants") else broken_invariants()
        finally:
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()
    assert not broken, f"after the test, the shop's invariants are broken: {broken}"


def broken_invariants() -> list[Any]:
    from app.services import invariants

    return list(invariants.broken())


@pytest.fixture
def app_context(app: Flask) -> Iterator[AppContext]:
    """An app context for the whole test: db.session and the services work. Requests made meanwhile still have their own."""
    with app.app_context() as context:
        yield context


# --- people ---


@pytest.fixture
def page(app: Flask) -> Browser:
    """A browser without JavaScript; every page it opens is inspected. See tests/shopper.py."""
    return Browser(app)


@pytest.fixture
def hx(app: Flask) -> HtmxBrowser:
    """A browser with htmx; fragments are inspected, and so is the page after every swap."""
    return HtmxBrowser(app)


@pytest.fixture
def browser(app: Flask) -> Callable[[], Browser]:
    """Browsers of more people: `mallory = browser()`."""
    return lambda: Browser(app)


# --- the real server and a real browser ---


@pytest.fixture(scope="module", params=BACKENDS)
def live_server(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[live.LiveServer]:
    """The real server on an empty migrated database, shared by a module's tests; afterwards `flask doctor` must be content."""
    folder = tmp_path_factory.mktemp("live")
    url = databases.fresh(request.param, folder)
    with live.serving(url, folder) as server:
        yield server
    try:
        doctor = server.run_flask("doctor")
        assert doctor.returncode == 0, f"after the tests of this module:\n{doctor.stdout}{doctor.stderr}"
    finally:
        databases.drop(url)


@pytest.fixture(scope="session")
def chromium_process() -> Iterator[Any]:
    """The one Chromium that all browser tests share."""
    from playwright.sync_api import sync_playwright

    path = need("chromium")
    with sync_playwright() as playwright:
        process = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield process
        process.close()


@pytest.fixture
def chromium(chromium_process: Any) -> Iterator[Chromium]:
    """Opens tabs: `tab = chromium(live_server.url, scripts=False)`. Complaints that the test does not clear fail it."""
    chromium = Chromium(chromium_process)
    yield chromium
    chromium.close()
    assert not chromium.complaints, "the browser complained:\n" + "\n".join(chromium.complaints)
