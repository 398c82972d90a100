"""Checkout and the receipts it leaves."""

from flask import Blueprint

bp = Blueprint("checkout", __name__)
