"""A real mail server on loopback that keeps what it takes, and can be told to refuse."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope, Session

from tests import live


class MailServer:
    """Where to send, what arrived, and `refuse`: an answer such as "451 try later" given instead of taking a mail."""

    def __init__(self) -> None:
        self.port = live.free_port()
        self.refuse = ""
        self.refuse_recipient = ""  # the same, said to the address
        self.arrived: list[EmailMessage] = []
        self.meanwhile: Callable[[], None] = lambda: None  # called while a mail is on its way

    @property
    def settings(self) -> dict[str, Any]:
        return {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": self.port, "SMTP_SECURITY": "none"}

    async def handle_RCPT(self, _server: object, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: Session, envelope: Envelope) -> str:
        self.meanwhile()
        if self.refuse:
            return self.refuse
        self.arrived.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **options)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
