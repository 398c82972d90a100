"""Who is logged in: the only file that begins, reads and ends a session of an account."""

from collections.abc import Sequence

from flask import Flask, Response, current_app, flash, g, request, session
from flask_login import UserMixin, current_user, login_user, logout_user

from app import templating
from app.cart import cookie
from app.checkout import receipt
from app.extensions import login_manager
from app.services import account_carts, accounts, orders
from app.services.accounts import Member
from app.services.customers import Buyer
from app.services.errors import CartFull

CLEARED = '"cache", "storage"'  # Source: W3C, Clear Site Data. Cookies are named: low data and the known device stay


class User(UserMixin):  # type: ignore[misc]
    """A member, as Flask-Login asks for one."""

    def __init__(self, member: Member):
        self.member = member

    def get_id(self) -> str:
        return self.member.session_id


def init_app(app: Flask) -> None:
    app.login_manager = login_manager  # type: ignore[attr-defined]  # without its hooks, which open a session on every page
    login_manager.session_protection = None  # phones change their address all day
    login_manager.user_loader(load)


def load(session_id: str) -> User | None:
    member = accounts.by_session(session_id)
    return User(member) if member else None


def current() -> Member | None:
    """Who asks, when somebody is logged in. Without a session cookie nothing is looked up."""
    if current_app.config["SESSION_COOKIE_NAME"] not in request.cookies and "_login_user" not in g:
        return None
    return current_user.member if current_user.is_authenticated else None


def buyer() -> Buyer | None:
    """For whose account an order is to be placed; None for a guest's."""
    member = current()
    return Buyer(member.customer_id, member.account_id) if member else None


def begin(member: Member, *, stay: bool = False) -> None:
    """Start a session of this account, with nothing of the one before; a guest's cart becomes part of the account's.

    `stay` keeps it for weeks, where otherwise it ends with the browser. The answer must then clear the guest's cookie:
    see `with_own_cart`.
    """
    g.pop("cart", None)  # it may have been another account's
    g.pop("kept_cart", None)
    guests = cookie.read()
    session.clear()
    session.permanent = stay
    login_user(User(member))
    g.pop("cart", None)
    g.cart_stays = False
    if guests.lines and not orders.is_ordered(guests.id):
        try:
            told = account_carts.merge(member.customer_id, guests, current_app.config["CURRENCY"])
        except CartFull as error:
            g.cart_stays = True  # in the cookie: nothing is lost, and after logging out it is there again
            flash({"text": str(error)})
            return
        for each in told:
            flash({"text": templating.notice(each)})


def renew(member: Member) -> None:
    """Keep this browser logged in after its account's sessions were ended."""
    stay = bool(session.permanent)
    session.clear()
    session.permanent = stay
    login_user(User(member))


def with_own_cart(response: Response) -> Response:
    """The answer to a login: from now on the cart is the account's."""
    return response if g.get("cart_stays") else cookie.clear(response)


def end(response: Response) -> Response:
    """Log out, here and everywhere."""
    member = current()
    if member:
        accounts.end_sessions(member.account_id)
    return leave(response)


def leave(response: Response) -> Response:
    """End this browser's session; it forgets what it kept of the shop, receipts too."""
    logout_user()
    session.clear()
    response.headers["Clear-Site-Data"] = CLEARED
    return receipt.forget(response)


def secrets() -> Sequence[str]:
    """The shop's keys, the present one first."""
    return [current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]]
