# SPDX-License-Identifier: MIT
"""Vectors of threats.md 2.1 (SMG), 2.3 (TLS): each a clear error, nothing smuggled."""
import re
import socket
import ssl
import time

import pytest

from .dialogue import Dialogue, message, subject_of, unverified

INNER = (b"MAIL FROM:<smuggled@x.org>\r\nRCPT TO:<v@x.org>\r\nDATA\r\nSubject: inner\r\n\r\nx\r\n"
         b".\r\n")
# Bytes that some server takes for the end of data, and which are not.
NOT_THE_END = {
    "SMG-01": b"\n.\n", "SMG-02": b"\n.\r\n", "SMG-03": b"\r\n.\n", "SMG-04": b"\r.\r",
    "SMG-05": b"\r.\n", "SMG-06": b"\n.\r", "SMG-07": b"\r.\r\n", "SMG-08": b"\r\n.\r",
    "SMG-09": b"\r\n.\r\r\n", "SMG-10a": b"\r\r\n.\r\r\n", "SMG-13a": b"\r\n.\t\r\n",
    "SMG-13b": b"\r\n. \r\n", "SMG-14": b"\r\n..\r\n", "SMG-15a": b"\x0b.\x0b",
    "SMG-15b": b"\x0c.\x0c", "SMG-15c": b"\x85.\x85", "SMG-15d": b"\xe2\x80\xa8.\xe2\x80\xa8",
    "SMG-16a": b"\r\n\xef\xbb\xbf.\r\n", "SMG-16b": b"\r\n\xff.\r\n",
}
WITH_NUL = {"SMG-11": b"\r\n\x00.\r\n", "SMG-12": b"\r\n.\x00\r\n"}
# What must arrive where there is only one reading of it.
EXACT = {"SMG-01": b"\r\n.\r\n", "SMG-02": b"\r\n.\r\n", "SMG-14": b"\r\n.\r\n",
         "SMG-04": b" . ", "SMG-07": b" .\r\n", "SMG-15a": b"\x0b.\x0b", "SMG-16b": b"\r\n\xff.\r\n"}


@pytest.fixture(params=["segment", "octets"])
def single(request):
    return request.param == "octets"


def start(talk):
    talk.hello()
    talk.envelope()
    talk.expect(354, "DATA")


def outer(name):
    return b"From: scan@printer.local\r\nSubject: outer-" + name.encode() + b"\r\n\r\nbody"


def test_smuggling(relay, sandbox, single):
    one, accepted = relay(), 0
    for name, eod in NOT_THE_END.items():
        with Dialogue(one.port, single=single) as talk:
            start(talk)
            talk.send(outer(name) + eod + INNER)
            code = talk.reply()[:3]
            assert code in ("250", "554", "550"), name
            accepted += code == "250"
            talk.expect(250, "NOOP")            # in sync: no reply to an inner command
            talk.expect(503, "RCPT TO:<v@x.org>")
            talk.expect(221, "QUIT")
    sandbox.wait(messages=accepted)
    one.wait_empty(accepted)
    records = {subject_of(record)[6:]: record for record in sandbox.messages()}
    assert set(records) <= set(NOT_THE_END) and len(sandbox.messages()) == accepted
    for name, record in records.items():
        assert record["rcpts"] == ["b@fabrikam.com"]
        body = sandbox.eml(record["n"]).partition(b"\r\n\r\n")[2]
        assert b"smuggled@x.org" in body, name
        if name in EXACT:
            assert body == b"body" + EXACT[name] + INNER[:-3], name


def test_smuggling_cut_at_every_octet(relay, sandbox):
    """SMG-17: the same in two writes."""
    one, accepted = relay(), 0
    vectors = [(name, eod, cut) for name, eod in list(NOT_THE_END.items())[:9]
               for cut in range(1, len(eod))]
    for name, eod, cut in vectors:
        with Dialogue(one.port) as talk:
            start(talk)
            talk.send(outer(name) + eod[:cut])
            with Dialogue(one.port) as other:       # a whole turn of the loop lies between
                other.expect(250, "NOOP")
            talk.send(eod[cut:] + INNER)
            code = talk.reply()[:3]
            assert code in ("250", "554", "550"), (name, cut)
            accepted += code == "250"
            talk.expect(221, "QUIT")
    sandbox.wait(messages=accepted)
    assert all(subject_of(record).startswith("outer-") for record in sandbox.messages())
    one.wait_empty(accepted)
    assert len(sandbox.messages()) == accepted


def test_nul_in_data_is_refused(relay, sandbox, single):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        start(talk)
        for name, eod in WITH_NUL.items():
            talk.send(outer(name) + eod + INNER)
            assert talk.reply()[0] == "5", name
            talk.expect(503, "RCPT TO:<v@x.org>")
            talk.envelope()
            talk.expect(354, "DATA")
        talk.send(outer("clean") + b"\r\n.\r\n")
        talk.expect(250)
    sandbox.wait(messages=1)
    assert [subject_of(r) for r in sandbox.messages()] == ["outer-clean"]


