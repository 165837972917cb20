"""GET /history: what the file's slots come to, in which steps, and what is
refused.  The file is made here, as common/histfile.h describes it."""

import struct
import time

import pytest

BLOCK, RINGS, SLOTS, STEP = 4096, 4096, 17280, 5
OWNER, SLOT = struct.Struct("=33s7xQ"), struct.Struct("=IIIHH")
OWNERS = BLOCK
FIRST_RING = OWNERS + RINGS * OWNER.size
RING_SIZE = -(-SLOTS * SLOT.size // BLOCK) * BLOCK
RANGES = {300: (5, 60), 3600: (5, 720), 86400: (120, 720)}
KEYS = ["tunnel", "step", "start", "rtt_ms", "loss", "rx_bps", "tx_bps"]
NO_RTT = NO_LOSS = 0xffff
NO_RATE = 0xffffffff


class File:
    def __init__(self, path):
        self.path = path
        self.file = open(path, "w+b")

    def owner(self, ring, name):
        self.file.seek(OWNERS + ring * OWNER.size)
        self.file.write(OWNER.pack(name.encode(), 0))
        self.file.flush()

    def slot(self, ring, number, rx=NO_RATE, tx=NO_RATE, rtt=NO_RTT,
             loss=NO_LOSS):
        self.file.seek(FIRST_RING + ring * RING_SIZE +
                       number % SLOTS * SLOT.size)
        self.file.write(SLOT.pack(number, rx, tx, rtt, loss))
        self.file.flush()


@pytest.fixture
def file(tmp_path):
    file = File(tmp_path / "history")
    file.owner(0, "wg")
    file.owner(1, "he")
    yield file
    file.file.close()


def history(server, query):
    with server.client() as c:
        reply = c.get("/history" + query)
    assert reply.status == 200, reply.body
    document = reply.json()
    assert list(document) == KEYS
    return document


def values(document, when):
    """What the step has in which this Unix time is."""
    i, rest = divmod(when - document["start"], document["step"])
    assert 0 <= i < len(document["loss"])
    return [document[key][i] for key in KEYS[3:]]


def settled():
    """Now, with time enough left until the next slot."""
    while time.time() % STEP > STEP - 2:
        time.sleep(0.1)
    return int(time.time())


@pytest.mark.parametrize("range", RANGES)
def test_shape(start, file, range):
    server = start("-h", file.path)
    now = settled()
    document = history(server, "?tunnel=he&range=%d" % range)
    step, points = RANGES[range]
    assert (document["tunnel"], document["step"]) == ("he", step)
    assert document["start"] % step == 0
    assert 0 <= now - (document["start"] + step * points) < step
    for key in KEYS[3:]:
        assert document[key] == [None] * points
    with server.client() as c:
        reply = c.get("/history?range=%d" % range)
        assert reply.fields["Cache-Control"] == "no-store"
        assert len(reply.body) < 64 * 1024


def test_values(start, file):
    now = settled()
    number = now // STEP - 3
    file.slot(1, number, 1000, 20, 351, 250)
    file.slot(1, number - 1, loss=10000)
    file.slot(1, number - 2, 0, 0, 0, 0)
    file.slot(1, number - 3, 0xfffffffe, 0xfffffffe, 65534, 1)
    # another day's, and one that nobody can know yet
    file.slot(1, number - 4 - SLOTS, 1, 1, 1, 1)
    file.slot(1, number + 10, 1, 1, 1, 1)
    server = start("-h", file.path)
    document = history(server, "?tunnel=he")
    at = number * STEP
    assert values(document, at) == [35.1, 0.025, 8000, 160]
    assert values(document, at - 5) == [None, 1, None, None]
    assert values(document, at - 10) == [0, 0, 0, 0]
    assert values(document, at - 15) == [6553.4, 0.0001, 34359738352,
                                         34359738352]
    assert values(document, at - 20) == [None] * 4
    assert history(server, "?tunnel=wg")["loss"] == [None] * 60
    long = history(server, "?tunnel=he&range=3600")
    assert values(long, at) == values(document, at)


def test_means(start, file):
    """A step of a day is the mean of what is known of its 24 slots."""
    first = (int(time.time()) // 120 - 10) * 24
    for i in range(24):
        file.slot(1, first + i, rx=100 * i, rtt=10 * i)
    for i in range(12):
        file.slot(1, first + 24 + i, rx=40, loss=5000)
    server = start("-h", file.path)
    document = history(server, "?tunnel=he&range=86400")
    assert values(document, first * STEP) == [11.5, None, 9200, None]
    assert values(document, (first + 24) * STEP) == [None, 0.5, 320, None]


def test_default(start, file):
    """The active tunnel's last five minutes."""
    server = start("-h", file.path)
    document = history(server, "")
    assert document["tunnel"] == "he" and len(document["loss"]) == 60


@pytest.mark.parametrize("query,status,words", [
    ("range=301", 400, "300, 3600 or 86400"),
    ("range=", 400, "300, 3600 or 86400"),
    ("range=0300", 400, "300, 3600 or 86400"),
    ("tunnel=", 400, "a tunnel's name"),
    ("tunnel=a%2Fb", 400, "a tunnel's name"),
    ("tunnel=HE", 400, "a tunnel's name"),
    ("tunnel=" + "a" * 33, 400, "a tunnel's name"),
    ("tunnel=he&tunnel=he", 400, "twice"),
    ("name=he", 400, "tunnel, range"),
    ("tunnel=" + "a" * 32, 404, "there is: he, wg, ext"),
    ("tunnel=eh&range=300", 404, "no tunnel \"eh\"")])
def test_refused(start, file, query, status, words):
    with start("-h", file.path).client() as c:
        reply = c.get("/history?" + query)
        assert reply.status == status
        assert words in reply.json()["detail"]


def test_without_a_file(server):
    with server.client() as c:
        reply = c.get("/history?tunnel=he")
        assert reply.status == 503
        assert "the log says why" in reply.json()["detail"]
        assert c.get("/history?tunnel=eh").status == 404
