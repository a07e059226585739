# SPDX-License-Identifier: MIT
"""threats.md 2.4, LEX: lexical and framing abuse. Each a clear error, and the dialogue in sync."""
import pytest

from ..dialogue import Dialogue, message, print_page
from .vector import each

NO_COMMAND = ("500", "501", "502")
VERBS = ("EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY",
         "HELP", "QUIT")


@pytest.fixture
def patient(relay):
    """A relay that does not count errors."""
    return relay({"limits": {"errors": 1000}})


@pytest.mark.parametrize("length", [510, 511, 512, 513, 998, 1000, 2048, 2049, 4096, 12288, 65535,
                                    65537, 100_000])
def test_lex_01_long_line(relay, single, length):
    """One 500 for a line that is too long, after its end; its tail is no command."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.send((b"NOOP " + b"RSET  " * (length // 6 + 1))[:length] + b"\r\n")
        reply = talk.reply()
        if length <= 2048:
            assert reply.startswith("250")
        elif length < 65536:
            assert reply.startswith("500 5.5.2")
        elif not reply.startswith("500 5.5.2"):
            assert reply.startswith("421 4.5.2")        # closing is right for what is far too long
            return
        talk.expect(250, "NOOP")


@each({"LEX-01-auth-12288": 12288, "LEX-01-auth-12289": 12289}, "name, length")
def test_lex_01_auth(relay, single, name, length):
    """The one command that may be long (RFC 4954 section 4)."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.expect("500 5.5.2" if length > 12288 else "501 5.5.2",
                    "AUTH PLAIN " + "!" * (length - 11))
        talk.expect(250, "NOOP")


def test_lex_02_endless_line(relay, single):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        try:
            talk.send(b"x" * (64 * 1024 + 1))
        except ConnectionError:
            pass
        assert talk.reply().startswith("421 4.5.2")
    with Dialogue(one.port) as other:
        other.hello()
    one.wait_event("disconnect", reason="line without end")


@each({"LEX-03": [b"NOOP\0", b"\0\0", b"EHLO a\0b", b"MAIL FROM:<a\0@b.c>",
                  b"MAIL FROM:<a@b.c>\0"],
       "LEX-06": [b"\xff\xf4NOOP", b"\xef\xbb\xbfNOOP", b"\xff\xfb\x01"],
       "LEX-08-control": [b"EHLO a\x01b", b"EHLO a\x1b[31m", b"EHLO \x7f", b"HELO \x08"]}, "name, lines")
def test_lex_refused(patient, single, name, lines):
    """LEX-03, 06, 08: never cut at the NUL, never taken for what stands behind the noise."""
    with Dialogue(patient.port, single=single) as talk:
        talk.hello()
        for line in lines:
            talk.send(line + b"\r\n")
            assert talk.reply()[:3] in NO_COMMAND, line
        talk.expect(503, "RCPT TO:<a@b.c>")             # and no MAIL has worked
        talk.expect(250, "NOOP")


def answers(talk, lines):
    talk.send(b"".join(line + b"\r\n" for line in lines))
    return zip(lines, [talk.reply()[:3] for _ in lines])


def test_lex_04_every_octet(relay, single):
    """Alone, and at every position of every verb."""
    one = relay({"limits": {"errors": 1000}})
    octets = [bytes([octet]) for octet in range(256) if octet not in b"\r\n"]
    with Dialogue(one.port, single=single) as talk:
        for line, code in answers(talk, octets):
            assert code in NO_COMMAND, line
    for verb in VERBS:
        word = verb.encode()
        for at in range(len(word) + 1):
            odd = [word[:at] + octet + word[at:] for octet in octets]
            # A blank before or behind is forgiven.
            odd = [line for line in odd if line.strip(b" \t") != word]
            with Dialogue(one.port, single=single) as talk:
                for line, code in answers(talk, odd):
                    assert code in NO_COMMAND, line
    print_page(one.port)


@pytest.mark.parametrize("line", [b"ehlo p", b"eHlO p", b"EHLO\tp", b"  EHLO p", b"\tEHLO p",
                                  b"EHLO p  ", b"EHLO p \t", b"EHLO   p", b"helo p"],
                         ids=lambda line: f"LEX-05-{line!r}")
def test_lex_05_case_and_blanks(relay, single, line):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.send(line + b"\r\n")
        talk.expect(250)
        for noop in (b"noop \r\n", b"NoOp\t\r\n", b" NOOP\r\n", b"NOOP\n"):
            talk.send(noop)
            talk.expect(250)
        talk.envelope()


