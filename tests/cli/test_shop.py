"""`flask serve`, `worker`, `doctor`, `backup`, `restore`, as their owners meet them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from sqlalchemy import text, update

from app.cli.shop import WORKER_SIGN
from app.extensions import db, transaction
from app.models.catalog import Variant
from app.models.outbox import OutboxMessage
from app.models.payment import PaymentMethod, ShippingMethod
from app.services import errands, outbox, worker
from tests import live
from tests.beats import fails, silent_worker
from tests.factories import a_variant
from tests.goods import a_download, shelf
from tests.planting import a_hold, an_order, breach

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def flask(app, app_context):
    """Runs a command and answers (exit status, output)."""

    def run(*args: str, **options: object) -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=args, **options)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
        return done.exit_code, done.output

    return run


def soon(claim: Callable[[], object], seconds: float = 10) -> bool:
    """Whether the claim comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if claim():
            return True
        time.sleep(0.05)
    return False


# --- doctor ---


def test_a_doctor_finds_nothing_wrong_with_a_shop_that_sells(flask):
    an_order(a_variant(on_hand=1))

    status, output = flask("doctor")

    assert (status, output.splitlines()[-1]) == (0, "All is well.")
    assert "ok      I1-stock-range" in output
    assert "note    No SMTP_HOST is set" in output
    assert "note    No worker runs here" in output


@pytest.mark.breaks_invariants
def test_a_doctor_shows_the_rows_that_break_a_rule(flask):
    a_variant()
    breach("UPDATE variant SET on_hand = 11")

    status, output = flask("doctor")

    assert status == 1
    assert "broken  I2-on-hand: What is on hand is the sum of all movements.\n        sku=BEANS on_hand=11 moved=10\n" in output
    assert output.endswith("Error: 1 thing is broken.\n")


def change(model: type, **values: object) -> Callable[[], None]:
    def run() -> None:
        with transaction() as t:
            t.execute(update(model).values(**values))

    return run


@pytest.mark.breaks_invariants
@pytest.mark.parametrize(
    ("planted", "told"),
    [
        (change(Variant, currency="EUR"), "1 variants are priced in another currency"),
        (change(ShippingMethod, currency="EUR"), "1 shipping methods are priced in another currency"),
        (change(PaymentMethod, is_active=False), "No payment method is active"),
        (change(ShippingMethod, is_active=False), "No shipping method is active"),
    ],
)
def test_a_doctor_sees_what_keeps_a_shop_from_selling(planted, told, flask):
    a_variant()

    planted()

    status, output = flask("doctor")
    assert status == 1
    assert f"broken  {told}" in output


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY has 5 characters; it needs 32."),
        ({"SECRET_KEY_FALLBACKS": ["old"]}, "An old key in SECRET_KEY_FALLBACKS"),
        ({"BASE_URL": "shop.example"}, "BASE_URL is “shop.example”"),
        ({"BASE_URL": "https://elsewhere.example"}, "BASE_URL names elsewhere.example, to which the shop does not answer"),
        ({"BASE_URL": "http://127.0.0.1:8000/shop"}, "nothing may follow its host"),
        ({"SHOP_EMAIL": "hello"}, "SHOP_EMAIL is “hello”, which is not an e-mail address."),
        ({"MAIL_FROM": "Till <till@shop.example>"}, "MAIL_FROM is “Till <till@shop.example>”"),
        ({"SHOP_TIMEZONE": "Europe/Atlantis"}, "SHOP_TIMEZONE is “Europe/Atlantis”"),
        ({"CURRENCY": "Pounds"}, "CURRENCY is “Pounds”"),
        ({"HOME_COUNTRY": "UKK"}, "HOME_COUNTRY is “UKK”"),
        ({"THREADS": 0}, "THREADS is 1 or more"),
    ],
)
@ON_SQLITE
def test_a_doctor_sees_unsafe_and_odd_settings(values, told, app, flask):
    app.config.update(values)

    status, output = flask("doctor")

    assert status == 1
    assert told in "".join(line for line in output.splitlines() if line.startswith("broken"))


