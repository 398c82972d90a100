"""Discount codes: the list, a new one, one, and the switch."""

from typing import Any

from flask import current_app
from werkzeug.wrappers import Response as AnyResponse
from wtforms import HiddenField, SelectField, StringField

from app import web
from app.account.forms import PlainForm, Sent
from app.extensions import Record, now
from app.models.discount import Kind
from app.services import audit, discount_codes
from app.services.accounts import Member
from app.services.editing import EditConflict
from app.services.errors import InvalidInput
from app.staff import bp, pages
from app.staff.pages import managers_only, number
from app.staff.settings_forms import spoken

CODE = "/discounts/<int(max=2147483647):code_id>"
KINDS = [(str(Kind.PERCENT), "Per cent of the goods"), (str(Kind.AMOUNT), "An amount of money")]


class TermsForm(Sent):
    """What a code takes off, and when it counts; all of it as it is typed."""

    kind = SelectField("It takes off", validate_choice=False)
    value = StringField("How much")
    min_items_minor = StringField("Goods of at least (if you like)")
    starts_at = StringField("From (if you like)")
    ends_at = StringField("Until (if you like)")
    most_uses = StringField("Uses in all (if you like)")
    most_uses_each = StringField("Uses by one e-mail (if you like)")
    note = StringField("Note for yourselves (if you like)")
    seen = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind.choices = KINDS

    @property
    def typed(self) -> dict[str, str]:
        """The texts by column."""
        return {name: self[name].data or "" for name in ("code", *discount_codes.TERMS) if name in self}


class NewCodeForm(TermsForm):
    code = StringField("Code")


@bp.get("/discounts")
@managers_only
def discounts(member: Member) -> AnyResponse:
    """Every code, the newest first."""
    after = number("after")
    listed, more = discount_codes.page(after)
    return pages.page("discounts", codes=listed, after=more, is_first=after is None)


@bp.get("/discounts/new")
@managers_only
def show_new_discount(member: Member) -> AnyResponse:
    return editor(NewCodeForm(data={"kind": str(Kind.PERCENT)}))


@bp.post("/discounts/new")
@managers_only
def make_discount(member: Member) -> AnyResponse:
    """A new code, which counts at once unless it says otherwise."""
    form, config = NewCodeForm(), current_app.config
    if not form.is_right():
        return editor(form, 422)
    try:
        currency, timezone = config["CURRENCY"], web.SHOP.timezone
        discount_codes.create(form.typed, currency=currency, timezone=timezone, actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return editor(form, error.status)
    pages.say("The code is made.")
    return web.go("/staff/discounts")


@bp.get(CODE)
@managers_only
def discount(member: Member, code_id: int) -> AnyResponse:
    """One code: its terms, how often it was used, and what was done to it."""
    return shown(discount_codes.one(code_id))


def shown(row: Record, status: int = 200, *, told: str = "") -> AnyResponse:
    """A code as it stands."""
    typed = discount_codes.typed_of(row, web.SHOP.timezone)
    form = TermsForm(formdata=None, data=typed | {"seen": discount_codes.seen(row)})
    return editor(form, status, row=row, told=told)


@bp.post(CODE)
@managers_only
def change_discount(member: Member, code_id: int) -> AnyResponse:
    """Other terms from now on. Who saved others meanwhile is told, and overwritten only knowingly."""
    row, form, timezone = discount_codes.one(code_id), TermsForm(), web.SHOP.timezone
    if not form.is_right():
        return editor(form, 422, row=row)
    try:
        discount_codes.change(code_id, form.typed, timezone=timezone, seen=form.seen.data or "", actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return editor(form, error.status, row=row)
    except EditConflict as error:
        stands = discount_codes.one(code_id)
        form.seen.data = error.seen
        theirs = {name: said for name, said in in_words(stands).items() if name in error.theirs}
        return editor(form, error.status, row=stands, conflict=theirs, told=str(error))
    pages.say("Saved.")
    return web.go("/staff/discounts")


def in_words(row: Record) -> dict[str, str]:
    """Terms as people read them, to stand beside what somebody else typed."""
    said = discount_codes.typed_of(row, web.SHOP.timezone)
    said |= {"kind": dict(KINDS)[said["kind"]]}
    said |= {name: said[name].replace("T", " ") for name in ("starts_at", "ends_at")}
    return {name: spoken(value) for name, value in said.items()}


@bp.post(CODE + "/off")
@managers_only
def switch_discount_off(member: Member, code_id: int) -> AnyResponse:
    """Let a code count no more. Orders that have it keep it."""
    return switched(member, code_id, is_active=False, told="%(code)s is off: nobody can use it any more.")


@bp.post(CODE + "/on")
@managers_only
def switch_discount_on(member: Member, code_id: int) -> AnyResponse:
    """Let a code count again."""
    return switched(member, code_id, is_active=True, told="%(code)s is on.")


def switched(member: Member, code_id: int, *, is_active: bool, told: str) -> AnyResponse:
    row, form = discount_codes.one(code_id), PlainForm()
    if not form.is_right():
        return shown(row, 422, told=form.csrf_token.errors[0])
    discount_codes.switch(code_id, is_active, actor=member.actor)
    pages.say(told, code=row.code)
    return web.go("/staff/discounts")


def editor(
    form: TermsForm, status: int = 200, *, row: Any = None, conflict: dict[str, str] | None = None, told: str = ""
) -> AnyResponse:
    """The page of one code, or of a new one."""
    context: dict[str, Any] = {"row": row, "conflict": conflict or {}, "currency": current_app.config["CURRENCY"]}
    if row is not None:
        context |= {"state": discount_codes.state(row, now()), "currency": row.currency}
        context["entries"] = audit.entries(subject=f"discount_code:{row.id}")[:10]
    return pages.page("discount", form, status, told=told, timezone=web.SHOP.timezone, **context)