def test_genuine_end_of_data(relay, sandbox, single):
    """SMG-10b, 20, 22: data ends, and what stands behind it is commands, answered in order."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        start(talk)
        talk.send(outer("10b") + b"\r\r\n.\r\n" + INNER)
        assert [talk.reply()[:3] for _ in range(5)] == ["250", "250", "250", "354", "250"]
        talk.envelope()
        talk.expect(354, "DATA")
        talk.send(b".\r\n")
        empty = talk.reply()[:3]
        assert empty in ("250", "554")
        talk.expect(250, "NOOP")
    sandbox.wait(messages=3 if empty == "250" else 2)
    records = {subject_of(r): r for r in sandbox.messages() if any(
        name == "Subject" for name, _ in r["headers"])}
    assert sandbox.eml(records["outer-10b"]["n"]).endswith(b"\r\n\r\nbody \r\n")
    assert records["inner"]["rcpts"] == ["v@x.org"]


def test_dot_at_a_buffer_boundary(relay, sandbox):
    """SMG-18, 19: a long line neither hides nor invents the start of a line."""
    one = relay()
    bodies = {}
    with Dialogue(one.port) as talk:
        talk.hello()
        for size in (998, 1000, 1022, 1023, 1024, 4094, 4095, 4096, 8190, 8192, 16384, 65534, 65535,
                     65536, 65537):
            for tail in (b"\r\n", b".\r\nafter\r\n", b"\r\n..\r\n"):
                name = f"{size}-{len(tail)}"
                bodies[name] = b"a" * size + tail
                talk.envelope()
                talk.expect(354, "DATA")
                head = b"From: s@p.local\r\nSubject: " + name.encode() + b"\r\n\r\n"
                talk.send(head + bodies[name].replace(b"\r\n..", b"\r\n...") + b".\r\n")
                talk.expect(250)
    sandbox.wait(messages=len(bodies), timeout=60)
    for record in sandbox.messages():
        body = sandbox.eml(record["n"]).partition(b"\r\n\r\n")[2]
        assert body == bodies[subject_of(record)], subject_of(record)


def test_pure_lf_session(relay, sandbox):
    """SMG-23: commands may end in LF; data may not."""
    one = relay({"limits": {"data_timeout": "500ms"}})
    with Dialogue(one.port) as talk:
        for line in (b"EHLO p\n", b"MAIL FROM:<a@b.c>\n", b"RCPT TO:<b@x.org>\n"):
            talk.send(line)
            talk.expect(250)
        talk.send(b"DATA\n")
        talk.expect(354)
        talk.send(b"Subject: lf\n\nbody\n.\nQUIT\n")
        assert talk.rest()[:4] in (b"", b"421 ")
    assert one.spool_files() == [] and sandbox.messages() == []


# --- TLS ----------------------------------------------------------------------------------
@pytest.mark.parametrize("behind", [b"NOOP\r\n", b"EHLO x\r\n", b"MAIL FROM:<a@b.c>\r\n",
                                    b"AUTH PLAIN AGEAYg==\r\n", b"NOO"])  # codespell:ignore
def test_starttls_injection(relay, behind):
    """TLS-01: what came in clear behind STARTTLS is never answered inside TLS."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.send(b"STARTTLS\r\n" + behind)
        reply = talk.reply()
        if not reply.startswith("220"):
            assert reply[:3] in ("501", "503", "554", "421")
            return
        try:
            talk.socket = unverified().wrap_socket(talk.socket)
            talk.send(b"EHLO inside\r\n")
            first = talk.reply()
        except (OSError, EOFError):
            return                                      # closed at once: also right
        assert first.startswith("250") and "\n" in first
        talk.expect(503, "RCPT TO:<b@x.org>")
        talk.expect(221, "QUIT")


def test_starttls_out_of_place(relay):
    """TLS-02."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(501, "STARTTLS now")
        talk.envelope()
        answer = talk.ask("STARTTLS")
        if answer.startswith("220"):
            talk.socket = unverified().wrap_socket(talk.socket)
        else:
            assert answer.startswith("503")
            talk.expect(250, "RSET")
            talk.starttls()
        # Nothing of the session before is left (RFC 3207 4.2).
        talk.expect(503, "RCPT TO:<b@x.org>")
        talk.expect(503, "MAIL FROM:<a@b.c>")
        talk.hello()
        talk.expect(503, "STARTTLS")
        talk.envelope()


def cut_tls(talk, data):
    """Sends data, then close_notify; returns the bare socket."""
    talk.send(data)
    talk.socket.settimeout(0.3)
    try:
        return talk.socket.unwrap()
    except (OSError, ssl.SSLError):
        return socket.socket(fileno=talk.socket.detach())


@pytest.mark.parametrize("data", [
    b"MAIL FROM:<a@b.c>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n", b"MAIL FROM:<a@b.c>\r\nRCPT TO:<b",
    b"EHLO x\r\n"])
def test_close_notify_then_clear_text(relay, sandbox, data):
    """TLS-04, 05: after close_notify there is nothing more to say in this connection."""
    one = relay()
    talk = Dialogue(one.port)
    talk.hello()
    talk.starttls()
    talk.hello()
    bare = cut_tls(talk, data + (b"Subject: x\r\n\r\nhalf" if b"DATA" in data else b""))
    bare.settimeout(5)
    try:
        bare.sendall(b"@x.org>\r\n.\r\nEHLO clear\r\nNOOP\r\n")
        answer = bare.recv(4096)
    except OSError:
        answer = b""
    bare.close()
    assert b"250" not in answer
    one.wait_event("disconnect")
    assert one.spool_files() == [] and sandbox.messages() == []


def test_handshake_garbage(relay):
    """TLS-06."""
    one = relay()
    waiting = Dialogue(one.port)        # half a ClientHello: disturbs nobody while it waits
    waiting.hello()
    waiting.expect(220, "STARTTLS")
    waiting.socket.sendall(b"\x16\x03\x01\x02\x00\x01")
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", b"\x16" + b"\xff" * 600):
        with Dialogue(one.port) as talk:
            talk.hello()
            talk.expect(220, "STARTTLS")
            talk.socket.sendall(noise)
            talk.rest()
    with Dialogue(one.port) as talk:
        talk.hello()
    waiting.close()
    one.wait_event("refused", count=4, reply=lambda text: "TLS handshake" in text)
