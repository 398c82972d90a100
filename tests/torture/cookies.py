"""Cart cookies that are not ours: altered, cut, swollen, of another purpose, absurd. None shows a line or breaks a page."""

import base64
import math
import random
import re
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask
from itsdangerous import Signer
from werkzeug.sansio.http import parse_cookie
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.cart import cookie
from app.services.cart import Cart
from tests.factories import a_variant
from tests.torture.buyers import GUS, fields
from tests.torture.room import Pace, Room, said

COOKIES = 20_000
LEAST = 500  # however little time there is
SHARE_OVER_HTTP = 0.02
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# What HTTP itself refuses before the shop is asked.
REFUSED_BY_SERVER = {400, 431}


@dataclass(frozen=True)
class Jar:
    """What an attacker may have: carts that the shop signed, and everything else that it ever signed for a browser."""

    carts: tuple[str, ...]
    foreign: tuple[str, ...]

    def holds(self, value: str) -> bool:
        return value in self.carts


Mutation = Callable[[random.Random, Jar], str]


def flipped_bit(chance: random.Random, jar: Jar) -> str:
    value = bytearray(chance.choice(jar.carts).encode())
    value[chance.randrange(len(value))] ^= 1 << chance.randrange(7)
    return value.decode("latin-1")


def other_character(chance: random.Random, jar: Jar) -> str:
    value = chance.choice(jar.carts)
    place = chance.randrange(len(value))
    return value[:place] + chance.choice(BASE64URL) + value[place + 1 :]


def spare_bits(chance: random.Random, jar: Jar) -> str:
    """The last character of a signature has two bits that say nothing: three others decode to the same bytes."""
    value = chance.choice(jar.carts)
    last = BASE64URL.index(value[-1])
    return value[:-1] + BASE64URL[last ^ chance.randint(1, 3)]


def foreign_characters(chance: random.Random, jar: Jar) -> str:
    """Python's base64 passes over what is not of its alphabet, padding included."""
    value = chance.choice(jar.carts)
    place = chance.choice([chance.randrange(len(value)), value.index(".") + 1, len(value)])
    return value[:place] + chance.choice(["=", "==", "!", "é", "\x7f", "*", ".", "~", "\x00", "\ud800", "/", "+"]) + value[place:]


def cut(chance: random.Random, jar: Jar) -> str:
    value = chance.choice(jar.carts)
    return chance.choice([value[: chance.randrange(len(value))], value[chance.randrange(1, len(value)) :]])


def grown(chance: random.Random, jar: Jar) -> str:
    value = chance.choice(jar.carts)
    more = "".join(chance.choices(BASE64URL, k=chance.choice([1, 2, 40, 4000, 9000])))
    return chance.choice([value + more, more + value, value.replace(".", more + ".", 1), value + "." + more])


def spliced(chance: random.Random, jar: Jar) -> str:
    """The content of one cart under the signature of another."""
    one, other = chance.sample([*jar.carts, *jar.foreign], 2)
    return one.rpartition(".")[0] + "." + other.rpartition(".")[2]


def foreign(chance: random.Random, jar: Jar) -> str:
    """Signed by us, for another purpose."""
    return chance.choice(jar.foreign)


def unsigned(chance: random.Random, jar: Jar) -> str:
    content = chance.choice(jar.carts).rpartition(".")[0]
    return chance.choice([content, content + ".", "." + content, content + "." + "A" * 43, content + "." + content])


def signed_by_another(chance: random.Random, jar: Jar) -> str:
    content = chance.choice(jar.carts).rpartition(".")[0]
    key = chance.choice(["", "secret", "dev", "changeme"]) or chance.randbytes(16)
    salt = chance.choice(["cart cookie", "itsdangerous.Signer", "cookie-session"])
    return Signer(key, salt=salt, key_derivation="hmac").sign(content).decode()


