"""The catalogue's pages."""

from flask import Blueprint

bp = Blueprint("catalog", __name__)