@ON_SQLITE
def test_a_doctor_notes_what_an_owner_should_know(app, flask):
    app.config.update(BASE_URL="http://shop.example", TRUSTED_HOSTS=[".example"], SMTP_HOST="mail.example", SMTP_SECURITY="none")
    app.config.update(SHOP_EMAIL="hello@shop.example")
    with transaction() as t:
        outbox.owe(t, "test", "test:1", {})
        t.execute(update(OutboxMessage).values(is_dead=True))

    status, output = flask("doctor")

    assert status == 0
    assert "note    BASE_URL is http://shop.example: without https" in output
    assert "note    Mails go to mail.example unencrypted" in output
    assert "note    1 messages were given up on" in output
    assert "nobody reads" not in output


@ON_SQLITE
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "note    No ALARM_URL is set"),
        ({"ALARM_EMAIL": "owner@shop.example"}, "note    Alarms go by mail alone"),
        ({"ALARM_EMAIL": "owner"}, "broken  ALARM_EMAIL is “owner”"),
        ({"ALARM_URL": "https://ntfy.example/secret"}, "ok      Alarms go to ALARM_URL."),
    ],
)
def test_a_doctor_says_who_hears_of_trouble(values, told, app, flask):
    app.config.update(values)

    output = flask("doctor")[1]

    assert told in output
    assert "ntfy.example" not in output


def test_a_doctor_says_what_is_down(flask):
    assert "ok      Nothing is known to be down." in flask("doctor")[1]
    silent_worker()
    fails("gateway:stripe", error="it answered 503")

    status, output = flask("doctor")

    assert status == 0
    assert "note    The worker has been silent since" in output
    assert "note    Stripe could not be asked since" in output and "it answered 503" in output


@ON_SQLITE
@pytest.mark.settings(STRIPE_SECRET_KEY="sk_test_x", STRIPE_WEBHOOK_SECRETS=("whsec_x",))
def test_a_doctor_says_which_providers_are_connected(flask):
    assert "ok      Payment providers connected: Stripe." in flask("doctor")[1]


@ON_SQLITE
def test_a_doctor_says_that_no_provider_is_connected(flask):
    assert "note    No payment provider is connected" in flask("doctor")[1]


@ON_SQLITE
def test_a_doctor_misses_a_file_that_is_sold(app, flask):
    a_download()
    assert "Every file that is sold is in its place." in flask("doctor")[1]

    shelf().path("guide.pdf").unlink()

    status, output = flask("doctor")
    assert (status, "has no file for GUIDE; `flask digital file` puts it there." in output) == (1, True)


@ON_SQLITE
def test_a_doctor_sees_a_secret_that_others_can_read(app, flask):
    file = Path(app.instance_path) / "secret"
    file.write_text(app.config["SECRET_KEY"])
    file.chmod(0o644)

    assert "can be read by others" in flask("doctor")[1]

    file.chmod(0o600)
    assert flask("doctor")[0] == 0


@pytest.mark.breaks_invariants
def test_a_doctor_looks_at_no_rows_of_tables_it_does_not_know(flask):
    with transaction() as t:
        t.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    status, output = flask("doctor")

    assert status == 1
    assert "broken  The database is at migration 0001" in output and "run `flask db upgrade`" in output
    assert "I1-" not in output


def test_a_doctor_says_that_a_database_is_away(databases, tmp_path):
    env = live.environment(f"postgresql://nobody@127.0.0.1:{live.free_port()}/none", tmp_path)

    done = live.run_flask("doctor", env=env)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: The database cannot be used: ")
    assert done.stderr.count("\n") == 1


# --- backup and restore ---


