"""The cart's pages and actions."""

from flask import Blueprint

bp = Blueprint("cart", __name__)
