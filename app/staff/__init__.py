"""The back office: what only people behind the counter see and do."""

from flask import Blueprint

bp = Blueprint("staff", __name__, url_prefix="/staff")
