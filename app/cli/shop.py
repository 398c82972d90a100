"""Running and keeping the shop: `flask serve`, `worker`, `doctor`, `backup`, `restore`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import exc

from app import pretend, providers, templating, watching
from app.cli import serving
from app.cli.output import fail, speaks
from app.extensions import db
from app.services import (
    accounts,
    alarms,
    anonymising,
    attempts,
    digital,
    doctor as doctor_service,
    errands,
    expiry,
    health,
    idempotency,
    invariants,
    personal,
    safekeeping,
    settling,
    shop as shop_service,
    snapshot,
    staffing,
    worker as worker_service,
)
from app.services.doctor import Finding
from app.services.invariants import Breach
from app.services.safekeeping import Backup
from app.services.shelf import Shelf

FORGETTING = (accounts.forget_codes, attempts.forget, idempotency.forget, personal.forget_finished)
SWEEP_SECONDS = 300  # between two looks for payments and orders that everybody forgot
COMPLETE_SECONDS = 5  # between two looks for digital orders that are done
BEAT_SECONDS = 30  # between two signs of life of the worker
FORGET_SECONDS = 3600  # between two looks for what is not to be kept any more
WORKER_SIGN = "worker"  # a file of the instance: locked while a worker runs


def say(line: str) -> None:
    """A line of a process that runs unattended."""
    click.echo(line, err=True)


# ------------------------------------------------------------------------------------------------ running


@click.command("serve")
@with_appcontext
@speaks
def serve() -> None:
    """Open the shop on HOST and PORT: the server, with WORKERS processes of THREADS threads, and the worker beside it.

    \b
    Example: PORT=9000 flask serve
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    sys.exit(serving.serve(app.config, Path(app.root_path).parent, welcome=welcome, watch=watching.begin(app)))


def welcome(address: str) -> str:
    """What is said once the shop is open; as long as it has no manager, how somebody becomes the first."""
    told = f"Till is open at {address}"
    if not staffing.has_manager():
        told += f"\nNobody manages it yet: open {address}/staff and type {staffing.first_code(current_app.config['SECRET_KEY'])}"
    db.session.remove()
    return told


def rounds() -> list[worker_service.Round]:
    """What the worker does, over and over, in this order."""
    mailer = templating.mailer(current_app)
    shelf = Shelf.of(current_app.config)
    done: list[worker_service.Round] = [
        partial(errands.deliver_due, mailer, say),
        expiry.expire_due,
        partial(settling.check_due, shelf),
        worker_service.every(SWEEP_SECONDS, partial(settling.take_unsettled, shelf)),
        worker_service.every(SWEEP_SECONDS, expiry.end_failed),
        worker_service.every(COMPLETE_SECONDS, partial(digital.complete_digital, shelf)),
        *(worker_service.every(FORGET_SECONDS, forget) for forget in FORGETTING),
    ]
    if "pretend" in current_app.extensions:
        done.append(pretend.PROVIDER.deliver_due)
    if days := current_app.config["ANONYMISE_AFTER_DAYS"]:
        done.append(worker_service.every(FORGET_SECONDS, partial(anonymising.anonymise_old, days)))
    done.append(worker_service.every(alarms.LOOK_SECONDS, partial(alarms.look, mailer)))
    done.append(worker_service.every(BEAT_SECONDS, health.beat))  # behind all others: a worker that one of them ends is silent
    return done


@click.command("worker")
@click.option("--once", is_flag=True, help="Do what is due, then end.")
@click.option("--parent", type=int, default=0, hidden=True, help="End when this process, which started it, is gone.")
@with_appcontext
@speaks
def worker(once: bool, parent: int) -> None:
    """Send mails and do what else is owed, until it is stopped. `flask serve` starts one by itself.

    \b
    Example: flask worker --once
    """
    with worker_service.Stop.at_signals(parent) as stop, worker_service.presence(Path(current_app.instance_path) / WORKER_SIGN):
        health.forget_gateways(providers.GATEWAYS)
        worker_service.run(rounds(), say=say, stop=stop, once=once)


# ------------------------------------------------------------------------------------------------ looking after it


