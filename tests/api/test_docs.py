"""docs/api.md does what it says: every example runs, in order, against a real shop."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import ROOT, LiveServer
from tests.tools import need

FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = FENCED.findall((ROOT / "docs" / "api.md").read_text())
CATALOGUE = "sku,product,price,on_hand,category\nBEANS,House Blend,9.50,50,Beans\nMUG,Mug,7.00,5,Things\n"


@pytest.fixture
def environment(live_server: LiveServer, tmp_path: Path) -> dict[str, str]:
    """What the examples take from it: a shop with goods, and a token of somebody who may order."""
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text(CATALOGUE)
    ann = ["accounts", "create", "ann@example.com", "--name", "Ann Archer", "--phone", "+44 20 7946 0000", "--verified"]
    for command in (["catalog", "import", str(catalogue)], ann):
        done = live_server.run_flask(*command)
        assert done.returncode == 0, done.stderr
    token = live_server.run_flask("accounts", "token", "ann@example.com").stdout.strip()
    return {**os.environ, "SHOP": live_server.url, "TOKEN": token}


def test_the_examples_run(environment: dict[str, str], tmp_path: Path):
    need("curl")
    said = []

    for language, code in EXAMPLES:
        command = {"sh": ["sh", "-eu", "-c", code], "python": [sys.executable, "-W", "error", "-c", code]}[language]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
        said.append(done.stdout)

    assert len(said) == 4
    assert '"sku":"BEANS"' in said[1] and '"available":true' in said[1]
    assert said[2] == "ordered: PROCESSING 3245 GBP\n"  # three of the beans, and delivery
    last = said[3][said[3].rindex('{"items"') :]
    assert [(item["sku"], item["quantity"]) for item in json.loads(last)["items"]] == [("MUG", 2)]


def test_every_address_is_in_the_docs(nobody):
    text = (ROOT / "docs" / "api.md").read_text()

    paths = [re.sub(r"\{(?:\w+_)?(\w+)\}", r"<\1>", path) for path in nobody.get("/openapi.json")["paths"]]

    assert [path for path in paths if f"{path}`" not in text] == []