def test_lex_05_empty_lines_are_counted(relay, single):
    one = relay({"limits": {"errors": 10}})
    with Dialogue(one.port, single=single) as talk:
        try:
            talk.send(b"\r\n" * 1000)
        except ConnectionError:
            pass
        given = talk.rest().split(b"\r\n")[:-1]
    assert [line[:3] for line in given] == [b"500"] * 10 + [b"421"], given


@each({"LEX-07-cr": (b"NOOP\rNOOP\r\n", ["500"]), "LEX-07-crcrlf": (b"NOOP\r\r\n", ["500"]),
       "LEX-07-lfcr": (b"NOOP\n\rNOOP\r\n", ["250", "500"]),
       "LEX-07-lf": (b"NOOP\nNOOP\r\n", ["250", "250"])})
def test_lex_07_line_ends(relay, single, name, vector):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        octets, codes = vector
        talk.send(octets)
        assert [talk.reply()[:3] for _ in codes] == codes
        talk.expect(221, "QUIT")
        assert talk.rest() == b""


NAMES = {
    "LEX-08-run": b"${run{/bin/id}}", "LEX-08-format": b"%s%s%n", "LEX-08-tag": b"<script>",
    "LEX-08-blanks": b"a b c", "LEX-08-tab": b"a\tb", "LEX-08-literal": b"[IPv6:::1]",
    "LEX-08-no-literal": b"[]", "LEX-08-underscore": b"under_score", "LEX-08-dot": b"printer.",
    "LEX-08-8-bit": b"\xff", "LEX-08-utf-8": "dr\u00fccker".encode(), "LEX-08-1000": b"x" * 1000,
    "LEX-08-20000": b"x" * 20000, "LEX-08-empty": b""}


@each(NAMES)
@pytest.mark.parametrize("verb", [b"EHLO ", b"HELO "])
def test_lex_08_names(relay, sandbox, single, verb, name, vector):
    """Printers call themselves anything. It does not reach Exchange's EHLO, nor spoil a header."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.send(verb + vector + b"\r\n")
        reply = talk.reply()
        if len(vector) in (0, 20000):
            assert reply.startswith("50"), reply
            talk.hello()
        else:
            assert reply.startswith("250"), reply
        talk.envelope()
        assert talk.data(message("odd")).startswith("250")
    sandbox.wait(messages=1)
    [record] = sandbox.messages()
    assert record["helo"] == "relay.contoso.com"
    assert record["headers"][0][0].lower() == "received"
    head = sandbox.eml(record["n"]).partition(b"\r\n\r\n")[0]
    assert all(0x20 <= octet < 0x7f or octet in b"\r\n\t" for octet in head), head


def test_lex_09_an_octet_each_turn(relay, sandbox):
    """A whole session in one-byte segments with a turn of the relay's loop between any two."""
    one = relay()
    session = (b"EHLO p\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@fabrikam.com>\r\nDATA\r\n" +
               message("slow") + b".\r\nQUIT\r\n")
    with Dialogue(one.port) as talk, Dialogue(one.port) as other:
        for at in range(len(session)):
            talk.send(session[at:at + 1])
            other.expect(250, "NOOP")
        assert [talk.reply()[:3] for _ in range(6)] == ["250", "250", "250", "354", "250", "221"]
    sandbox.wait(messages=1)


def test_lex_10_unknown_commands(relay, single):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        try:
            talk.send(b"BOGUS\r\n" * 10000)
        except ConnectionError:
            pass
        lines = talk.rest().split(b"\r\n")[:-1]
    assert [line[:3] for line in lines] == [b"500"] * 20 + [b"421"], lines


def test_lex_11_early_talker(relay, sandbox, single):
    one = relay()
    with Dialogue(one.port, greet=False, single=single) as talk:
        talk.send(b"EHLO early\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n")
        assert [talk.reply()[:3] for _ in range(5)] == ["220", "250", "250", "250", "354"]
        talk.send(message("early") + b".\r\n")
        talk.expect(250)
    sandbox.wait(messages=1)


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "OPTIONS", "CONNECT", "HEAD"],
                         ids=lambda verb: "LEX-12-" + verb)
def test_lex_12_http(relay, single, verb):
    """A browser on another site cannot make us take mail."""
    one = relay()
    body = "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n\r\nx\r\n.\r\n"
    with Dialogue(one.port, single=single) as talk:
        try:
            talk.send(f"{verb} / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        except ConnectionError:
            pass
        assert talk.rest() == b""
    one.wait_event("disconnect")
    assert one.spool_files() == []