@click.command("doctor")
@with_appcontext
@speaks
def doctor() -> None:
    """Look at the settings and at what must always be true of the data; exit with 1 when something is broken.

    \b
    Example: flask doctor
    """
    with database_errors_as_sentences():
        findings = list(doctor_service.settings(current_app.config, Path(current_app.instance_path)))
        findings.append(doctor_service.gateways([name for name, each in providers.GATEWAYS.items() if not each.is_direct]))
        findings.append(doctor_service.migrations())
        can_look = findings[-1].state == "ok"
        if can_look:
            findings += doctor_service.mailbox(shop_service.current(current_app.config))
            with snapshot.snapshot() as t:
                findings += doctor_service.rows(t, current_app.config["CURRENCY"])
                findings += doctor_service.troubles(t)
                findings += doctor_service.files(t, Shelf.of(current_app.config))
        for finding in findings:
            show(finding)
        breaches = show_invariants() if can_look else 0
    wrong = breaches + sum(finding.state == "broken" for finding in findings)
    if wrong:
        fail(f"{wrong} {'thing is' if wrong == 1 else 'things are'} broken.")
    click.echo("All is well.")


def show(finding: Finding) -> None:
    click.echo(f"{finding.state:7} {finding.says}")


def show_invariants() -> int:
    """Print each invariant with the rows that break it, and answer how many are broken."""
    since = worker_service.running_since(Path(current_app.instance_path) / WORKER_SIGN)
    if since is None:
        show(Finding("note", "No worker runs here: mails wait, and holds do not end."))
    broken = 0
    for invariant, breach in invariants.check(worker_since=since):
        show(Finding("broken" if breach else "ok", f"{invariant.name}: {invariant.says}"))
        broken += breach is not None
        for line in lines_of(breach):
            click.echo(f"        {line}")
    return broken


def lines_of(breach: Breach | None) -> Iterator[str]:
    if breach:
        yield from (" ".join(f"{name}={value}" for name, value in row.items()) for row in breach.rows)
        if breach.has_more:
            yield "… and more"


@contextmanager
def database_errors_as_sentences() -> Iterator[None]:
    try:
        yield
    except exc.DBAPIError as error:
        reason = str(error.orig).strip().splitlines()
        fail(f"The database cannot be used: {reason[0] if reason else type(error).__name__}")


# ------------------------------------------------------------------------------------------------ keeping it


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@with_appcontext
@speaks
def backup(file: Path) -> None:
    """Write the shop's whole data into FILE, while it runs. An older FILE is replaced once the new one is whole.

    \b
    Example: flask backup /var/backups/till-monday.sqlite3
    """
    with database_errors_as_sentences():
        with_files(partial(safekeeping.backup, file))
    click.echo(f"Everything is in {file} ({file.stat().st_size:,} bytes).")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
@speaks
def restore(file: Path, yes: bool) -> None:
    """Put everything back as it was when FILE was made by `flask backup`. The shop may run meanwhile.

    \b
    Example: flask restore /var/backups/till-monday.sqlite3
    """
    found: Backup = with_files(partial(safekeeping.look_at, file))
    if not yes:
        click.confirm(f"All that happened since {file} was made is lost. Restore it?", abort=True)
    with database_errors_as_sentences():
        with_files(partial(safekeeping.restore, found))
        click.echo(f"Everything is as it was in {file}.")
        if not found.is_current:
            click.echo(f"It is of an older Till (migration {found.revision}): run `flask db upgrade`, then `flask doctor`.")
            return
        if broken := show_broken():
            fail(f"{broken} of the shop's invariants {'does' if broken == 1 else 'do'} not hold; `flask doctor` says more.")
    click.echo("The shop's invariants hold.")


def show_broken() -> int:
    """Print what does not hold, and answer how many that are."""
    breaches = invariants.broken()
    db.session.remove()
    for breach in breaches:
        show(Finding("broken", f"{breach.name}: {breach.says}"))
        for line in lines_of(breach):
            click.echo(f"        {line}")
    return len(breaches)


def with_files(action: Callable[[], Any]) -> Any:
    """What the action answers; a file that cannot be read or written is one sentence."""
    try:
        return action()
    except OSError as error:
        fail(f"{error.filename or 'A file'}: {error.strerror or error}.")
