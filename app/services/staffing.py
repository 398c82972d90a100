"""Who works here, and as what."""

from collections.abc import Sequence

from sqlalchemy import Connection, exc, exists, select, update

from app.extensions import Record, db, retried, transaction
from app.models.customer import Account, Customer, Role
from app.services import accounts, audit, codes, customers
from app.services.accounts import Member, WrongCode
from app.services.errors import InvalidInput, NotFound, ShopError

FIRST = "first manager"  # what the code of the very first manager is made from, with the shop's key
IS_MANAGER = Account.role == Role.MANAGER
IS_STAFF = Account.role.in_((Role.STAFF, Role.MANAGER))


class LastManager(ShopError):
    message = "A shop needs a manager, and this is the last one. Make somebody else a manager first."
    status = 409


# ------------------------------------------------------------------------------------------------ the first manager


def has_manager() -> bool:
    return bool(db.session.execute(select(exists().where(IS_MANAGER))).scalar())


def first_code(key: str) -> str:
    """What lets its reader make the first manager's account: good until there is one, and never again."""
    return codes.code_of(FIRST, key)


@retried
def first_manager(email: str, name: str, password: str, typed: str, keys: Sequence[str]) -> Member:
    """Make the account of the first manager for whoever was told the code. Raises InvalidInput, WrongCode, NotFound.

    Whoever has an account with this e-mail proves it by its password. NotFound: the shop has a manager.
    """
    if not codes.is_code(FIRST, typed, keys):  # before all else: whoever has no code learns nothing of accounts
        raise WrongCode("This code is not right. The shop prints it when it starts, as long as it has no manager.")
    there = accounts.by_email(email)
    person = accounts.check_registration(email, name, password) if there is None else there
    mailbox = accounts.known_as(person.email)
    digest = accounts.hashed(password)
    if there is not None:
        accounts.log_in(there.email, password)
    with transaction() as t:
        claim(t)
        if t.execute(select(Account.id).where(IS_MANAGER)).first():
            raise NotFound
        member = there or accounts.create_in(t, mailbox, name=person.name, password_hash=digest, is_verified=False)
        _set_role(t, member.account_id, Role.MANAGER)
        audit.note(t, member.actor, "first manager", f"account:{member.account_id}", None, {"role": Role.MANAGER})
        return accounts.by_id(t, member.account_id)


def claim(t: Connection) -> None:
    """Let changes of who is a manager through one by one; SQLite's lock does that already."""
    if t.dialect.name == "postgresql":
        t.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('managers'))")


# ------------------------------------------------------------------------------------------------ everybody else


def people() -> Sequence[Record]:
    """Everybody who works here by e-mail: id, email, name, role, totp_confirmed_at, created_at."""
    columns = Account.id, Account.email, Customer.name, Account.role, Account.totp_confirmed_at, Account.created_at
    return db.session.execute(
        select(*columns).join(Customer, Customer.account_id == Account.id).where(IS_STAFF).order_by(Account.email)
    ).all()


def person(account_id: int) -> Record:
    """Somebody who works here, by the columns of `people`. Raises NotFound."""
    found = next((each for each in people() if each.id == account_id), None)
    if found is None:
        raise NotFound
    return found


@retried
def employ(email: str, name: str, role: Role, *, actor: str) -> bool:
    """Let somebody work here; answers whether an account was made for them. They choose its password by a mailed code.

    Raises InvalidInput.
    """
    if role not in (Role.STAFF, Role.MANAGER):
        raise InvalidInput({"role": "Choose staff or manager."})
    mailbox = customers.mailbox(email)
    name, _ = customers.name_and_phone(name, "", needs_name=False)
    try:
        with transaction() as t:
            return _let_in(t, mailbox, name, role, actor)
    except exc.IntegrityError:  # they registered at this very moment
        raise InvalidInput({"email": "They made an account a moment ago. Press the button once more."}) from None


def _let_in(t: Connection, mailbox: str, name: str, role: Role, actor: str) -> bool:
    claim(t)
    there = t.execute(select(Account.id, Account.role).where(Account.email == mailbox).with_for_update()).first()
    if there is not None and there.role != Role.CUSTOMER:
        raise InvalidInput({"email": "They work here already."})
    if there is None:
        account_id = accounts.create_in(t, mailbox, name=name, password_hash="", is_verified=False, role=role).account_id
        accounts.invite(t, mailbox)
    else:
        account_id = there.id
        _set_role(t, account_id, role)
    was = {"role": there.role} if there else None
    audit.note(t, actor, "employed", f"account:{account_id}", was, {"role": role, "email": mailbox})
    return there is None


@retried
def set_role(account_id: int, role: Role, *, actor: str) -> None:
    """Let somebody who works here do so as something else, or no more; their sessions are over. Raises NotFound, LastManager."""
    with transaction() as t:
        claim(t)
        was = t.execute(select(Account.role).where(Account.id == account_id, IS_STAFF).with_for_update()).scalar()
        if was is None:
            raise NotFound
        if was == role:
            return
        others = select(Account.id).where(IS_MANAGER, Account.id != account_id)
        if was == Role.MANAGER and t.execute(others).first() is None:
            raise LastManager
        _set_role(t, account_id, role)
        audit.note(t, actor, "role changed", f"account:{account_id}", {"role": was}, {"role": role})


def _set_role(t: Connection, account_id: int, role: Role) -> None:
    values = {"role": role, "session_version": Account.session_version + 1}
    t.execute(update(Account).where(Account.id == account_id).values(**values))
