# SPDX-License-Identifier: MIT
"""Vectors of threats.md 2.1 (SMG), 2.4 (LEX): each a clear error, nothing smuggled."""
import re
import socket
import time

import pytest

from .dialogue import Dialogue, message, subject_of

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


# --- LEX ----------------------------------------------------------------------------------
@pytest.mark.parametrize("length", [510, 511, 512, 513, 998, 1000, 2048, 2052, 4096, 12288, 65536,
                                    100_000])
def test_line_lengths(relay, length):
    """LEX-01: one 500 for a line that is too long, and its tail is no command."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        line = b"NOOP " + (b"RSET \x20" * length)[:length - 7]
        talk.send(line + b"\r\n")
        reply = talk.reply()
        if length <= 2048:
            assert reply.startswith("250")
        elif length < 65536:
            assert reply.startswith("500 5.5.2")
        elif not reply.startswith("500 5.5.2"):
            assert reply.startswith("421 4.5.2")        # closing is right for what is far too long
            return
        talk.expect(250, "NOOP")


def test_endless_line(relay):
    """LEX-02."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.send(b"x" * 65536 * 2)
        assert talk.reply().startswith("421 4.5.2")
        end = time.monotonic() + 10
        with pytest.raises((ConnectionError, socket.timeout)):      # soon nobody reads any more
            while time.monotonic() < end:
                talk.send(b"x" * 65536)
    with Dialogue(one.port) as talk:
        talk.hello()


def test_nul_and_control_characters(relay, single):
    """LEX-03, 05, 06, 07: refused, never cut at the NUL, and in sync."""
    one = relay({"limits": {"errors": 1000}})
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        for line in (b"NOOP\x00\r\n", b"\x00\x00\r\n", b"EHLO a\x00b\r\n",
                     b"MAIL FROM:<a\x00@b.c>\r\n", b"\xff\xf4NOOP\r\n", b"\xef\xbb\xbfNOOP\r\n",
                     b"EHLO a\x01b\r\n", b"EHLO a\x1b[31m\r\n", b"\r\n", b"   \r\n"):
            talk.send(line)
            assert talk.reply()[:3] in ("500", "501", "502"), line
        for line in (b"noop\r\n", b"NoOp  \r\n", b"NOOP\n"):
            talk.send(line)
            talk.expect(250)
        talk.expect(503, "RCPT TO:<a@b.c>")


def test_every_octet_as_a_command(relay):
    """LEX-04."""
    one = relay({"limits": {"errors": 2000}})
    with Dialogue(one.port) as talk:
        talk.hello()
        for octet in range(256):
            if octet in (10, 13):
                continue
            talk.send(bytes([octet]) + b"\r\n")
            assert talk.reply()[:3] in ("500", "501", "502"), octet
            talk.send(b"NO" + bytes([octet]) + b"OP\r\n")
            assert talk.reply()[:3] in ("500", "501", "502"), octet
        talk.expect(250, "NOOP")


@pytest.mark.parametrize("name, code", [
    ("${run{/bin/id}}", "250"), ("%s%s%n", "250"), ("<script>", "250"), ("[IPv6:::1]", "250"),
    ("[]", "250"), ("under_score", "250"), ("printer.", "250"), ("x" * 1000, "2|5"),
    ("a b c", "250|501"), ("", "250|501"), ("\x7f", "500|501"), ("a\tb", "250|501"), ("\xff", "5|2")])
def test_odd_names(relay, sandbox, name, code):
    """LEX-08: printers call themselves anything; it does not reach Exchange's EHLO."""
    one = relay()
    with Dialogue(one.port) as talk:
        reply = talk.ask(b"EHLO " + name.encode("latin-1") if name else b"EHLO")
        assert re.match(code, reply), reply
        if not reply.startswith("250"):
            talk.hello()
        talk.envelope()
        assert talk.data(message("odd")).startswith("250")
    sandbox.wait(messages=1)
    assert sandbox.messages()[0]["helo"] == "relay.contoso.com"
    assert sandbox.messages()[0]["headers"][0][0].lower() == "received"


def test_http_is_closed(relay):
    """LEX-12."""
    one = relay()
    for verb in ("GET / HTTP/1.1", "POST / HTTP/1.1", "CONNECT x:25 HTTP/1.1"):
        with Dialogue(one.port) as talk:
            talk.send(verb + "\r\nHost: x\r\n\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@x.org>\r\n")
            assert b"250" not in talk.rest()


def test_early_talker_stays_in_sync(relay, sandbox):
    """LEX-11."""
    one = relay()
    with Dialogue(one.port, greet=False) as talk:
        talk.send(b"EHLO early\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n")
        codes = [talk.reply()[:3] for _ in range(5)]
        if codes[0] == "220":
            assert codes == ["220", "250", "250", "250", "354"]
            assert talk.ask(message("early") + b".").startswith("250")
            sandbox.wait(messages=1)


def test_ten_thousand_unknown_commands(relay):
    """LEX-10."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        try:
            talk.send(b"BOGUS\r\n" * 10000)
        except ConnectionError:
            pass
        answers = talk.rest()
        assert answers.count(b"500 ") <= 25


def test_injection_into_the_log(relay):
    """What a peer says stays inside its quotes."""
    one = relay({"limits": {"errors": 1000}})
    with Dialogue(one.port) as talk:
        talk.send(b'EHLO a" msg=fake level\x1b[2J\\\r\n')
        talk.reply()
        talk.send(b'BOGUS" msg=fake\x1b]0;x\x07\r\n')
        talk.reply()
        talk.expect(221, "QUIT")
    one.wait_event("disconnect")
    assert "\x1b" not in one.text() and not one.events(msg="fake")
