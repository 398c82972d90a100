"""`flask digital`, as owners and scripts read it."""

import contextvars

import pytest

from app.services import stock
from tests.factories import a_guide, a_variant
from tests.goods import a_download, a_file, a_licence, downloads, get_free, shelf
from tests.shopping import level

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def flask(app):
    """Runs `flask digital …` and answers (exit status, standard output, standard error)."""

    def run(*args: str, **kwargs: object) -> tuple[int, str, str]:
        done = contextvars.Context().run(app.test_cli_runner().invoke, args=["digital", *args], **kwargs)
        return done.exit_code, done.stdout, done.stderr

    return run


def test_a_file_is_put_on_the_shelf(flask):
    a_guide()
    file = a_file("Guide 1.pdf", b"contents")

    assert flask("file", "guide", str(file)) == (0, "GUIDE yields Guide 1.pdf.\n", "")

    assert shelf().path("Guide 1.pdf").read_bytes() == b"contents"
    assert oct(shelf().folder.stat().st_mode)[-3:] == "700"


def test_a_file_is_taken_off(flask):
    a_download()

    assert flask("file", "GUIDE", "--none") == (0, "GUIDE yields no file.\n", "")
    assert flask("show", "GUIDE")[1].splitlines()[1].split() == ["GUIDE", "10", "0", "0", "0", "-"]


def test_what_cannot_be_a_file_is_one_sentence(flask, tmp_path):
    a_guide(), a_variant("BEANS")
    file = str(a_file())

    for args, told in (
        (("GUIDE",), "Error: Say one of: FILE, or --none.\n"),
        (("GUIDE", file, "--none"), "Error: Say one of: FILE, or --none.\n"),
        (("NONE", file), "Error: There is no SKU NONE.\n"),
        (("BEANS", file), "Error: BEANS is not digital: it is sent, so it yields neither file nor code.\n"),
    ):
        assert flask("file", *args) == (1, "", told)
    assert flask("file", "GUIDE", str(tmp_path / "gone"))[0] != 0


def test_codes_come_from_a_file(flask, tmp_path):
    a_guide("LICENCE")
    stock.set_levels([("LICENCE", 0)], actor="test")
    (tmp_path / "codes").write_bytes("\ufeffAAAA\r\n\r\n  BBBB \r\nCCCC".encode())

    assert flask("codes", "licence", str(tmp_path / "codes")) == (0, "3 codes added.\n", "")

    assert level("LICENCE") == (3, 0)
    assert flask("show")[1] == "sku     on_hand  free given  owed file\nLICENCE       3     3     0     0 -\n"


def test_codes_come_from_standard_input(flask):
    a_guide("LICENCE")

    assert flask("codes", "LICENCE", "-", input="ONE\n")[1] == "1 code added.\n"


def test_codes_that_are_there_are_named_and_nothing_is_added(flask, tmp_path):
    a_licence("A")
    (tmp_path / "codes").write_text("B\nA\n")

    assert flask("codes", "LICENCE", str(tmp_path / "codes")) == (
        1,
        "",
        "line 2: “A” is there already\nError: The file has mistakes; nothing was changed.\n",
    )
    assert flask("show", "LICENCE")[1].splitlines()[1].split()[2] == "1"


def test_a_file_in_another_writing_is_one_sentence(flask, tmp_path):
    a_guide("LICENCE")
    (tmp_path / "codes").write_bytes(b"\xff\xfe\x00")

    assert flask("codes", "LICENCE", str(tmp_path / "codes")) == (1, "", "Error: The file is not UTF-8 text.\n")


def test_more_stock_than_codes_is_told(flask, tmp_path):
    a_guide("LICENCE")
    (tmp_path / "codes").write_text("A\n")

    done = flask("codes", "LICENCE", str(tmp_path / "codes"))

    assert (done[0], done[1]) == (0, "1 code added.\n")
    assert done[2] == (
        "LICENCE has 11 on hand, but codes for 1: more can be sold than yielded. `flask stock set LICENCE 1` puts it right.\n"
    )


def test_codes_that_are_owed_are_told(flask, tmp_path):
    get_free((a_licence("A", on_hand=3), 3))
    (tmp_path / "codes").write_text("B\nC\nD\n")

    assert flask("codes", "LICENCE", str(tmp_path / "codes"))[1] == "3 codes added, 2 of them owed to orders.\n"


def test_what_is_not_digital_is_not_shown(flask):
    a_variant("BEANS")

    assert flask("show", "beans") == (1, "", "Error: There is no digital SKU BEANS.\n")
    assert len(flask("show")[1].splitlines()) == 1


def test_an_order_is_revoked(flask):
    get_free((a_download(), 1))

    assert flask("revoke", "10001") == (0, "1 download revoked.\n", "")
    assert flask("revoke", "10001") == (0, "0 downloads revoked.\n", "")
    assert flask("revoke", "10002") == (1, "", "Error: There is no order 10002.\n")
    assert downloads()[0].revoked_at


@pytest.mark.parametrize("command", ["file", "codes", "show", "revoke"])
def test_each_has_an_example(flask, command):
    assert f"Example: flask digital {command}" in flask(command, "--help")[1]
