"""Every route that changes something refuses other sites; a new one is found in the URL map and probed too."""

import pytest
from flask import Flask

from app.headers import SAFE_METHODS

CROSS_SITE = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:81"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Referer": "https://evil.example/localhost"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example", "Referer": "http://localhost/"},
]
# Gateways are other sites: their word is trusted by its signature. The API is asked with a token, never with a cookie.
BY_OTHER_MEANS = ("/webhooks/", "/api/")


def unsafe_routes(app: Flask) -> set[tuple[str, str]]:
    """(method, an address) of every route that is not only read."""
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        return {
            (method, adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, "1"), method))
            for rule in app.url_map.iter_rules()
            for method in set(rule.methods or ()) - SAFE_METHODS
            if not rule.rule.startswith(BY_OTHER_MEANS)
        }


def test_the_routes_are_found(app):
    assert {
        ("POST", "/account/login"),
        ("POST", "/account/addresses/1/delete"),
        ("POST", "/cart"),
        ("POST", "/cart/items"),
        ("POST", "/cart/items/1"),
        ("POST", "/checkout"),
        ("POST", "/orders/find"),
        ("POST", "/orders/hide"),
        ("POST", "/preferences"),
    } <= unsafe_routes(app)


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
def test_another_site_is_refused_everywhere(app, client, headers):

    answers = {route: client.open(route[1], method=route[0], headers=headers) for route in unsafe_routes(app)}

    assert {route: answer.status_code for route, answer in answers.items() if answer.status_code != 403} == {}
    assert not any("Set-Cookie" in answer.headers for answer in answers.values())


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://localhost"}, {"Referer": "http://localhost/x"}, {"Sec-Fetch-Site": "none"}], ids=str
)
def test_our_own_pages_are_refused_nowhere(app, client, headers):

    answers = {route: client.open(route[1], method=route[0], headers=headers).status_code for route in unsafe_routes(app)}

    assert {route for route, status in answers.items() if status in (400, 403) or status >= 500} == set()


def test_reading_is_open_to_all(client):
    assert client.get("/", headers=CROSS_SITE[0]).status_code == 200
