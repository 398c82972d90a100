"""Alarms: trouble is told to the shop's owner once when it begins and once when it ends, by a way that is not a page of the shop.

ALARM_URL gets an HTTP POST and ALARM_EMAIL a mail; both name the part that is down and nothing of anybody's.
"""

import logging
from email.errors import MessageError
from email.header import Header

import requests
from sqlalchemy.exc import DBAPIError

from app.extensions import Busy, db
from app.gateways import http
from app.gateways.shape import GatewayDown
from app.services import health, mail
from app.services.health import News
from app.services.mail import Mailer

LOOK_SECONDS = 30  # between two looks
TELL_SECONDS = 8.0  # that the receiver of an alarm may take

log = logging.getLogger("till")


def look(mailer: Mailer) -> int:
    """Tell what is not told yet; whoever else looks, each trouble is told once. Answers 0: nobody waits for this work."""
    try:
        for news in health.claim_news():
            if not tell(mailer, news):
                health.give_back(news)
    except (Busy, DBAPIError) as error:
        log.warning("nobody could look after the shop (%s)", type(error).__name__)
    finally:
        db.session.rollback()
    return 0


def tell(mailer: Mailer, news: News) -> bool:
    """Tell it by every way there is, and in the log; whether one of them took it, or there is none but the log."""
    title, sentence = f"{mailer.shop.name}: {news.title}", words(mailer, news)
    log.log(logging.WARNING if news.is_over else logging.ERROR, "%s", sentence)
    done = []
    if mailer.settings["ALARM_URL"]:
        done.append(_ring(mailer.settings["ALARM_URL"], title, sentence))
    if mailer.settings["ALARM_EMAIL"] and not (news.name == health.MAIL and not news.is_over):  # it would not leave
        done.append(_write(mailer, news, title, sentence))
    return any(done) or not done


def words(mailer: Mailer, news: News) -> str:
    """One sentence; the time is the shop's own."""
    since = news.since.astimezone(mailer.shop.zone).strftime("%d %B, %H:%M")
    if news.is_over:
        return f"{news.title}. You were told of the trouble on {since}."
    return f"{news.title}, since {since}. {mailer.settings['BASE_URL']}/staff says more."


def _ring(url: str, title: str, sentence: str) -> bool:
    """POST it; the address is a secret and stands in no log."""
    headers = {"Title": _ascii(title), "Content-Type": "text/plain; charset=utf-8"}
    try:
        with http.conversation(TELL_SECONDS), http.Session() as session:
            status = session.request("POST", url, data=sentence.encode(), headers=headers).status_code
    except (requests.RequestException, GatewayDown) as error:
        log.error("the alarm did not reach ALARM_URL (%s)", type(error).__name__)
        return False
    if status >= 300:
        log.error("the alarm was not taken by ALARM_URL: it answered %s", status)
    return status < 300


def _ascii(title: str) -> str:
    """A header's text. Source: RFC 2047 for what is not ASCII."""
    line = mail.one_line(title)
    return line if line.isascii() else Header(line, "utf-8", maxlinelen=10_000).encode()


def _write(mailer: Mailer, news: News, title: str, sentence: str) -> bool:
    key = f"alarm.{news.name}.{'over' if news.is_over else 'begun'}.{news.since:%Y%m%d%H%M%S}"
    try:
        mail.send(mailer, mail.alarm(mailer, mailer.settings["ALARM_EMAIL"], title, sentence, key=key))
    except (OSError, ValueError, MessageError) as error:  # also an ALARM_EMAIL that is none
        log.error("the alarm did not leave by mail (%s)", type(error).__name__)
        return False
    return True
