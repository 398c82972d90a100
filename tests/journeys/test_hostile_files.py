"""Hostile files sent to the real server's back office while somebody shops: each gets its sentence, and the shop goes on."""

import http.client
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import live
from tests.journeys.wire import LiveBrowser
from tests.live import LiveServer
from tests.photos import as_file, drawn, noise, png_claiming, upload

PICTURES = (  # what is sent, the status, and words of the sentence
    (png_claiming(50_000, 50_000), 422, "million pixels"),
    (png_claiming(6_000, 6_000, rows=6_000), 200, ""),
    (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 422, "not a picture"),
    (as_file(drawn()).getvalue()[:2_000], 422, "damaged"),
    (as_file(drawn()).getvalue() + b"<?php system($_GET['c']); ?>", 200, ""),
    (as_file(noise(3_000, 2_250), quality=90).getvalue(), 200, ""),
    (bytes(50_000_000), 413, "10 MB"),
)
DELIVERIES = (
    (b"sku,product,quantity\n" + b"".join(b"S%d,Thing,1\n" % n for n in range(50_000)), 422, "Row 2,002"),
    (b"sku,product,quantity\n" + b"".join(b"S%d,Thing,1\n" % n for n in range(100_000)), 413, "1 MB"),
    ("sku,product,quantity\nA,Café,1\n".encode("latin-1"), 422, "UTF-8"),
    ("sku,product,quantity\nA,Tea,1\n".encode("utf-16"), 422, "UTF-8"),
    (b'sku,product,quantity\nA,"=HYPERLINK(""http://x"")",1\nB,Tea,12 bags\n', 200, "Row 3"),
    (b"sku,product,quantity\nA," + b"x" * 900_000 + b",1\n", 422, "Row 2"),
    (bytes(50_000_000), 413, "1 MB"),
)
FORM = "application/x-www-form-urlencoded"
SLOWEST_SECONDS = 5.0  # of a shopper's page meanwhile, on a machine with two processors and other work
MOST_MORE_MEGABYTES = 500  # of one worker: a decoded picture of 40 million pixels is 120 MB, and is cut and written


pytestmark = pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("path", "headers", "status", "sentence"),
    [
        ("/cart/add", {"Content-Type": FORM}, 413, b"larger than this page takes"),
        ("/cart/add", {"Content-Type": FORM, "Origin": "https://elsewhere.example"}, 403, b"another site"),
        ("/api/shop/checkout/cart", {"Content-Type": "application/json"}, 401, b"token"),
    ],
)
def test_whoever_sends_too_much_hears_why_and_the_connection_goes_on(live_server, path, headers, status, sentence):
    # http.client writes the whole body before it listens, as a browser may.
    with closing(http.client.HTTPConnection(urlsplit(live_server.url).netloc, timeout=60)) as connection:
        connection.request("POST", path, bytes(50_000_000), headers)
        answer = connection.getresponse()
        assert (answer.status, sentence in answer.read()) == (status, True)
        socket = connection.sock

        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        assert connection.sock is socket


@pytest.mark.timeout(300)
def test_hostile_files_get_their_sentence_and_the_shop_goes_on(live_server):
    assert live_server.run_flask("demo", "load").returncode == 0
    live.with_account(live_server, "mona@example.com", "three brown horses", name="Mona", role="manager")
    before, waits = memory(live_server), []

    with ThreadPoolExecutor(2) as senders:
        jobs = [
            senders.submit(send_all, live_server, "/staff/products/1/pictures", "Add it", PICTURES),
            senders.submit(send_all, live_server, "/staff/deliveries/new", "Look at it", DELIVERIES),
        ]
        while not all(job.done() for job in jobs):
            began = time.monotonic()
            LiveBrowser(live_server.url).get("/")
            waits.append(time.monotonic() - began)
            time.sleep(0.05)

    assert [wrong for job in jobs for wrong in job.result()] == []
    assert max(waits) < SLOWEST_SECONDS, sorted(waits)[-5:]
    assert memory(live_server) - before < MOST_MORE_MEGABYTES


def send_all(server: LiveServer, path: str, button: str, files: tuple[tuple[bytes, int, str], ...]) -> list[str]:
    """Send each file by this page's form; answers what came otherwise than it should."""
    page, wrong = LiveBrowser(server.url).get(f"/account/login?next={path}"), []
    page.submit("Log in", {"email": "mona@example.com", "password": "three brown horses"}, form="/account/login")
    for number, (content, status, sentence) in enumerate(files):
        page.get(path)
        fields = {name: values[0] for name, values in page.form_data(button).items() if name != "file"}
        body, headers = upload(fields | {"alt": "A bag", "name": f"Delivery {number}"}, content)
        answer = page.session.post(server.url + path, body, headers=headers, timeout=60)
        told = re.sub(r"\s+", " ", answer.text)
        if answer.status_code != status or sentence not in told:
            wrong.append(f"{path} {number}: {answer.status_code} without “{sentence}”")
    return wrong


def memory(server: LiveServer) -> int:
    """Megabytes that the greediest process of this server ever had."""
    assert server.process is not None
    group = [path for path in Path("/proc").glob("[0-9]*/status") if is_of(path, server.process.pid)]
    peaks = [re.search(r"VmHWM:\s+(\d+) kB", path.read_text()) for path in group]
    return max(int(peak[1]) // 1024 for peak in peaks if peak)


def is_of(status: Path, leader: int) -> bool:
    """Whether a process belongs to the server's group."""
    try:
        return int(status.with_name("stat").read_text().rpartition(")")[2].split()[2]) == leader
    except (OSError, ValueError):
        return False