def noise(chance: random.Random, jar: Jar) -> str:
    length = chance.choice([1, 2, 5, 43, 44, 100, 4088, 4089, 4090, 5000, 20_000])
    return "".join(map(chr, chance.choices(range(chance.choice([128, 256, 0x3000])), k=length)))


ABSURD = (
    *("", ".", "..", "null", "undefined", "0", "-1", "[]", "{}", "true", "deleted", "'", "' OR 1=1 --", "%00", "%", "a" * 4093),
    *("../../etc/passwd", "<script>alert(1)</script>", "\\", '"', '"\\377"', "=", ";", ",", "AQ", "AQ.AQ", "é.é", "\ufffd"),
    *("1e309", "NaN", "$(id)", "${jndi:ldap://x}", "A" * 60_000),
)


def absurd(chance: random.Random, jar: Jar) -> str:
    return chance.choice([*ABSURD, base64.urlsafe_b64encode(chance.randbytes(60)).decode()])


MUTATIONS: tuple[Mutation, ...] = (
    flipped_bit,
    other_character,
    spare_bits,
    foreign_characters,
    cut,
    grown,
    spliced,
    foreign,
    unsigned,
    signed_by_another,
    noise,
    absurd,
)


def fuzz_cookies(room: Room, backend: str, until: float = math.inf, *, cookies: int = COOKIES) -> str:
    """No altered cookie yields a line, and no cookie an error; the ones that we signed go on working."""
    chance, pace, statuses = room.chance("cookies"), Pace(cookies, until, LEAST), Counter()
    with room.shop(backend) as app:
        jar = fill_jar(app)
        assert all(has_line(ask(app, "/cart", f"cart={value}")[1]) for value in jar.carts), "a cart that we signed is not shown"
        signed_absurdly(app)
        for number in pace:
            chance.seed(f"{room.seed} cookie {number}")  # each input for itself, whatever the ones before it drew
            mutation = MUTATIONS[number % len(MUTATIONS)]
            header = in_header(mutation(chance, jar), chance)
            status, page = ask(app, chance.choice(["/cart", "/cart", "/cart", "/checkout"]), header)
            statuses[status] += 1
            judge(app, jar, mutation, header, status, page)
        over_http = fuzz_over_http(room, backend, max(len(MUTATIONS), int(pace.done * SHARE_OVER_HTTP)))
        assert all(has_line(ask(app, "/cart", f"cart={value}")[1]) for value in jar.carts)
    answers = dict(sorted(statuses.items()))
    return f"{pace.of('cookies')} in {len(MUTATIONS)} ways, {over_http} more over HTTP; answers {answers}"


def fill_jar(app: Flask) -> Jar:
    """Shop a little, and keep every signed thing that comes along."""
    with app.app_context():
        items = [a_variant(f"FUZZ-{n}", on_hand=100_000, price_minor=100) for n in range(40)]
    carts, signed = [], set()
    for count in (1, 2, 7, 40):
        browser = app.test_client()
        for item in items[:count]:
            browser.post("/cart/items", data={"sku": item.sku, "quantity": "3"})
        carts.append(browser.get_cookie("cart").value)
        form = fields(browser.get("/checkout").get_data(as_text=True))
        signed |= {form["shown"], form["csrf_token"], browser.get_cookie("session").value}
        if count == 1:
            browser.post("/checkout", data={**form, **GUS, "action": "order"})
            signed.add(browser.get_cookie("receipt").value)
            carts.pop()  # it is ordered, so it shows no line any more
    return Jar(tuple(carts), tuple(sorted(signed)))


def in_header(value: str, chance: random.Random) -> str:
    """A whole Cookie header, as a server hands it on: latin-1."""
    octets = value.encode("utf-8", "surrogatepass") if chance.random() < 0.5 else value.encode("latin-1", "replace")
    name = chance.choice(["cart"] * 8 + ["receipt", "session"])
    return f"{name}={octets.decode('latin-1')}" + chance.choice(["", "; low_data=1", "; cart=", "; session=x"])


