"""`flask stock` and `flask alerts`, as scripts read them."""

import contextvars
import json
from datetime import datetime

import pytest

from tests.factories import a_cart, a_redirect_method, a_variant
from tests.shopping import level, order_of

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def flask(app):
    """Runs a command: `flask("stock", "show")` answers what click's runner knows of it."""
    return lambda *args, **kwargs: contextvars.Context().run(app.test_cli_runner().invoke, args=list(args), **kwargs)


def test_set_and_show_one(flask):
    a_variant("YIRG-250-WB", on_hand=0)

    done = flask("stock", "set", "yirg-250-wb", "40")

    assert (done.exit_code, done.stdout) == (0, "1 changed.\n")
    assert flask("stock", "show", "YIRG-250-WB").stdout.split() == "sku on_hand held available YIRG-250-WB 40 0 40".split()


def test_show_all_by_sku_with_what_is_held(flask, monkeypatch):
    method, beans = a_redirect_method(monkeypatch), a_variant("B", on_hand=5)
    a_variant("A", on_hand=1)
    order_of(a_cart((beans, 2)), payment_id=method)

    lines = flask("stock", "show").stdout.splitlines()

    assert [line.split() for line in lines] == [
        ["sku", "on_hand", "held", "available"],
        ["A", "1", "0", "1"],
        ["B", "5", "2", "3"],
    ]


def test_set_all(flask):
    a_variant("A"), a_variant("B", on_hand=7)

    done = flask("stock", "set", "--all", "7")

    assert (done.exit_code, done.stdout) == (0, "1 changed.\n")
    assert level("A") == (7, 0)


def test_set_from_a_file_with_bom_and_crlf(flask, tmp_path):
    a_variant("A"), a_variant("B")
    file = tmp_path / "stock.csv"
    file.write_bytes("\ufeffsku,on_hand\r\n a ,3\r\nB,0\r\n".encode())

    done = flask("stock", "set", "--file", str(file))

    assert (done.exit_code, level("A"), level("B")) == (0, (3, 0), (0, 0))


@pytest.mark.parametrize("row", ["A,x", "A,-1", "A,", ",3", "A,1.5", "A,１", "A,99999999999"])
def test_a_bad_row_is_named_by_its_line_and_nothing_is_set(flask, tmp_path, row):
    a_variant("A", on_hand=5), a_variant("B", on_hand=5)
    file = tmp_path / "stock.csv"
    file.write_text(f"sku,on_hand\nB,1\n{row}\n")

    done = flask("stock", "set", "--file", str(file))

    assert done.exit_code == 1
    assert "line 3: " in done.stderr
    assert (level("A"), level("B")) == ((5, 0), (5, 0))


def test_a_file_without_the_columns_is_refused(flask, tmp_path):
    file = tmp_path / "stock.csv"
    file.write_text("a,b\n1,2\n")

    done = flask("stock", "set", "--file", str(file))

    assert (done.exit_code, "sku and on_hand" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("set", "NOTHING", "3"), "There is no SKU NOTHING."),
        (("show", "nothing"), "There is no SKU NOTHING."),
        (("set",), "Say one of"),
        (("set", "A"), "Say one of"),
        (("set", "A", "3", "--all", "5"), "Say one of"),
    ],
)
def test_what_is_wrong_is_one_sentence_on_standard_error(flask, args, words):
    a_variant("A")

    done = flask("stock", *args)

    assert done.exit_code == 1
    assert words in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.output


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "2147483648"])
def test_what_is_no_level_is_refused(flask, number):
    a_variant("A")

    assert flask("stock", "set", "--", "A", number).exit_code != 0
    assert level("A") == (10, 0)


def test_less_than_is_held_is_refused(flask, monkeypatch):
    method, beans = a_redirect_method(monkeypatch), a_variant("B", on_hand=5)
    order_of(a_cart((beans, 2)), payment_id=method)

    done = flask("stock", "set", "B", "1")

    assert (done.exit_code, level("B")) == (1, (5, 2))
    assert "B holds 2 for unpaid orders" in done.stderr


def test_alerts_as_json_one_a_line(flask):
    low, out = a_variant("LOW", on_hand=4), a_variant("OUT", on_hand=1)
    order_of(a_cart((low, 2), (out, 1)))

    told = [json.loads(line) for line in flask("alerts", "list", "--format", "jsonl").stdout.splitlines()]

    assert [{name: alert[name] for name in ("sku", "kind", "level", "status")} for alert in told] == [
        {"sku": "LOW", "kind": "low", "level": 2, "status": "open"},
        {"sku": "OUT", "kind": "out", "level": 0, "status": "open"},
    ]
    assert all(datetime.fromisoformat(alert["created_at"]).tzinfo for alert in told)


def test_alerts_for_people(flask):
    out = a_variant("OUT", on_hand=1)
    order_of(a_cart((out, 1)))
    flask("stock", "set", "OUT", "5")

    [line] = flask("alerts", "list").stdout.splitlines()

    assert line.split()[2:] == ["closed", "out", "0", "OUT"]


def test_no_alerts_are_no_lines(flask):
    assert flask("alerts", "list", "--format", "jsonl").stdout == ""


@pytest.mark.parametrize("command", [("stock", "set"), ("stock", "show"), ("alerts", "list")])
def test_help_has_an_example(flask, command):
    assert "Example: flask" in flask(*command, "--help").stdout
