"""The mails: what they say, that nothing a shopper types can add to their headers, and how they leave."""

import ssl
import subprocess
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult
from sqlalchemy import update

from app.cli.shop import rounds
from app.extensions import transaction
from app.models.order import LineItem, Order
from app.models.payment import Payment
from app.models.stock import StockAlert
from app.services import digital, mail
from tests.factories import a_cart, a_discount, a_variant
from tests.goods import a_download, a_licence, get_free, yielded
from tests.mailserver import mail_server
from tests.planting import an_order
from tests.shopping import order_of
from tests.tools import need


def mailer():
    return rounds()[0].args[0]


def confirmation(order_id: int) -> EmailMessage:
    """The mail as its reader's program sees it."""
    composed = mail.confirmation(mailer(), order_id, key=f"order.confirmation:{order_id}")
    return message_from_bytes(composed.as_bytes(), policy=policy.default)


def alert(alert_id: int) -> EmailMessage:
    composed = mail.stock_alert(mailer(), alert_id, key=f"stock.alert:{alert_id}")
    return message_from_bytes(composed.as_bytes(), policy=policy.default)


def delivered(order_id: int) -> EmailMessage:
    composed = mail.delivered(mailer(), order_id, key=f"digital.delivered:{order_id}:2")
    return message_from_bytes(composed.as_bytes(), policy=policy.default)


def texts(message: EmailMessage) -> list[str]:
    return [message.get_body((kind,)).get_content() for kind in ("plain", "html")]


@pytest.mark.settings(BASE_URL="https://shop.example", SHOP_EMAIL="hello@shop.example", MAIL_FROM="robot@shop.example")
def test_a_confirmation_says_who_it_is_from_and_leads_back(app_context):
    message = confirmation(an_order(a_variant()))

    assert message["From"] == "Till Coffee <robot@shop.example>"
    assert message["Reply-To"] == "hello@shop.example"
    assert message["To"] == "gus@example.com"
    assert message["Message-ID"] == "<order.confirmation.1@shop.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.tzinfo
    assert all("https://shop.example/orders/" in text and "hello@shop.example" in text for text in texts(message))


def test_a_confirmation_says_what_was_ordered_and_what_it_costs(app_context):
    order_id = an_order(a_variant(name="House Blend", options="250 g", price_minor=1250), 3, notes="Ring twice")

    wanted = ["10001", "House Blend", "250 g", "BEANS", "£12.50", "£37.50", "Standard delivery", "£3.95", "£41.45", "£6.91"]
    wanted += [
        "Pay on delivery",
        "Still to pay: £41.45",
        "Gus Guest",
        "1 High Street",
        "SW1A 1AA",
        "United Kingdom",
        "Ring twice",
    ]

    for text in texts(confirmation(order_id)):
        assert [word for word in wanted if word not in text] == []


@pytest.mark.breaks_invariants
def test_what_is_paid_and_digital_needs_neither_money_nor_address(app_context):
    order_id = an_order(a_variant())
    with transaction() as t:
        t.execute(update(Payment).values(status="CAPTURED"))
        t.execute(update(LineItem).values(is_digital=True))

    for text in texts(confirmation(order_id)):
        assert "Paid in full." in text and "Still to pay" not in text
        assert "High Street" not in text and "Standard delivery" not in text


@pytest.mark.settings(BASE_URL="https://shop.example")
def test_a_confirmation_has_what_the_order_yielded(app_context):
    order_id = get_free((a_download(), 1), (a_licence("ABCD-1234", "EFGH-5678"), 3))
    link = f"https://shop.example{next(line.link.address for line in yielded(order_id) if line.link)}"

    for text in texts(confirmation(order_id)):
        assert [word for word in (link, "guide.pdf", "10 times at most", "ABCD-1234", "EFGH-5678") if word not in text] == []
        assert "One code is still to come" in text


def test_a_confirmation_of_things_that_are_sent_says_nothing_of_downloads(app_context):
    for text in texts(confirmation(an_order(a_variant()))):
        assert "download" not in text.casefold()


@pytest.mark.settings(BASE_URL="https://shop.example")
def test_what_is_delivered_later_is_told_whole(app_context):
    order_id = get_free((a_download(), 1), (a_licence("<b>1</b>"), 1))

    message = delivered(order_id)

    assert message["Subject"] == "Your downloads and codes, order 10001 at Till Coffee"
    assert message["Message-ID"] == "<digital.delivered.1.2@shop.example>"
    plain, html = texts(message)
    assert "Code: <b>1</b>" in plain and "&lt;b&gt;1&lt;/b&gt;" in html
    for text in (plain, html):
        assert "https://shop.example/downloads/" in text and "https://shop.example/orders/" in text


@pytest.mark.parametrize("values", [{"status": "REFUNDED"}, {"email": ""}])
@pytest.mark.breaks_invariants
def test_what_was_undone_or_forgotten_is_not_delivered(app_context, values):
    order_id = get_free((a_download(), 1))
    with transaction() as t:
        t.execute(update(Order).values(**values))

    assert mail.delivered(mailer(), order_id, key="digital.delivered:1:1") is None


def test_links_that_are_over_are_not_mailed(app_context):
    order_id = get_free((a_download(), 1))
    digital.revoke_order("10001")

    for text in texts(delivered(order_id)):
        assert "guide.pdf can no longer be downloaded." in text and "/downloads/" not in text


