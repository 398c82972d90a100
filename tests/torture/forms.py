"""Hostile forms and addresses: no error page, no half-read text, nothing stored that was not typed, nothing shown as markup."""

import json
import math
import os
import random
import socket
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlencode
from xml.etree.ElementTree import Element

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.cart import cookie
from app.extensions import db
from app.models.order import Order
from app.models.outbox import OutboxMessage
from app.services.cart import Cart
from tests.factories import Item, a_category, a_variant
from tests.page import Document, parse_page
from tests.torture.buyers import GUS, URLENCODED, Answer, fields, newest_key
from tests.torture.room import Pace, Room, assert_sound, said

FORMS = 5_600  # nine in ten are bodies of forms, the others addresses
LEAST = 200  # however little time there is
SHARE_OVER_HTTP = 0.02
TEXTS = ("name", "line1", "line2", "city", "notes", "phone", "postcode", "email")
STORED_AS_TYPED = ("name", "line1", "line2", "city", "notes", "phone")
TOO_LARGE = 64 * 1024 + 1

STRINGS: tuple[str, ...] = (
    *(
        "",
        " ",
        "\t",
        "\n",
        "\r\n",
        "a\rb\r\nc\nd",
        "  both ends  ",
        "\u00a0",
        "\u3000blank\u3000",
        "\ufeffBOM",
        "\u200b",
        "\u2028x\u2029",
    ),
    *(
        "\0",
        "a\0b",
        "\x01",
        "\x1b[2J",
        "\x7f",
        "\x85",
        "\ufffe",
        "\uffff",
        "\U0010ffff",
        "\ufffd",
        "\u202egnirts",
        "\u2066x",
        "x\u0301" * 60,
    ),
    *(
        "e\u0301",
        "\u212b",
        "\u1e9b\u0323",
        "ﬁ",
        "가",
        "\u1100\u1161",
        "नमस्ते",
        "ﷺ",
        "👩‍👩‍👧‍👦",
        "🇬🇧",
        "Ⅷ",
        "１２",
        "٣",
        "1_000",
        "𝟙",
    ),
    *(
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</textarea><script>x</script>",
        "'\" onfocus=x autofocus ",
        "<!--",
        "]]>",
    ),
    *(
        "&lt;b&gt;",
        "&amp;amp;",
        "&#0;",
        "&#x27;",
        "{{7*7}}",
        "{% raw %}",
        "${7*7}",
        "%s%n",
        "%(name)s",
        "%",
        "%%",
        "%00",
        "%ED%A0%80",
    ),
    *(
        "' OR 1=1 --",
        '\'; DROP TABLE "order"; --',
        "\\",
        "\\'",
        "=1+1",
        "@SUM(A1)",
        "-1",
        "+1",
        "1e309",
        "NaN",
        "null",
        "true",
        "[]",
    ),
    *(
        "a@b",
        "a@b.example\r\nBcc: x@y.example",
        "\r\nBcc: x@y.example",
        "name@exämple.example",
        "x" * 65 + "@example.com",
        "a" * 119,
        "a" * 120,
    ),
    *(
        "a" * 121,
        "ä" * 120,
        "a" * 200,
        "a" * 201,
        "a" * 499,
        "a" * 500,
        "a" * 501,
        "a\r\n" * 250,
        "\n" * 700 + "x",
        "y" * 5000,
        "../../etc/passwd",
    ),
    *(
        "javascript:alert(1)",
        "//evil.example",
        "/\\evil.example",
        "http://evil.example/",
        "\t/cart",
        "file:///etc/passwd",
        "C:\\x",
    ),
)
NUMBERS = (
    "",
    "0",
    "-1",
    "1",
    "2",
    "99999",
    "100000",
    "2147483647",
    "2147483648",
    "9" * 30,
    "1.5",
    "1e3",
    "0x1",
    "１",
    "٣",
    "1_0",
    " 1 ",
    "+1",
    "a",
)


