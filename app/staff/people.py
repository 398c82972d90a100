"""People who work here, their roles, and what each of them did."""

from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account.forms import PlainForm
from app.models.customer import Role
from app.services import audit, second_factor, staffing
from app.services.accounts import Member
from app.services.errors import InvalidInput
from app.services.staffing import LastManager
from app.staff import bp, pages
from app.staff.forms import EmployForm, RoleForm
from app.staff.pages import managers_only

PERSON = "/people/<int(max=2147483647):account_id>"


@bp.get("/people")
@managers_only
def people(member: Member) -> AnyResponse:
    """Everybody who works here, and the form for one more."""
    return pages.page("people", EmployForm(), people=staffing.people())


@bp.post("/people")
@managers_only
def employ(member: Member) -> AnyResponse:
    """Let somebody work here."""
    form = EmployForm()
    if not form.is_right():
        return pages.page("people", form, 422, people=staffing.people())
    email, name = form.email.data or "", form["name"].data or ""
    try:
        is_new = staffing.employ(email, name, Role(form.role.data), actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return pages.page("people", form, error.status, people=staffing.people())
    mailed = "They work here now, and get a mail with a code with which they choose a password."
    pages.say(mailed if is_new else "They work here now, with the account that they had.")
    return web.go("/staff/people")


@bp.get(PERSON)
@managers_only
def person(member: Member, account_id: int) -> AnyResponse:
    """One of them: the role, the second factor, and what they did lately."""
    return one(account_id, RoleForm(data={"role": staffing.person(account_id).role}))


def one(account_id: int, form: RoleForm, status: int = 200, *, told: str = "") -> AnyResponse:
    row = staffing.person(account_id)
    return pages.page("person", form, status, told=told, person=row, entries=audit.entries(account_id=account_id)[:10])


@bp.post(PERSON)
@managers_only
def set_role(member: Member, account_id: int) -> AnyResponse:
    """Another role, or none any more."""
    form = RoleForm()
    if not form.is_right():
        return one(account_id, form, 422)
    try:
        staffing.set_role(account_id, Role(form.role.data), actor=member.actor)
    except LastManager as error:
        form.say({"role": str(error)})
        return one(account_id, form, error.status)
    pages.say("Saved. They have to log in again.")
    return web.go("/staff/people")


@bp.post(PERSON + "/second-factor")
@managers_only
def reset_second_factor(member: Member, account_id: int) -> AnyResponse:
    """For whoever lost the phone and the recovery codes: the password alone lets them in, until they set up another."""
    if account_id == member.account_id:
        return web.go("/staff/second-factor")  # one's own takes a code
    form = PlainForm()
    row = staffing.person(account_id)
    if not form.is_right():
        return one(account_id, RoleForm(data={"role": row.role}), 422, told=form.csrf_token.errors[0])
    second_factor.switch_off(account_id, actor=member.actor)
    pages.say("Their second factor is off. Ask them to set up a new one.")
    return web.go(f"/staff/people/{account_id}")
