"""People in front of the shop: a browser without JavaScript, and one that does what htmx does, over the WSGI app.

page.get("/p/house-blend")
page.submit("Add", quantity=2)           # presses the button, follows the 303, inspects every page on the way
assert "Cart (2)" in page.text
"""

import contextvars
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit
from xml.etree.ElementTree import Element

from flask import Flask, has_app_context
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from app.extensions import db
from tests.page import (
    EVERYWHERE,
    WHOLE_PAGE,
    Document,
    inspect_fragment,
    inspect_page,
    judge,
    parse_page,
    start_tag,
    text,
)

ORIGIN = "http://localhost"
SWAPPED = re.compile(r"2(?!04)\d\d|409|422|429|503")  # the answers that our htmx-config swaps into the page


class Browser:
    """One person's browser without JavaScript: cookies, one open page, links and forms. Sends no Origin, as text browsers do."""

    own_headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, app: Flask):
        self.app = app
        self.client = app.test_client()
        self.url = ORIGIN + "/"
        self.response: TestResponse = None  # type: ignore[assignment]  # there is none before the first get()
        self.document = parse_page("")
        self.visited: list[tuple[str, str, int]] = []  # (method, path, status) of every request made, redirects included

    # --- what the person sees ---

    @property
    def path(self) -> str:
        """Path and query of the open page."""
        parts = urlsplit(self.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def html(self) -> str:
        """The last answer's text as it was sent."""
        return self.response.get_data(as_text=True)

    @property
    def text(self) -> str:
        """What the open page says, white space collapsed."""
        return text(self.document.root)

    @property
    def title(self) -> str:
        return self.document.root.findtext("head/title", "").strip()

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in (self.client._cookies or {}).values()}

    def part(self, name: str) -> str:
        """What the element with this id says. Raises AssertionError when the page has none."""
        element = self.document.by_id(name)
        assert element is not None, f"nothing on {self.path} has the id {name}; there are: {', '.join(sorted(self.document.ids))}"
        return text(element)

    # --- what the person does ---

    def get(self, path: str, *, status: int | None = 200, headers: dict[str, str] | None = None) -> "Browser":
        """Open a page; `status` is what the last answer must be, after redirects (None: whatever comes)."""
        return self.open("GET", path, status=status, headers=headers)

    def post(self, path: str, data: Any = None, *, status: int | None = 200, headers: dict[str, str] | None = None) -> "Browser":
        """Send a form that no page offered, as an attacker or a script would."""
        return self.open("POST", path, data=data, status=status, headers=headers)

    def click(self, words: str, *, status: int | None = 200) -> "Browser":
        """Follow the link that says this."""
        link = self.pick([a for a in self.document.every("a") if a.get("href")], words, "link")
        return self.follow(link, status)

    def follow(self, link: Element, status: int | None) -> "Browser":
        return self.get(urljoin(self.url, link.get("href", "")), status=status)

    def submit(
        self,
        button: str | None = None,
        fields: dict[str, Any] | None = None,
        *,
        near: str = "",
        form: str = "",
        status: int | None = 200,
        **named: Any,
    ) -> "Browser":
        """Fill in a form and press its button.

        Fields are found by name or by label. `near` chooses between equal buttons by words close to them, `form` by the id
        or action of the form. Without a button, Enter is pressed in the form. True and False tick and clear a checkbox, None
        leaves a field as the page has it, a list ticks several.
        """
        form_element, pressed = self.find_form(button, near, form)
        pairs = self.filled(form_element, {**(fields or {}), **named})
        if pressed is not None and pressed.get("name"):
            pairs.append((pressed.get("name", ""), pressed.get("value", "")))
        return self.send(form_element, pressed, pairs, status)

    def send(self, form: Element, pressed: Element | None, pairs: list[tuple[str, Any]], status: int | None) -> "Browser":
        action = urljoin(self.url, form.get("action", ""))
        if form.get("method", "").lower() == "get":
            return self.get(action.partition("?")[0] + "?" + urlencode(pairs), status=status)
        return self.open("POST", action, data=encoded(pairs), status=status)

    def form_data(self, button: str | None = None, *, near: str = "", form: str = "", **named: Any) -> dict[str, list[Any]]:
        """What pressing the button would send, by name; to be changed and sent with post()."""
        form_element, pressed = self.find_form(button, near, form)
        pairs = self.filled(form_element, named)
        if pressed is not None and pressed.get("name"):
            pairs.append((pressed.get("name", ""), pressed.get("value", "")))
        return MultiDict(pairs).to_dict(flat=False)

    # --- how it is done ---

    def open(
        self, method: str, url: str, *, data: Any = None, status: int | None, headers: dict[str, str] | None = None
    ) -> "Browser":
        """Ask, follow redirects inside the shop (`response.location` has one that leads out), inspect what came."""
        self.request(method, url, data, headers)
        hops = 0
        while self.status in (301, 302, 303, 307, 308) and self.leads_home(self.response.location):
            hops += 1
            assert hops < 10, f"redirects without end: {self.visited[-10:]}"
            target = urljoin(self.url, self.response.location)
            if self.status in (307, 308):
                self.request(method, target, data, headers)
            else:
                self.request("GET", target, None, headers)
        is_page = self.response.mimetype == "text/html" and bool(self.html) and self.response.location is None
        self.document = parse_page(self.html if is_page else "")
        self.expect(status)
        if is_page:
            inspect_page(self.html, where=self.path)
        return self

    def request(self, method: str, url: str, data: Any, headers: dict[str, str] | None) -> None:
        url = urljoin(self.url, url)
        assert self.leads_home(url), f"{url} is not in the shop"
        if has_app_context():
            # The test's own session would go on reading what it read before; and what it has not committed nobody else sees.
            assert not (db.session.new or db.session.dirty or db.session.deleted), (
                "commit what the test arranged before a request"
            )
            db.session.rollback()
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        # An empty context: inside an app context of the test's, the request would share its session and its logged-in user.
        self.response = contextvars.Context().run(
            self.client.open, target, method=method, data=data, headers={**self.own_headers, **(headers or {})}, base_url=ORIGIN
        )
        self.visited.append((method, target, self.status))
        self.url = url

    def expect(self, status: int | None) -> None:
        if status is not None and self.status != status:
            said = text(self.document.root) or self.html[:300] or self.response.headers.get("Location", "")
            raise AssertionError(f"{self.path} answered {self.status}, not {status}: {said[:600]}")

    def leads_home(self, url: str | None) -> bool:
        return urlsplit(urljoin(self.url, url or "")).netloc == urlsplit(ORIGIN).netloc

    def pick(self, candidates: list[Element], words: str, kind: str, near: str = "") -> Element:
        """The one that says these words, else begins with or has them; of several the one closest to `near`, or the first."""
        for fits in (str.__eq__, str.startswith, str.__contains__):
            if found := [element for element in candidates if fits(says(element), words)]:
                return min(found, key=lambda element: self.steps_to(element, near)) if near else found[0]
        there = ", ".join(repr(says(element)) for element in candidates)
        raise AssertionError(f"no {kind} on {self.path} says {words!r}; there are: {there or 'none'}")

    def steps_to(self, element: Element, words: str) -> int:
        """How far up from an element one has to go to see the words."""
        steps, above = 0, element
        while words not in text(above):
            steps, above = steps + 1, self.document.parents.get(above)  # type: ignore[assignment]
            assert above is not None, f"{self.path} does not say {words!r}"
        return steps

    def find_form(self, button: str | None, near: str, form: str) -> tuple[Element, Element | None]:
        forms = [
            element
            for element in self.document.every("form")
            if not form or form.lstrip("#") in (element.get("id"), element.get("action"))
        ]
        assert forms, f"no form {form} on {self.path}"
        if button is None:
            assert len(forms) == 1, f"{self.path} has {len(forms)} forms; say which by its button, id or action"
            return forms[0], None
        buttons = [
            element
            for each in forms
            for element in each.iter()
            if (element.tag == "button" and element.get("type", "submit") == "submit")
            or (element.tag == "input" and element.get("type") == "submit")
        ]
        pressed = self.pick(buttons, button, "button", near)
        assert pressed.get("disabled") is None, f"the button {start_tag(pressed)} is disabled"
        return self.document.closest(pressed, "form"), pressed  # type: ignore[return-value]

    def filled(self, form: Element, wanted: dict[str, Any]) -> list[tuple[str, Any]]:
        """The pairs that the form sends with these fields filled in; what the person says nothing about stays."""
        controls = [
            control
            for control in form.iter()
            if control.tag in ("input", "select", "textarea")
            and control.get("name")
            and control.get("type") not in ("submit", "button", "reset", "image")
        ]
        answers: dict[str, Any] = {}
        for key, value in wanted.items():
            name = self.name_of(controls, key)
            if value is not None:
                answers[name] = value
        pairs: list[tuple[str, Any]] = []
        for control in controls:
            if not self.is_disabled(control):
                pairs += self.values(control, answers)
        for name, value in answers.items():
            sent = [pair for pair in pairs if pair[0] == name]
            radios = [control for control in controls if control.get("name") == name and control.get("type") == "radio"]
            if radios:
                choices = ", ".join(repr(self.document.label(radio)) for radio in radios)
                assert len(sent) == 1, f"{value!r} chooses {len(sent)} of the radios {name}: {choices}"
            elif value not in (False, []):
                assert sent, f"{name} on {self.path} cannot be set to {value!r}: it is disabled, or offers no such choice"
        return pairs

    def name_of(self, controls: list[Element], key: str) -> str:
        """The name of the field that is called or labelled so. Hidden fields are nobody's to fill in."""
        visible = [control for control in controls if control.get("type") != "hidden"]
        for fits in (
            lambda control: control.get("name") == key,
            lambda control: self.document.label(control) == key,
            lambda control: self.document.label(control).startswith(key),
        ):
            for control in visible:
                if fits(control):
                    return control.get("name", "")
        known = ", ".join(sorted({f"{control.get('name')} ({self.document.label(control)})" for control in visible}))
        raise AssertionError(f"no field {key!r} on {self.path}; there are: {known or 'none'}")

    def is_disabled(self, control: Element) -> bool:
        fieldset = self.document.closest(control, "fieldset")
        return control.get("disabled") is not None or (fieldset is not None and fieldset.get("disabled") is not None)

    def values(self, control: Element, answers: dict[str, Any]) -> list[tuple[str, Any]]:
        """What one control sends: none, one or several pairs."""
        name, kind = control.get("name", ""), control.get("type", "text") if control.tag == "input" else control.tag
        answered, answer = name in answers and kind != "hidden", answers.get(name)
        if kind in ("radio", "checkbox"):
            value = control.get("value", "on")
            if not answered:
                chosen = control.get("checked") is not None
            elif isinstance(answer, bool):
                chosen = answer
            else:
                several = answer if isinstance(answer, list | tuple | set) else [answer]
                chosen = any(
                    str(one) == value or (isinstance(one, str) and one in self.document.label(control)) for one in several
                )
            return [(name, value)] if chosen else []
        if kind == "select":
            options = [option for option in control.iter("option") if option.get("disabled") is None]
            if answered:
                several = [str(one) for one in (answer if isinstance(answer, list | tuple | set) else [answer])]
                picked = [option for option in options if option.get("value", text(option)) in several or text(option) in several]
            else:
                picked = [option for option in options if option.get("selected") is not None]
                if not picked and control.get("multiple") is None:
                    picked = options[:1]
            return [(name, option.get("value", text(option))) for option in picked]
        if kind == "file":
            return [(name, answer)] if answered else []
        if kind == "textarea":
            said = answer if answered else "".join(control.itertext())
            return [(name, re.sub(r"\r?\n", "\r\n", str(said)))]
        return [(name, str(answer) if answered else control.get("value", ""))]