@dataclass
class Scene:
    """What the inputs are thrown at."""

    app: Flask
    chance: random.Random
    items: Sequence[Item]
    strings: Sequence[str]
    shapes: dict[bool, list[tuple[str, ...]]]  # what a receipt is made of, with notes and without
    answers: Counter[str]
    taken: int = 0

    def text(self) -> str:
        """A nasty text: a known one, two of them, or noise."""
        pick = self.chance.random()
        if pick < 0.05:
            return self.chance.choice(["\0", "FUZZ-0\0", "fuzz\0", "1\0"])  # what one database stores and the other refuses
        if pick < 0.6:
            return self.chance.choice(self.strings)
        if pick < 0.75:
            return self.chance.choice(self.strings) + self.chance.choice([" ", "\n", "", "x"]) + self.chance.choice(self.strings)
        top = self.chance.choice([0x7F, 0xFF, 0x24F, 0xD7FF, 0x10FFFF])
        points = (
            self.chance.randint(0 if self.chance.random() < 0.1 else 32, top) for _ in range(self.chance.choice([1, 3, 20, 80]))
        )
        return "".join(chr(point) for point in points if not 0xD800 <= point <= 0xDFFF)

    def kept(self) -> str:
        return self.text() if self.chance.random() < 0.7 else self.chance.choice(NUMBERS)


def fuzz_forms(room: Room, backend: str, until: float = math.inf, *, forms: int = FORMS) -> str:
    """Throw so many forms and addresses at the shop; then everything that it took must be sound, exportable and mailable."""
    pace = Pace(forms, until, LEAST)
    strings, source = naughty()
    with room.shop(backend) as app:
        with app.app_context():
            shelf = a_category("Fuzz")
            items = [a_variant(f"FUZZ-{n}", on_hand=1_000_000, category_id=shelf) for n in range(3)]
        scene = Scene(app, room.chance("forms"), items, [*STRINGS, *strings], {}, Counter())
        scene.shapes = {has_notes: shape_of_a_plain_order(scene, has_notes) for has_notes in (True, False)}
        for number in pace:
            scene.chance.seed(f"{room.seed} form {number}")  # each input for itself, whatever the ones before it drew
            throw = THROWS[number % len(THROWS)]
            try:
                throw(scene)
            except AssertionError as problem:
                raise AssertionError(f"{throw.__name__}, input {number}: {problem}") from problem
        over_http = fuzz_over_http(room, backend, scene, max(len(RAW), int(pace.done * SHARE_OVER_HTTP)))
        assert_sound(app, "after the hostile forms")
        exported = export_all(scene)
        mailed = mail_all(app)
    told = f"{pace.of('forms and addresses, 9 to 1')}{source}, {over_http} over HTTP; {exported} orders taken, shown as typed"
    return f"{told}, {exported} exported, {mailed} mails written; answers {dict(sorted(scene.answers.items()))}"


def naughty() -> tuple[list[str], str]:
    """The big list of naughty strings where there is real data, and what to say of it."""
    folder = os.environ.get("REAL_DATA_DIR", "")
    path = Path(folder) / "strings" / "blns.json"
    if not folder or not path.exists():
        return [], " (without the naughty strings: REAL_DATA_DIR names no folder that has them)"
    found = json.loads(path.read_text(encoding="utf-8"))
    return found, f" (with {len(found)} naughty strings)"


# ------------------------------------------------------------------------------------------------ what is asked of every answer


def judge(scene: Scene, response: TestResponse, where: str, allowed: Sequence[int] = ()) -> None:
    """Never an error of ours, and every refusal says something."""
    scene.answers[str(response.status_code)] += 1
    assert response.status_code < 500, f"{where} answered {response.status_code}\n{said(scene.app)}"
    if allowed:
        assert response.status_code in allowed, f"{where} answered {response.status_code}"
    if response.status_code >= 400:
        says_something(response.get_data(as_text=True), where)


def says_something(page: str, where: str) -> None:
    assert "<h1" in page or "<h2" in page or 'class="card-status' in page or "error" in page, (
        f"{where} says nothing: {page[:200]!r}"
    )


def cleaned(text: str) -> str:
    """What is to come back of a text: in NFC, its line breaks LF, no blanks around it."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def as_shown(text: str) -> str:
    """A text as a page can give it back: one kind of line break, and no control characters, which HTML cannot show."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc")


# ------------------------------------------------------------------------------------------------ checkout


def at_checkout(scene: Scene) -> tuple[FlaskClient, dict[str, str]]:
    """A browser with a fresh cart and the checkout form that it was given, filled in."""
    lines = tuple((item.id, scene.chance.randint(1, 3)) for item in scene.items[: scene.chance.randint(1, 3)])
    with scene.app.app_context():
        value = cookie.encode(Cart(lines=lines))
    browser = scene.app.test_client()
    browser.set_cookie("cart", value)
    page = browser.get("/checkout")
    assert page.status_code == 200
    return browser, {**fields(page.get_data(as_text=True)), **GUS, "action": "order"}


