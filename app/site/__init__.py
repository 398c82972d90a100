"""What every site has: home, help, offline, health."""

from flask import Blueprint

bp = Blueprint("site", __name__)