class HtmxBrowser(Browser):
    """A browser with JavaScript as far as htmx goes: forms and links with hx-* swap parts of the open page.

    After every swap the whole page is inspected again. `fragment` is the last part that came, None after a whole page.
    """

    own_headers = MappingProxyType({"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})
    fragment: Document | None = None

    def get(self, path: str, *, status: int | None = 200, headers: dict[str, str] | None = None) -> "HtmxBrowser":
        """Open a page, as any browser does; what lies under /fragments/ is fetched as htmx does."""
        if urlsplit(path).path.startswith("/fragments/"):
            return self.fetch("GET", path, None, status=status, headers=headers)
        super().get(path, status=status, headers=headers)
        return self

    def post(
        self, path: str, data: Any = None, *, status: int | None = 200, headers: dict[str, str] | None = None
    ) -> "HtmxBrowser":
        """Send a form by htmx that no page offered; the answer is inspected but swapped nowhere."""
        return self.fetch("POST", path, data, status=status, headers=headers)

    def follow(self, link: Element, status: int | None) -> "HtmxBrowser":
        if link.get("hx-get") is None:
            super().follow(link, status)
            return self
        return self.fetch("GET", link.get("hx-get", ""), None, element=link, status=status)

    def send(self, form: Element, pressed: Element | None, pairs: list[tuple[str, Any]], status: int | None) -> "HtmxBrowser":
        element = pressed if pressed is not None and (pressed.get("hx-get") or pressed.get("hx-post")) else form
        if url := element.get("hx-get"):
            return self.fetch("GET", url.partition("?")[0] + "?" + urlencode(pairs), None, element=element, status=status)
        if url := element.get("hx-post"):
            return self.fetch("POST", url, encoded(pairs), element=element, status=status)
        super().send(form, pressed, pairs, status)
        return self

    def fetch(
        self,
        method: str,
        path: str,
        data: Any,
        *,
        element: Element | None = None,
        status: int | None = 200,
        headers: dict[str, str] | None = None,
    ) -> "HtmxBrowser":
        """Ask as htmx does, and put the answer where the element says."""
        page, document = self.url, self.document
        target = self.target_of(element) if element is not None else None
        sent = {"HX-Request": "true", "HX-Current-URL": page, "Accept": "*/*"}
        for header, source in (("HX-Trigger", element), ("HX-Target", target)):
            if source is not None and source.get("id"):
                sent[header] = source.get("id", "")
        self.request(method, path, data, {**sent, **(headers or {})})
        assert self.status not in (301, 302, 303, 307, 308), (
            f"{path} redirects an htmx request: the whole page lands in the target"
        )
        self.fragment = None
        if leave := self.response.headers.get("HX-Redirect"):
            self.expect(status)
            if self.leads_home(leave):
                super().get(leave, status=None)
            return self
        # The person is still on the page that asked, whatever was fetched for it.
        where, self.url, self.document = self.path, page, document
        if self.response.mimetype == "text/html" and self.html and SWAPPED.fullmatch(str(self.status)):
            self.fragment = inspect_fragment(self.html, where=where)
            if target is not None and element is not None:
                self.swap(target, element.get("hx-swap", ""))
            if (
                pushed := self.response.headers.get("HX-Push-Url")
                or (element.get("hx-push-url") if element is not None else None)
            ) not in (
                None,
                "false",
            ):
                self.url = urljoin(page, path if pushed == "true" else pushed)
        self.expect(status)
        return self

    def target_of(self, element: Element) -> Element:
        said = element.get("hx-target", "")
        found = element if said == "this" else self.document.by_id(said.removeprefix("#")) if said.startswith("#") else None
        assert found is not None, f"hx-target {said!r} of {start_tag(element)} is not on {self.path}"
        return found

    def swap(self, target: Element, how: str) -> None:
        """Put the parts of `fragment` into the open page, and inspect what has become of it."""
        assert self.fragment is not None
        if retarget := self.response.headers.get("HX-Retarget"):
            target = self.document.by_id(retarget.removeprefix("#"))  # type: ignore[assignment]
        style = (self.response.headers.get("HX-Reswap") or how).split()[0]
        parts = [part for part in self.fragment.root if part.tag != "title" and not part.get("hx-swap-oob")]
        sides = [part for part in self.fragment.root if part.get("hx-swap-oob")]
        root, source = self.document.root, self.document.source
        if (title := self.fragment.root.findtext("title")) is not None:
            root.find("head/title").text = title  # type: ignore[union-attr]

        for side in sides:
            way, _, selector = side.attrib.pop("hx-swap-oob").partition(":")
            old = self.document.by_id(selector.removeprefix("#") or side.get("id", ""))
            assert old is not None, f"out of band for {selector or side.get('id')!r}, which is not on {self.path}"
            if way == "innerHTML":
                refill(old, list(side))
                old.text = side.text
            else:
                self.replace(old, [side])
        if style == "outerHTML":
            self.replace(target, parts)
        elif style == "innerHTML":
            refill(target, parts)
        elif style == "beforeend":
            target.extend(parts)
        else:
            assert style == "none", f"the inspector does not know hx-swap={style!r}"

        self.document = Document(root, source, ())
        judge(self.document, EVERYWHERE + WHOLE_PAGE, f"{self.path} after {self.visited[-1][1]}")

    def replace(self, old: Element, new: list[Element]) -> None:
        # Parents may have changed with an earlier side update, so they are looked up afresh.
        parent = next(element for element in self.document.root.iter() if old in list(element))
        position = list(parent).index(old)
        tail, old.tail = old.tail, None
        parent.remove(old)
        for offset, element in enumerate(new):
            parent.insert(position + offset, element)
        if new:
            new[-1].tail = tail


def refill(element: Element, children: list[Element]) -> None:
    for child in list(element):
        element.remove(child)
    element.text = None
    element.extend(children)


def says(element: Element) -> str:
    """The words on a link or button."""
    return element.get("value", "") if element.tag == "input" else text(element) or element.get("aria-label", "")


def encoded(pairs: list[tuple[str, Any]]) -> MultiDict[str, Any]:
    return MultiDict(pairs)