@pytest.mark.settings(SHOP_TIMEZONE="Asia/Seoul")
def test_times_are_the_shops_own(app_context):
    order_id = an_order(a_variant())
    with transaction() as t:
        t.execute(update(Order).values(placed_at=datetime(2026, 3, 31, 20, 5, tzinfo=UTC)))

    for text in texts(confirmation(order_id)):
        assert "1 April 2026, 05:05" in text


@pytest.mark.parametrize(
    "name",
    [
        "Eve\r\nBcc: all@example.com",
        "Eve\nSubject: x",
        'Eve" <eve@example.com>, "',
        "Søren Åkesson, père",
        "أليس",
        "<b>Eve</b> & co",
        "E" * 120,
    ],
)
def test_no_name_can_add_to_the_headers(name, app_context):
    plain = confirmation(an_order(a_variant(), name="Gus"))
    with transaction() as t:
        t.execute(update(Order).values(name=name))

    odd = confirmation(1)

    assert odd.keys() == plain.keys()
    assert (odd["To"], odd["Subject"]) == (plain["To"], plain["Subject"])
    assert "<b>Eve" not in odd.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    "email", ["gus@example.com\r\nBcc: all@example.com", "gus@example.com, all@example.com", "gus", "@example.com"]
)
def test_an_address_that_is_not_one_is_refused(email, app_context):
    order_id = an_order(a_variant())
    with transaction() as t:
        t.execute(update(Order).values(email=email))

    with pytest.raises((ValueError, IndexError, MessageError)):
        confirmation(order_id)


def test_an_international_domain_is_written_as_mail_servers_know_it(app_context):
    assert confirmation(an_order(a_variant(), email="gus@bücher.example"))["To"] == "gus@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "product", ["Mug\r\nBcc: all@example.com", "Mug\u2028X: y", 'The "Mug"', "ثُوب قهوة", "Tasse für Öl " * 19]
)
def test_no_product_can_add_to_the_headers(product, app_context):
    an_order(a_variant("MUG", on_hand=1, name=product))

    message = alert(1)

    assert message.keys() == confirmation(1).keys()
    assert message["Subject"].startswith("Sold out: ") and message["Subject"].endswith("(MUG)")
    assert all(len(line) <= 998 for line in message.as_bytes().splitlines())


def test_a_low_alert_says_how_many_are_left(app_context):
    an_order(a_variant("MUG", on_hand=3, name="Mug", options="blue"))

    message = alert(1)

    assert message["To"] == "shop@example.com"
    assert message["Subject"] == "Low stock: Mug (MUG), 2 left"
    assert all("Mug, blue" in text and "10001" in text for text in texts(message))


def test_reading_direction_cannot_be_turned_in_a_subject():
    assert mail.one_line(" a\u202eb\x00 \x85c\td ") == "ab c d"


@pytest.mark.settings(BASE_URL="https://" + "shop." * 30 + "example")
def test_a_long_host_keeps_the_message_id_whole(app_context):
    assert confirmation(an_order(a_variant()))["Message-ID"] == "<order.confirmation.1@" + "shop." * 30 + "example>"


def test_without_a_mail_server_each_mail_is_one_private_file(app, app_context):
    an_order(a_variant())

    for _ in range(2):
        mail.send(mailer(), mail.confirmation(mailer(), 1, key="order.confirmation:1"))

    folder = Path(app.config["MAIL_FOLDER"])
    [file] = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777, file.suffix) == (0o700, 0o600, ".eml")
    assert message_from_bytes(file.read_bytes(), policy=policy.default)["To"] == "gus@example.com"


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1 that its own word vouches for; answers the file and what a server needs to show it."""
    file = tmp_path / "certificate.pem"
    command = [
        need("openssl"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", file, "-out", f"{file}.crt"], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{file}.crt", file)
    return f"{file}.crt", context


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_starttls_and_login_reach_a_server_whose_certificate_is_trusted(app, app_context, certificate, monkeypatch):
    an_order(a_variant())
    message = mail.confirmation(mailer(), 1, key="order.confirmation:1")
    logins = []

    def authenticate(_server, _session, _envelope, _mechanism, data):
        logins.append((data.login, data.password))
        return AuthResult(success=True)

    file, context = certificate
    with mail_server(tls_context=context, require_starttls=True, auth_required=True, authenticator=authenticate) as server:
        app.config.update(server.settings, SMTP_SECURITY="starttls", SMTP_USER="till", SMTP_PASSWORD="s3cret")
        with pytest.raises(ssl.SSLCertVerificationError):
            mail.send(mailer(), message)
        monkeypatch.setenv("SSL_CERT_FILE", file)
        mail.send(mailer(), message)

    assert logins == [(b"till", b"s3cret")]
    assert len(server.arrived) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_tls_from_the_first_byte(app, app_context, certificate, monkeypatch):
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", file)
    an_order(a_variant())

    with mail_server(ssl_context=context) as server:
        app.config.update(server.settings, SMTP_SECURITY="tls")
        mail.send(mailer(), mail.confirmation(mailer(), 1, key="order.confirmation:1"))

    assert len(server.arrived) == 1


def test_every_alert_kind_has_its_words(app_context):
    an_order(a_variant("MUG", on_hand=1))
    with transaction() as t:
        t.execute(update(StockAlert).values(kind="low", level=1))

    assert "Stock runs low" in texts(alert(1))[0]


def test_a_confirmation_says_what_a_code_took_off(app_context):
    a_discount()

    message = confirmation(order_of(a_cart((a_variant(price_minor=1200), 2)), code="SUMMER10").order_id)

    for text in texts(message):
        assert "Discount SUMMER10" in text and "−£2.40" in text and "£25.55" in text
