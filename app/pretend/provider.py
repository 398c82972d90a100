"""The provider itself: its memory, its keys, and the delivery of its webhooks."""

import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import requests

from app.config import signing_keys
from app.gateways import http
from app.gateways.pretend import SIGNATURE, api_key, signed, webhook_secret
from app.gateways.shape import GatewayDown
from app.pretend.memory import Delivery, Memory, Payment

log = logging.getLogger("till")

MOMENT_SECONDS = 0.3  # between a button and its webhook
WEBHOOK_SECONDS = 5.0  # how long the shop may take to answer one
ROUND_SECONDS = 5.0  # after which a round of deliveries ends, whatever is left
WAITS_SECONDS = (2, 10, 60, 300, 900, 3600)  # after each try that failed; then it gives up
LEASE_SECONDS = 30.0  # after which a webhook that somebody died over is tried by somebody else


class Provider:
    """What the pages, the API and the shop's worker share. Its threads need no app context."""

    def __init__(self, config: Mapping[str, Any], folder: str, spare: Callable[[], AbstractContextManager[bool]]) -> None:
        """`spare` says whether the server can do without a thread for the length of its block."""
        keys = signing_keys(config)
        self.memory = Memory(Path(folder) / "pretend.sqlite3")
        self.api_keys = [api_key(key) for key in keys]  # the shop's process may be older than this one
        self.secret = webhook_secret(keys[-1])
        self.postman = Postman(self.deliver_due)
        self.spare = spare
        self.waiting = threading.Semaphore(config["THREADS"] // 4)

    def deliver_due(self) -> int:
        """Deliver the webhooks that are due, and answer how many were tried. Those that fail are due again later."""
        ends = time.monotonic() + ROUND_SECONDS
        tried = 0
        try:
            while time.monotonic() < ends and (delivery := self.memory.claim(time.time(), lease=LEASE_SECONDS)):
                self._deliver(delivery)
                tried += 1
        except sqlite3.OperationalError as error:  # another writer is slow; the shop's worker has better things to do
            log.warning("the pretend provider cannot use its memory (%s)", error)
        return tried

    def deliver_now(self, delivery_id: str) -> None:
        """Deliver this one before anything else happens, unless too many wait for that already: then a moment later."""
        with self.patience() as may_wait:
            if may_wait and (delivery := self.memory.claim(time.time(), lease=LEASE_SECONDS, only=delivery_id)):
                self._deliver(delivery)
        if not may_wait:
            self.memory.hurry(delivery_id, due_at=time.time())
            self.postman.kick()

    @contextmanager
    def patience(self) -> Iterator[bool]:
        """Whether a request may hold its thread for seconds. What it waits for takes two more, and shoppers need some too."""
        is_first = self.waiting.acquire(blocking=False)
        try:
            if is_first:
                with self.spare() as may_wait:
                    yield may_wait
            else:
                yield False
        finally:
            if is_first:
                self.waiting.release()

    def _deliver(self, delivery: Delivery) -> None:
        body = delivery.body.encode()
        at = int(time.time())
        secret = secrets.token_hex(32) if delivery.is_forged else self.secret
        headers = {"Content-Type": "application/json", SIGNATURE: f"t={at},v1={signed(body, secret, at)}"}
        try:
            with http.conversation(WEBHOOK_SECONDS), http.Session() as session:
                status = session.request("POST", delivery.url, data=body, headers=headers).status_code
            answer, is_taken = str(status), 200 <= status < 300
        except (requests.RequestException, GatewayDown) as error:
            answer, is_taken = type(error).__name__, False
        is_over = is_taken or delivery.is_forged or delivery.tries > len(WAITS_SECONDS)  # a forger does not try again
        self.memory.tried(delivery, answer, due_at=None if is_over else time.time() + WAITS_SECONDS[delivery.tries - 1])


class Postman:
    """One thread of this process that does the work once more for whoever kicks it, and ends when nobody did meanwhile."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.has_more = False

    def kick(self) -> None:
        """Let the work be done a moment from now, by another thread than the caller's."""
        with self.lock:
            self.has_more = True
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._run, name="pretend postman", daemon=True)
                self.thread.start()

    def _run(self) -> None:
        while self._is_wanted():
            time.sleep(MOMENT_SECONDS)
            self.work()

    def _is_wanted(self) -> bool:
        with self.lock:
            wanted, self.has_more = self.has_more, False
            if not wanted:
                self.thread = None
            return wanted


def event(payment: Payment, kind: str, *, due_at: float, is_forged: bool = False) -> Delivery:
    """The webhook that tells of a payment; what it claims of the sums is what the API says too."""
    event_id = f"evt_{secrets.token_urlsafe(12)}"
    about = {
        "reference": payment.reference,
        "payment_key": payment.payment_key,
        "order_key": payment.order_key,
        "amount_minor": payment.paid_minor or payment.amount_minor,
        "currency": payment.paid_currency or payment.currency,
    }
    told = {"id": event_id, "type": kind, "created": int(time.time()), "data": about}
    return Delivery(id=event_id, url=payment.webhook_url, body=json.dumps(told), is_forged=is_forged, due_at=due_at)