def texts_at_checkout(scene: Scene) -> None:
    """Nasty texts in an honest form: taken as they are, or given back to be corrected."""
    browser, form = at_checkout(scene)
    for name in scene.chance.sample(TEXTS, scene.chance.choice([1, 1, 1, 2, 4])):
        form[name] = scene.text()
    headers = {"HX-Request": "true"} if scene.chance.random() < 0.2 else {}
    response = browser.post("/checkout", data=urlencode(form, errors="surrogatepass"), content_type=URLENCODED, headers=headers)
    judge(scene, response, f"{shortened(form)}", [200, 303, 409, 422])
    if response.status_code == 303 or response.headers.get("HX-Redirect"):
        check_taken(scene, browser, form)
        return
    assert response.status_code in (409, 422), f"{response.status_code} for {shortened(form)}"
    shown = fields(response.get_data(as_text=True))
    for name in TEXTS:
        assert as_shown(shown.get(name, "")) == as_shown(form[name]), f"{name} was {form[name]!r}, comes back {shown.get(name)!r}"


def shortened(form: dict[str, str]) -> str:
    return repr(
        {name: value[:200] for name, value in form.items() if value != GUS.get(name) and name not in ("csrf_token", "shown")}
    )


def check_taken(scene: Scene, browser: FlaskClient, form: dict[str, str]) -> None:
    """The order is stored as it was typed, and its receipt says so in text and nothing else."""
    key = newest_key(scene.app, browser.get_cookie("receipt").value)
    with scene.app.app_context():
        order = db.session.execute(select(Order).where(Order.key == key)).scalar_one()
        wanted = {name: cleaned(form[name]) for name in STORED_AS_TYPED}
        stored = {name: getattr(order, name) for name in STORED_AS_TYPED}
        postcode = order.postcode
    assert stored == wanted
    assert postcode.replace(" ", "") == "".join(cleaned(form["postcode"]).upper().split())
    scene.taken += 1
    page = browser.get(f"/orders/{key}")
    judge(scene, page, "the receipt", [200])
    document, shape = read_receipt(page.get_data(as_text=True))
    assert shape == scene.shapes[bool(wanted["notes"])], f"the receipt of {shortened(form)} has other elements"
    shown = pieces(under(document, "Sent to"))
    missing = [part for part in (wanted["name"], wanted["line1"], wanted["line2"]) if part and part not in shown]
    assert not missing, f"the receipt shows {shown!r}, not {missing!r}"
    assert any(wanted["city"] in line for line in shown) and any(postcode in line for line in shown)
    if wanted["notes"]:
        assert pieces(under(document, "Your notes")) == [wanted["notes"]]
    home = browser.get("/")
    assert home.status_code == 200 and "Thank you" in home.get_data(as_text=True)


def read_receipt(html: str) -> tuple[Document, list[tuple[str, ...]]]:
    """The receipt, and every element of its page with the names of its attributes; only lines may be many or few."""
    document = parse_page(html)
    many = {"br", "tr", "td", "th", "span"}
    return document, [(element.tag, *sorted(element.attrib)) for element in document.elements if element.tag not in many]


def under(document: Document, heading: str) -> Element:
    """The element that follows a heading."""
    [found] = [element for element in document.every("h2") if element.text == heading]
    siblings = list(document.parents[found])
    return siblings[siblings.index(found) + 1]


def pieces(element: Element) -> list[str]:
    """The texts between the line breaks of an element."""
    texts = [element.text or ""]
    for child in element:
        assert child.tag == "br", f"<{child.tag}> in a text"
        texts.append(child.tail or "")
    return texts


def shape_of_a_plain_order(scene: Scene, has_notes: bool) -> list[tuple[str, ...]]:
    browser, form = at_checkout(scene)
    response = browser.post("/checkout", data=form | {"notes": "Thanks" if has_notes else ""})
    assert response.status_code == 303
    scene.taken += 1
    key = newest_key(scene.app, browser.get_cookie("receipt").value)
    return read_receipt(browser.get(f"/orders/{key}").get_data(as_text=True))[1]


