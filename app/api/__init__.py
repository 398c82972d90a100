"""The JSON door: programs that act for an account."""

from flask import Blueprint

bp = Blueprint("api", __name__, url_prefix="/api")
