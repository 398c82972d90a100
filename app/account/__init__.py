"""Accounts: logging in, and what only the person themselves sees."""

from flask import Blueprint

bp = Blueprint("account", __name__, url_prefix="/account")