def tampered_checkout(scene: Scene) -> None:
    """Fields missing, doubled, swapped, of wrong kinds."""
    browser, form = at_checkout(scene)
    pairs = list(form.items())
    for _ in range(scene.chance.randint(1, 4)):
        pick, place = scene.chance.random(), scene.chance.randrange(len(pairs))
        name, value = pairs[place]
        if pick < 0.3 and len(pairs) > 1:
            del pairs[place]
        elif pick < 0.6:
            pairs.insert(scene.chance.randrange(len(pairs) + 1), (name, scene.kept()))
        elif pick < 0.8:
            pairs[place] = (name, scene.kept())
        else:
            pairs[place] = (scene.chance.choice([name.upper(), name + "[]", scene.text()[:50], "__proto__", "status"]), value)
    judge(
        scene, browser.post("/checkout", data=urlencode(pairs), content_type=URLENCODED), f"{pairs!r:.600}", [200, 303, 409, 422]
    )
    scene.taken += browser.get_cookie("receipt") is not None


# ------------------------------------------------------------------------------------------------ bodies that are none


def malformed_body(scene: Scene) -> None:
    """Bytes that are no form: refused with a sentence, or read as far as they go."""
    browser, form = at_checkout(scene)
    make = scene.chance.choice(BODIES)
    content_type, body = make(scene, form)
    path = scene.chance.choice(["/checkout", "/checkout", "/cart", "/cart/items", "/orders/find", "/preferences"])
    response = browser.post(path, data=body, content_type=content_type)
    judge(scene, response, f"{make.__name__} at {path}", [413] if make in TOO_MUCH else [])
    scene.taken += browser.get_cookie("receipt") is not None


def broken_percents(scene: Scene, form: dict[str, str]) -> tuple[str, bytes]:
    nasty = scene.chance.choice(
        [b"%", b"%z", b"%zz", b"%u0041", b"%ED%A0%80", b"%C0%80", b"%F8%88%80%80%80", b"%FF%FE", b"%80", b"%E2%82"]
    )
    name = scene.chance.choice(["name", "notes", "city"])
    return URLENCODED, urlencode({**form, name: ""}).encode().replace(name.encode() + b"=", name.encode() + b"=" + nasty)


def raw_bytes(scene: Scene, form: dict[str, str]) -> tuple[str, bytes]:
    nasty = scene.chance.choice([b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"\0", b"\xf0\x90", scene.chance.randbytes(40)])
    return URLENCODED, urlencode(form).encode() + b"&name=" + nasty


def noise(scene: Scene, form: dict[str, str]) -> tuple[str, bytes]:
    kinds = [
        URLENCODED,
        "multipart/form-data; boundary=x",
        "application/json",
        "text/plain",
        "",
        "image/png",
        "a/b; charset=utf-16",
    ]
    return scene.chance.choice(kinds), scene.chance.randbytes(scene.chance.choice([0, 1, 50, 3000]))


def other_type(scene: Scene, form: dict[str, str]) -> tuple[str, bytes]:
    kinds = [
        "application/json",
        "text/plain",
        "application/xml",
        f"{URLENCODED}; charset=utf-16",
        f"{URLENCODED}; charset=nonsense",
    ]
    deep = b"[" * 20_000
    return scene.chance.choice(kinds), scene.chance.choice(
        [json.dumps(form).encode(), urlencode(form).encode(), deep, b"{", b"null"]
    )


def multipart(scene: Scene, form: dict[str, str]) -> tuple[str, bytes]:
    """A multipart body with something wrong about it."""
    mark = scene.chance.choice(["x", "----", "ü", "", "a" * 300, '"', "x y"])
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in form.items()]
    parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="name"; filename="{scene.text()[:40]}"\r\n\r\nfile\r\n')
    body = "".join(parts) + f"--{mark}--\r\n"
    cut = scene.chance.randrange(len(body))
    body = scene.chance.choice(
        [body, body[:cut], body[cut:], body.replace("\r\n", "\n"), body.replace("name=", "nom="), body + body]
    )
    said = scene.chance.choice([mark, mark, "other", mark + "x"])
    try:
        said.encode("latin-1")
    except UnicodeEncodeError:
        said = "x"
    return f"multipart/form-data; boundary={said}", body.encode("utf-8", "surrogatepass")


def many_fields(scene: Scene, form: dict[str, str]) -> tuple[str, bytes]:
    same = scene.chance.random() < 0.5
    more = urlencode([("x" if same else f"x{n}", "") for n in range(3_000)])
    return URLENCODED, f"{urlencode(form)}&{more}".encode()


def many_parts(scene: Scene, form: dict[str, str]) -> tuple[str, bytes]:
    return "multipart/form-data; boundary=x", (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 1_050
    ) + b"--x--\r\n"


def huge(scene: Scene, form: dict[str, str]) -> tuple[str, bytes]:
    return URLENCODED, urlencode({**form, "notes": "x" * scene.chance.choice([TOO_LARGE, 200_000, 2_000_000])}).encode()