def test_backup_and_restore_say_what_they_did(flask, tmp_path):
    file = tmp_path / "kept"
    variant = a_variant()

    assert flask("backup", str(file))[1].startswith(f"Everything is in {file} (")
    an_order(variant)
    assert flask("restore", str(file), "--yes") == (0, f"Everything is as it was in {file}.\nThe shop's invariants hold.\n")


def test_restore_asks_first(flask, tmp_path):
    file = tmp_path / "kept"
    flask("backup", str(file))
    an_order(a_variant())

    status, output = flask("restore", str(file), input="n\n")

    assert status == 1 and "is lost. Restore it?" in output
    assert flask("orders", "export")[1].count("\n") == 2


@pytest.mark.breaks_invariants
def test_restore_tells_of_a_shop_that_was_broken_when_it_was_kept(flask, tmp_path):
    file = tmp_path / "kept"
    a_variant()
    breach("UPDATE variant SET on_hand = 11")
    flask("backup", str(file))

    status, output = flask("restore", str(file), "--yes")

    assert status == 1
    assert "broken  I2-on-hand" in output and "1 of the shop's invariants does not hold" in output


@pytest.mark.breaks_invariants
def test_restore_of_an_older_till_says_what_to_do_next(flask, tmp_path):
    file = tmp_path / "kept"
    with transaction() as t:
        t.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    flask("backup", str(file))

    status, output = flask("restore", str(file), "--yes")

    assert status == 0
    assert "It is of an older Till (migration 0002): run `flask db upgrade`, then `flask doctor`." in output


@pytest.mark.parametrize("command", [("backup", "{}/no/such/file"), ("backup", "{}"), ("restore", "{}/none"), ("restore", "{}")])
def test_files_that_cannot_be_used_are_one_sentence(command, flask, tmp_path):
    status, output = flask(command[0], command[1].format(tmp_path))

    assert status == 1
    assert output.startswith("Error: ") and output.count("\n") == 1


# --- the worker ---


def test_a_worker_does_what_is_due_and_says_so_with_ids_only(flask, app):
    an_order(a_variant())

    status, output = flask("worker", "--once")

    assert (status, output) == (0, "outbox 1 order.confirmation done\n")
    assert len(list(Path(app.config["MAIL_FOLDER"]).glob("*.eml"))) == 1


def test_a_worker_waits_for_a_database_that_is_away_and_tells_it_once(app, app_context):
    told: list[str] = []
    stop = worker.Stop()
    with transaction() as t:
        t.execute(text("ALTER TABLE outbox_message RENAME TO elsewhere"))

    def come_back() -> None:
        time.sleep(2.5)
        with app.app_context(), transaction() as t:
            t.execute(text("ALTER TABLE elsewhere RENAME TO outbox_message"))
        time.sleep(1.5)
        stop.set()

    other = threading.Thread(target=come_back)
    other.start()
    worker.run([lambda: len(errands.claim())], say=told.append, stop=stop)
    other.join()

    assert [line.split("(")[0] for line in told] == ["the database cannot be used ", "the database is back"]


def test_rounds_go_on_while_there_is_work(app_context):
    left = [3, 2, 1, 0]

    worker.run([lambda: left.pop(0), lambda: 0], say=print, stop=worker.Stop(), once=True)

    assert left == []


@pytest.fixture
def process(database_url, tmp_path):
    """Starts a `flask …` command that runs on."""
    started: list[subprocess.Popen[str]] = []

    def start(*args: str, **settings: object) -> subprocess.Popen[str]:
        env = live.environment(database_url, tmp_path / "instance", **settings)
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *args]
        output = (tmp_path / f"output{len(started)}").open("w+")
        started.append(subprocess.Popen(command, cwd=live.ROOT, env=env, stdout=output, stderr=output, start_new_session=True))
        started[-1].output = Path(output.name)
        output.close()
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@ON_SQLITE
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_ends_when_it_is_told_to(number, process, tmp_path):
    sign = tmp_path / "instance" / WORKER_SIGN
    running = process("worker")
    assert soon(lambda: worker.running_since(sign))

    running.send_signal(number)

    assert running.wait(3) == 0
    assert worker.running_since(sign) is None
    assert running.output.read_text() == ""


