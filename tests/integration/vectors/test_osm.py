# SPDX-License-Identifier: MIT
"""threats.md 2.2, OSM: whatever comes in, what goes out is one message; seen in the raw bytes."""
import re

import pytest

from ..dialogue import Dialogue, stuff, subject_of
from .test_smg import INNER, NOT_THE_END, OUTER
from .vector import each, start_data

# The-Login/SMTP-Smuggling-Tools, outbound_eod_sequences
SEQUENCES = [b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n.\r\r\n",
             b"\r\r\n.\r\r\n", b"\r\n\x00.\r\n"]
PAYLOADS = {name.replace("SMG", "OSM"): vector[0] for name, vector in NOT_THE_END.items()}
PAYLOADS.update({f"OSM-04-{number}": sequence for number, sequence in enumerate(SEQUENCES)
                 if b"\0" not in sequence})
PAYLOADS["OSM-01-genuine"] = b"\r\n.\r\n"
ENDS = {"OSM-02-none": b"", "OSM-02-dot": b".", "OSM-02-cr": b"\r", "OSM-02-lf": b"\n",
        "OSM-02-crlf-dot": b"\r\n.", "OSM-02-crlf": b"\r\n"}


@pytest.fixture
def tapped(sandbox, relay):
    sandbox.set(record_wire=True)
    return relay()


def contents(wire):
    """What stands between DATA and the end of data, read as a strict server does."""
    found, at = [], 0
    while True:
        at = wire.find(b"\r\nDATA\r\n", at)
        if at < 0:
            return found
        end = wire.index(b"\r\n.\r\n", at + 6)
        found.append(wire[at + 8:end + 2] if end >= at + 8 else b"")
        at = end + 3


def check_wire(sandbox, count):
    """OSM-01 and OSM-04 for all connections; returns the contents, dot-stuffing taken out."""
    found = []
    for conn in {record["conn"] for record in sandbox.messages()}:
        found += contents(sandbox.wire(conn))
    assert len(found) == count
    for raw in found:
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", raw)
        assert not re.search(rb"\r\n\.(?!\.)", b"\r\n" + raw)
        for sequence in SEQUENCES:
            assert sequence not in raw
    return [(b"\r\n" + raw).replace(b"\r\n..", b"\r\n.")[2:] for raw in found]


def bdat(talk, *chunks):
    for chunk in chunks[:-1]:
        talk.send(b"BDAT %d\r\n" % len(chunk) + chunk)
        talk.expect(250)
    talk.send(b"BDAT %d LAST\r\n" % len(chunks[-1]) + chunks[-1])
    talk.expect(250)


def canonical(content):
    """LF to CRLF, a lone CR to a space, an end."""
    content = re.sub(rb"(?<!\r)\n", b"\r\n", content)
    content = re.sub(rb"\r(?!\n)", b" ", content)
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


def one_message(one, sandbox, body):
    sandbox.wait(messages=1)
    one.wait_empty(1)
    assert [(subject_of(r), r["rcpts"]) for r in sandbox.messages()] == \
        [("outer", ["b@fabrikam.com"])]
    sent, = check_wire(sandbox, 1)
    assert sent == sandbox.eml(1)
    assert sent.partition(b"\r\n\r\n")[2] == body


@each(PAYLOADS)
def test_osm_01_data(tapped, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """Each payload as content of DATA, dots stuffed as they should be."""
    content = OUTER + vector + INNER[:-3]
    with Dialogue(tapped.port, single=single) as talk:
        start_data(talk)
        talk.send(stuff(content) + b".\r\n")
        talk.expect(250)
        talk.expect(221, "QUIT")
    one_message(tapped, sandbox, canonical(content).partition(b"\r\n\r\n")[2])


@each({**PAYLOADS, **ENDS})
def test_osm_02_bdat(tapped, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """Each payload as it is, by BDAT: what arrives is what was sent, but for its line ends."""
    content = OUTER + vector + (b"" if "OSM-02" in name else INNER)
    with Dialogue(tapped.port, single=single) as talk:
        talk.hello()
        talk.envelope()
        bdat(talk, content)
    one_message(tapped, sandbox, canonical(content).partition(b"\r\n\r\n")[2])


@each({"OSM-03-cr-lf": (b"\r", b"\n"), "OSM-03-lf-dot": (b"\r\n", b".\r\n"),
       "OSM-03-dot-cr": (b"\r\n.", b"\r\n"), "OSM-03-all": (b"\r", b"\n", b".", b"\r", b"\n")})
def test_osm_03_chunk_borders(tapped, sandbox, single, name, vector):  # pylint: disable=unused-argument
    chunks = [OUTER + vector[0], *vector[1:-1], vector[-1] + INNER]
    with Dialogue(tapped.port, single=single) as talk:
        talk.hello()
        talk.envelope()
        bdat(talk, *chunks)
    one_message(tapped, sandbox, canonical(b"".join(chunks)).partition(b"\r\n\r\n")[2])


@each({"OSM-05-cr": b"a\rX-Inj: 1", "OSM-05-lf": b"a\nX-Inj: 1", "OSM-05-nul": b"a\0X-Inj: 1",
       "OSM-05-crlf": b"a\r\n X-Inj: 1", "OSM-05-parenthesis": b"a)(\"\\=?utf-8?q?=0D=0A?="})
def test_osm_05_added_fields(tapped, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """A name at EHLO, a user and a sender with line ends: none gets into a field we add."""
    with Dialogue(tapped.port, single=single) as talk:
        talk.hello()
        for command in (b"EHLO " + vector, b"AUTH PLAIN =" + vector, b"MAIL FROM:<\"" + vector +
                        b"\"@x.org>"):
            talk.send(command + b"\r\n")
            for _ in range(1 + vector.count(b"\n")):
                talk.reply()
        talk.expect(250, "RSET")
        talk.envelope()
        assert talk.data(b"Subject: outer\r\n\r\nx\r\n").startswith("250")
    one_message(tapped, sandbox, b"x\r\n")
    assert not [1 for field, _ in sandbox.messages()[0]["headers"] if field == "X-Inj"]