TOO_MUCH = (many_fields, many_parts, huge)
BODIES: tuple[Callable[[Scene, dict[str, str]], tuple[str, bytes]], ...] = (
    broken_percents,
    raw_bytes,
    noise,
    other_type,
    multipart,
    multipart,
    *TOO_MUCH,
)


# ------------------------------------------------------------------------------------------------ the other forms, and addresses


def cart_forms(scene: Scene) -> None:
    browser, _ = at_checkout(scene)
    sku = scene.chance.choice([item.sku for item in scene.items] + [scene.text()])
    pick = scene.chance.random()
    if pick < 0.4:
        response = browser.post("/cart/items", data={"sku": sku, "quantity": scene.kept()}, headers=htmx(scene))
    elif pick < 0.6:
        response = browser.post("/cart/items/" + quote(sku[:300], safe="", errors="replace"), data={"quantity": scene.kept()})
    else:
        form = {
            f"quantity-{scene.chance.choice([item.sku for item in scene.items] + [scene.text()])}": scene.kept() for _ in range(4)
        }
        response = browser.post("/cart", data=form | ({"remove": scene.kept()} if pick > 0.85 else {}), headers=htmx(scene))
    judge(scene, response, f"cart form {sku!r:.200}", [200, 303, 400, 404, 405, 308, 409, 413, 422])
    assert browser.get("/cart").status_code == 200


def htmx(scene: Scene) -> dict[str, str]:
    target = quote(scene.text()[:60], errors="replace")
    return {"HX-Request": "true", "HX-Target": target} if scene.chance.random() < 0.3 else {}


def finding(scene: Scene) -> None:
    browser = scene.app.test_client()
    form = fields(browser.get("/orders/find").get_data(as_text=True), "/orders/find")
    number = scene.chance.choice([scene.kept(), "10001", "#10001", "00010001"])
    response = browser.post("/orders/find", data=form | {"number": number, "email": scene.text()})
    judge(scene, response, f"finding {number!r:.200}", [422])


def preferences(scene: Scene) -> None:
    address = scene.chance.choice(
        [scene.text(), "//evil.example/x", "/\\evil", "/cart\r\nX: y", "https://evil.example", "/search?q=1", "/" * 500]
    )
    response = scene.app.test_client().post("/preferences", data={"low_data": scene.kept(), "next": address}, headers=htmx(scene))
    judge(scene, response, f"preferences {address!r:.200}", [200, 303])
    target = response.headers.get("Location") or response.headers.get("HX-Redirect", "")
    path = target.removeprefix("http://localhost")
    assert path.startswith("/") and not path.startswith(("//", "/\\")), f"led from {address!r} to {target!r}"


def addresses(scene: Scene) -> None:
    """GET whatever: searches, shelves, products, orders, with nasty words, pages and sort orders."""
    browser = scene.app.test_client()
    chosen = {name: scene.kept() for name in ("q", "sort", "after", "before", "sold_out", "added") if scene.chance.random() < 0.5}
    word = quote_plus(scene.text()[:300], errors="replace")
    path = scene.chance.choice([*KNOWN_PATHS, *(each.format(word) for each in PATHS_OF_WORDS)])
    query = urlencode(chosen) + scene.chance.choice(["", "&q=%", "&q=%ED%A0%80", "&after=%00", "&=&&=", "&" + "a=1&" * 800])
    response = browser.get(f"{path}?{query}", headers=htmx(scene))
    judge(scene, response, f"{path[:200]}?{query[:300]}", [200, 301, 302, 303, 304, 308, 400, 404, 405])
    if response.status_code == 200 and path in ("/search", "/c/fuzz"):
        elements = parse_page(response.get_data(as_text=True)).elements
        alien = [each.tag for each in elements if each.tag in ALIEN or any(name.startswith("on") for name in each.attrib)]
        alien += [each.tag for each in elements if each.tag == "script" and not each.get("src", "").startswith("/")]
        assert not alien, f"{query!r} brought {alien}"


ALIEN = {"iframe", "object", "embed", "marquee", "b", "base"}  # what our lists have none of, and naughty strings many
KNOWN_PATHS = ("/search", "/fragments/search", "/c/fuzz", "/fragments/c/fuzz", "/", "/cart", "/p/fuzz-0", f"/orders/{'0' * 32}")
PATHS_OF_WORDS = ("/c/{}", "/p/{}", "/orders/{}", "/labels/{}.1.svg", "/fragments/c/{}", "/{}", "/static/{}")