@ON_SQLITE
def test_a_worker_ends_with_whoever_started_it(process, tmp_path):
    parent = subprocess.Popen(["sleep", "60"])
    running = process("worker", f"--parent={parent.pid}")  # it is not its parent, as if that one had died

    assert running.wait(10) == 0
    parent.kill()
    parent.wait()


# --- serve ---


@pytest.fixture
def served(process):
    """A shop that is open, on a port of its own; the process with its `url` and `port`."""
    port = live.free_port()
    shop = process("serve", PORT=port, WORKERS=2)
    shop.port, shop.url = port, f"http://127.0.0.1:{port}"
    assert soon(lambda: "Till is open" in shop.output.read_text(), 30), shop.output.read_text()
    return shop


def children(pid: int) -> dict[int, str]:
    """Process ids and commands of those that this one started."""
    found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return {int(line.split(None, 1)[0]): line.split(None, 1)[1] for line in found.splitlines() if "defunct" not in line}


def child(pid: int, word: str) -> int:
    return next((number for number, command in children(pid).items() if word in command), 0)


def is_answering(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url + "/healthz", timeout=5).ok
    return False


def is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return True
    return False


@ON_SQLITE
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_open_shop_says_where_and_closes_within_seconds(number, served, tmp_path):
    assert requests.get(served.url + "/healthz", timeout=5).status_code == 200
    assert soon(lambda: worker.running_since(tmp_path / "instance" / WORKER_SIGN))

    served.send_signal(number)

    assert served.wait(8) == 0
    assert served.output.read_text().startswith(f"Till is open at {served.url}\n")
    assert is_free(served.port)
    assert worker.running_since(tmp_path / "instance" / WORKER_SIGN) is None


@ON_SQLITE
def test_a_taken_port_is_one_sentence(served, process):
    second = process("serve", PORT=served.port)

    assert second.wait(10) == 1
    assert second.output.read_text().startswith(
        f"Error: Till cannot listen on 127.0.0.1, port {served.port}: Address already in use"
    )


@ON_SQLITE
def test_a_worker_that_dies_is_started_again(served):
    dead = child(served.pid, "worker")

    os.kill(dead, signal.SIGKILL)

    assert soon(lambda: child(served.pid, "worker") not in (0, dead))
    assert "the worker ended (-9); starting it again" in served.output.read_text()


@ON_SQLITE
def test_a_server_process_that_dies_is_started_again(served):
    server = child(served.pid, "granian")
    before = set(children(server))

    os.kill(min(before), signal.SIGKILL)

    assert soon(lambda: len(set(children(server)) - before) == 1)
    assert soon(lambda: is_answering(served.url))


@ON_SQLITE
@pytest.mark.parametrize("who", ["serve", "server"])
def test_nothing_is_left_behind_by_a_kill(who, served, tmp_path):
    victim = served.pid if who == "serve" else child(served.pid, "granian")

    os.kill(victim, signal.SIGKILL)

    assert served.wait(8) == (-9 if who == "serve" else 137)
    assert soon(lambda: is_free(served.port) and worker.running_since(tmp_path / "instance" / WORKER_SIGN) is None)


@ON_SQLITE
def test_an_open_shop_can_be_kept_and_restored(served, flask, tmp_path, monkeypatch):
    file = tmp_path / "kept"
    variant = a_variant()
    flask("backup", str(file))
    order_id = an_order(variant)

    assert flask("restore", str(file), "--yes")[0] == 0

    assert requests.get(served.url + "/healthz", timeout=5).ok
    assert an_order(variant) == order_id
    a_hold(monkeypatch, variant)
    assert flask("doctor")[0] == 0
    db.session.remove()
