"""`flask outbox …`."""

import json

import pytest

from app.extensions import transaction
from app.services import errands, outbox


@pytest.fixture
def flask(app, app_context):
    """Runs a command and answers (exit status, output)."""
    with transaction() as t:
        for number in (1, 2):
            outbox.owe(t, "test", f"test:{number}", {"number": number})

    def run(*args: str) -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=["outbox", *args])
        return done.exit_code, done.output

    return run


def test_what_is_owed_is_listed(flask):
    errands._done(1)

    assert [line.split()[:3] for line in flask("list")[1].splitlines()] == [["2", "owed", "0"]]
    assert [line.split()[:3] for line in flask("list", "--all")[1].splitlines()] == [["1", "done", "0"], ["2", "owed", "0"]]


def test_it_is_listed_as_json_lines(flask):
    errands._failed(2, "Odd")

    told = [json.loads(line) for line in flask("list", "--format", "jsonl")[1].splitlines()]

    assert [(row["id"], row["state"], row["attempts"], row["last_error"], row["payload"]) for row in told] == [
        (1, "owed", 0, "", {"number": 1}),
        (2, "owed", 1, "Odd", {"number": 2}),
    ]


def test_leased_and_dead_messages_are_told_apart(flask):
    for _ in range(errands.TRIES):
        errands._failed(1, "Odd")
    errands.claim()

    assert [line.split()[1] for line in flask("list")[1].splitlines()] == ["dead", "leased"]


def test_dead_messages_are_retried(flask):
    for _ in range(errands.TRIES):
        errands._failed(1, "Odd")

    assert flask("retry", "--dead") == (0, "1 to be tried again.\n")
    assert [row["state"] for row in outbox.messages()] == ["owed", "owed"]


def test_named_messages_are_retried_all_or_none(flask):
    errands._failed(1, "Odd")
    errands._done(2)

    assert flask("retry", "1", "2") == (1, "Error: No message 2 is owed.\n")
    assert outbox.messages()[0]["attempts"] == 1
    assert flask("retry", "1") == (0, "1 to be tried again.\n")
    assert outbox.messages()[0]["attempts"] == 0


def test_messages_that_were_not_named_are_left_alone(flask):
    errands._failed(1, "Odd")
    errands._failed(2, "Odd")

    flask("retry", "1")

    assert [row["attempts"] for row in outbox.messages()] == [0, 1]


@pytest.mark.parametrize("args", [[], ["1", "--dead"]])
def test_retry_wants_to_know_which(args, flask):
    assert flask("retry", *args) == (1, "Error: Say which: one or more IDs, or --dead.\n")


def test_both_show_an_example(flask):
    assert "Example: flask outbox list" in flask("list", "--help")[1]
    assert "Example: flask outbox retry" in flask("retry", "--help")[1]