THROWS: tuple[Callable[[Scene], None], ...] = (
    *(texts_at_checkout, texts_at_checkout, texts_at_checkout, tampered_checkout, malformed_body),
    *(malformed_body, cart_forms, finding, preferences, addresses),
)


# ------------------------------------------------------------------------------------------------ over the real server


RAW: tuple[tuple[str, bytes], ...] = (
    ("POST /checkout", b"name=%ED%A0%80&notes=%00"),
    ("POST /checkout", b"x=" + b"y" * TOO_LARGE),
    ("POST /checkout", b"x=" + b"y" * 1_000_000),
    ("POST /cart/items", b"sku=\xff\xfe&quantity=1"),
    ("POST /cart/items", b"sku=FUZZ-0%00"),
    ("POST /cart/items/FUZZ-0%00", b"quantity=1"),
    ("GET /p/fuzz%00", b""),
    ("GET /c/fuzz%00", b""),
    ("GET /fragments/c/fuzz%00", b""),
    ("GET /labels/fuzz%00.1.svg", b""),
    ("GET /search?q=fuzz%00&after=%00", b""),
    ("POST /cart/items", b"&" * 60_000),
    ("POST /orders/find", b"a=1&" * 3_000),
    ("POST /preferences", b"next=%0d%0aX-Evil:%201"),
    ("GET /search?q=%ED%A0%80%00%FF", b""),
    ("GET /search?q=" + "a" * 20_000, b""),
    ("GET /c/%ED%A0%80", b""),
    ("GET /orders/%00", b""),
    ("GET /orders/..%2f..%2fetc%2fpasswd", b""),
    ("GET /%2e%2e/%2e%2e/etc/passwd", b""),
    ("GET //evil.example/", b""),
    ("GET /p/%F0%9F%92%A9?after=1&after=2", b""),
)


def fuzz_over_http(room: Room, backend: str, scene: Scene, count: int) -> int:
    """Malformed requests as bytes on a socket: the server or the shop refuses them, and goes on serving."""
    with room.open_shop(backend) as (_, server):
        for number in range(count):
            line, body = RAW[number % len(RAW)]
            if number >= len(RAW):
                _, body = scene.chance.choice(BODIES)(scene, {**GUS, "action": "order"}) if line.startswith("POST") else ("", b"")
            answer = send(server.port, line, body)
            assert 200 <= answer.status < 500, f"{line[:200]} answered {answer.status}\n{server.log_tail()}"
            if len(body) > TOO_LARGE:
                assert answer.status == 413
                says_something(answer.text, line[:200])
        assert send(server.port, "GET /", b"").status == 200
    return count


def send(port: int, line: str, body: bytes) -> Answer:
    head = f"{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
    head += f"Content-Type: {URLENCODED}\r\nContent-Length: {len(body)}\r\n" if line.startswith("POST") else ""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode("latin-1") + b"\r\n" + body)
        raw = b"".join(iter(lambda: connection.recv(65_536), b""))
    status, _, rest = raw.partition(b"\r\n")
    assert status.startswith(b"HTTP/1.1 "), f"no answer to {line[:200]}: {raw[:100]!r}"
    return Answer(int(status.split()[1]), (), rest.partition(b"\r\n\r\n")[2], 0)


# ------------------------------------------------------------------------------------------------ afterwards


def export_all(scene: Scene) -> int:
    """Every order that was taken is exported, each as one line of JSON."""
    done = scene.app.test_cli_runner().invoke(args=["orders", "export", "--format", "jsonl"])
    assert done.exit_code == 0, done.output[-500:]
    orders: list[dict[str, Any]] = [json.loads(line) for line in done.output.split("\n") if line]
    assert len(orders) == scene.taken, f"{scene.taken} orders were taken, {len(orders)} exported"
    csv = scene.app.test_cli_runner().invoke(args=["orders", "export", "--format", "csv"])
    assert csv.exit_code == 0, csv.output[-500:]
    return len(orders)


def mail_all(app: Flask) -> int:
    """Every mail that is owed can be written, whatever stands in the order."""
    done = app.test_cli_runner().invoke(args=["worker", "--once"])
    assert done.exit_code == 0, done.output[-500:]
    with app.app_context():
        rows = db.session.execute(select(OutboxMessage.attempts, OutboxMessage.last_error, OutboxMessage.done_at)).all()
    failed = [row.last_error for row in rows if row.done_at is None]
    assert not failed, f"{len(failed)} mails could not be written: {failed[:3]}"
    return len(rows)