def judge(app: Flask, jar: Jar, mutation: Mutation, header: str, status: int, page: str) -> None:
    """A line may be shown only when the shop's own reading of the header is, byte for byte, a cookie that it signed."""
    assert status < 500, f"{mutation.__name__} answered {status}: {header[:300]!r}\n{said(app)}"
    read = parse_cookie(header).get("cart", "")
    if not jar.holds(read):
        assert not has_line(page), f"{mutation.__name__} shows a line: {header[:6000]!r}"
        assert status in {200, 303}, f"{mutation.__name__} answered {status}: {header[:300]!r}"


def has_line(page: str) -> bool:
    """Whether a page offers to change or to order something."""
    return 'name="quantity-' in page or 'action="/checkout"' in page


def ask(app: Flask, path: str, header: str) -> tuple[int, str]:
    environ = EnvironBuilder(path, base_url="http://localhost").get_environ()
    environ["HTTP_COOKIE"] = header
    body, status, _ = run_wsgi_app(app.wsgi_app, environ, buffered=True)
    return int(status[:3]), b"".join(body).decode("utf-8", "replace")


# ------------------------------------------------------------------------------------------------ signed by us, and absurd


def signed_absurdly(app: Flask) -> None:
    """Whatever an older or a newer Till may have signed: shown or not, but never an error."""
    head = bytes(16) + bytes(4)
    huge = b"\xff" * 600 + b"\x01"
    bodies = [b"", b"\x01", b"\x00" + head, b"\x02" + head + b"\x02\x01", b"\x01" + head, b"\x01" + head + b"\x02"]
    bodies += [
        b"\x01" + head + step + quantity for step in (b"\x02", b"\x00", b"\x01", huge) for quantity in (b"\x00", b"\x01", huge)
    ]
    bodies += [b"\x01" + head + cookie.varint(2 * (2**31 - 1)) + b"\x01", b"\x01" + head + cookie.varint(2**32) + b"\x01"]
    bodies += [b"\x01" + head + b"\x02\x01" * 900, b"\x01" + head + b"\x02\x01\x00\x05", b"\x01" + head + b"\x80"]
    with app.test_request_context():
        values = [cookie.signer().sign(base64.urlsafe_b64encode(body).rstrip(b"=")).decode() for body in bodies]
        values += [cookie.encode(Cart(lines=lines)) for lines in (((1, 99_999),), ((2**31 - 1, 1),), ((5, 1), (1, 99_999)))]
    for value in values:
        for path in ("/cart", "/checkout", "/"):
            status, _ = ask(app, path, f"cart={value}")
            assert status < 500, f"{status} for {value!r}\n{said(app)}"


# ------------------------------------------------------------------------------------------------ over the real server


def fuzz_over_http(room: Room, backend: str, count: int) -> int:
    """A share of the same over sockets, where headers are bytes and the server may refuse them first."""
    chance = room.chance("cookies over HTTP")
    with room.open_shop(backend) as (app, server):
        jar = fill_jar(app)
        assert all(has_line(send(server.port, f"cart={value}")[1]) for value in jar.carts)
        for number in range(count):
            mutation = MUTATIONS[number % len(MUTATIONS)]
            header = re.sub(r"[\r\n]", "", in_header(mutation(chance, jar), chance))
            status, page = send(server.port, header)
            assert status < 500 or status in REFUSED_BY_SERVER, f"{mutation.__name__}: {status} for {header[:300]!r}"
            if status not in REFUSED_BY_SERVER and not jar.holds(parse_cookie(header).get("cart", "")):
                assert not has_line(page), f"{mutation.__name__} shows a line: {header[:6000]!r}"
    return count


def send(port: int, header: str) -> tuple[int, str]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        request = f"GET /cart HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nCookie: {header}\r\n\r\n"
        line.sendall(request.encode("latin-1"))
        answer = b"".join(iter(lambda: line.recv(65_536), b""))
    match = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    assert match, f"no answer to {header[:300]!r}: {answer[:100]!r}"
    return int(match[1]), answer.decode("utf-8", "replace")
