# SPDX-License-Identifier: MIT
"""Sender rights, limits, faults, the control port, and the parts that need no socket."""
import ssl

import pytest

from sandbox import client, smtp_body
from sandbox.raw import MESSAGE, Raw, token


# --- the sender, limits -------------------------------------------------------------------
@pytest.mark.parametrize("header, code", [
    (b"From: scan@printer.local\r\n", b"554 5.2.252 SendAsDenied; scanner@contoso.com not allowed"),
    (b"From: a@b.c, scanner@contoso.com\r\n", b"550 5.1.20"),
    (b"From: scanner@contoso.com\r\nFrom: scanner@contoso.com\r\n", b"550 5.1.20"),
    (b"Subject: none\r\n", b"550 5.7.512"), (b"From: Scanner\r\n", b"550 5.7.512"),
    (b"From: \"Scan, ner\"\r\n <scanner@contoso.com>\r\n", b"250 2.0.0"),
    (b"From: invoices@contoso.com\r\n", b"250 2.0.0")])
def test_header_from(box, header, code):
    with Raw(box).login() as raw:
        raw.envelope(size=1000)
        assert raw.data(header + b"\r\nx\r\n").startswith(code)
    assert box.violations() == []


def test_fourth_connection(box):
    sessions = [Raw(box).login() for _ in range(4)]
    answers = []
    for raw in sessions:
        raw.envelope()
        answers.append(raw.data())
    assert [answer[:3] for answer in answers] == [b"250", b"250", b"250", b"432"]
    assert b"4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/" in answers[3]
    sessions[0].send(b"QUIT\r\n")
    box.wait(closed=3)
    sessions[3].envelope()
    assert sessions[3].data().startswith(b"250")
    assert box.limits()["most_open"]["scanner@contoso.com"] == 4
    for raw in sessions:
        raw.socket.close()


def test_rate_size_recipients_daily(box):
    box.set(per_minute=2, message_size=len(MESSAGE) + 100, recipients=3, recipients_per_day=3)
    with Raw(box).login() as raw:
        raw.envelope(rcpts=[b"a@x.org"] * 3)
        assert raw.ask(b"RCPT TO:<d@x.org>\r\n").startswith(b"452 4.5.3")
        assert raw.data().startswith(b"250")
        raw.envelope(size=9000)
        assert raw.data(MESSAGE + b"x" * 200 + b"\r\n").startswith(b"554 5.2.3")
        raw.envelope()
        assert raw.data().startswith(b"554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuota")
        box.set(recipients_per_day=10)
        raw.envelope()
        assert raw.data().startswith(b"250")
        assert raw.ask(b"MAIL FROM:<scanner@contoso.com>\r\n").startswith(b"421 4.4.2")
        assert raw.ended()
    assert box.violations() == []


def test_hve(box):
    with Raw(box) as raw:
        raw.tls()
        box.set(token_lifetime=300)
        soon = token(box)
        box.set(token_lifetime=3599)
        assert raw.xoauth2(soon, "hve@contoso.com").startswith(b"501 5.5.127")
        assert raw.xoauth2(token(box), "hve@contoso.com").startswith(b"235")
        assert raw.ask(b"MAIL FROM:<scanner@contoso.com>\r\n").startswith(b"550 5.7.62")
        assert raw.ask(b"MAIL FROM:<hve@contoso.com> SIZE=900\r\n").startswith(b"250")
        assert raw.ask(b"RCPT TO:<b@fabrikam.com>\r\n").startswith(b"550 5.5.105")
        for number in range(50):
            assert raw.ask(b"RCPT TO:<u%d@contoso.com>\r\n" % number).startswith(b"250")
        assert raw.ask(b"RCPT TO:<u51@contoso.com>\r\n").startswith(b"452 4.5.3")
        assert raw.data().startswith(b"550 5.6.241")


# --- faults -------------------------------------------------------------------------------
def test_reply_fault_counts_and_matches(box):
    box.fault("rcpt", "reply", text="450 4.2.1 Busy", match={"rcpt": "b@x.org"}, count=2)
    with Raw(box).login() as raw:
        for expected in (b"450", b"450", b"250"):
            raw.envelope(rcpts=[b"a@x.org"])
            assert raw.ask(b"RCPT TO:<b@x.org>\r\n")[:3] == expected
            raw.ask(b"RSET\r\n")
    assert box.faults()[0]["hits"] == 2 and box.violations() == []


@pytest.mark.parametrize("when, stored, answered", [
    ("before", 0, None), ("unanswered", 1, False), ("after", 1, True)])
def test_drop_at_the_final_dot(box, when, stored, answered):
    box.fault("eod", "drop", when=when)
    with Raw(box).login() as raw:
        raw.envelope()
        if when == "after":
            assert raw.data().startswith(b"250")
        else:
            with pytest.raises((EOFError, ConnectionError, ssl.SSLError)):
                raw.data()
        assert raw.ended()
    assert len(box.messages()) == stored
    assert not stored or box.messages()[0]["answered"] is answered


def test_drop_in_the_middle_and_stall(box):
    box.fault("data-body", "drop", bytes=50000, how="rst")
    with Raw(box).login() as raw:
        raw.envelope(size=10_000_000)
        with pytest.raises((OSError, EOFError)):
            raw.data(MESSAGE + b"x" * 70 + b"\r\n" + (b"y" * 76 + b"\r\n") * 100_000)
    assert box.messages() == []
    box.fault("eod", "stall")
    with Raw(box).login() as raw:
        raw.envelope()
        raw.send(b"DATA\r\n")
        raw.reply()
        raw.send(MESSAGE.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        box.wait(stalled=1)
        assert box.messages() == []
        box.release()
        assert raw.reply().startswith(b"250")


def test_lies(box):
    with Raw(box).login() as raw:
        box.fault("noop", "raw", text="25\r\n")
        assert raw.ask(b"NOOP\r\n") == b"25\r\n"
        box.fault("noop", "nul")
        assert b"\0" in raw.ask(b"NOOP\r\n")
        box.fault("noop", "long-line", bytes=16384)
        assert len(raw.ask(b"NOOP\r\n")) == 16384
        box.fault("noop", "drip", delay=0.001)
        assert raw.ask(b"NOOP\r\n") == b"250 2.0.0 OK\r\n"
        box.fault("data", "early-250")
        raw.envelope()
        raw.send(b"DATA\r\n")
        assert raw.line()[:3] == b"354" and raw.line()[:3] == b"250"
        assert raw.ask(MESSAGE.replace(b"\r\n.", b"\r\n..") + b".\r\n")[:3] == b"250"
        box.fault("noop", "endless")
        raw.send(b"NOOP\r\n")
        assert all(raw.line()[:4] == b"250-" for _ in range(10000))
    assert box.violations() == []


def test_starttls_faults(box):
    box.fault("ehlo", "omit", keywords=["STARTTLS", "SIZE"])
    with Raw(box) as raw:
        assert b"STARTTLS" not in raw.ask(b"EHLO a.b\r\n")
        box.fault("starttls", "inject")
        raw.send(b"STARTTLS\r\n")
        assert raw.line()[:3] == b"220" and raw.line() == b"250-injected\r\n"
    for variant in ("expired", "wrong-name", "self-signed", "unknown-ca", "not-yet-valid",
                    "name-in-cn-only"):
        box.set(smtp_certificate=variant)
        with Raw(box) as raw, pytest.raises(ssl.SSLCertVerificationError):
            raw.tls()
    box.set(smtp_certificate="good", smtp_tls_max="1.1")
    with Raw(box) as raw, pytest.raises(ssl.SSLError):
        raw.tls()
    box.wait(closed=0)
    assert box.violations() == []


def test_off_and_on(box):
    with Raw(box).login() as raw:
        box.off()
        assert raw.ended()
        with pytest.raises(ConnectionRefusedError):
            Raw(box)
        box.on()
    with Raw(box) as raw:
        raw.tls()


def test_control_refuses_nonsense(box):
    for arguments in (("nowhere", "reply"), ("mail", "nothing"), ("mail", "challenge")):
        with pytest.raises(client.SandboxError):
            box.fault(*arguments)
    with pytest.raises(client.SandboxError):
        box.fault("mail", "reply", colour="red")
    with pytest.raises(client.SandboxError):
        box.set(colour="red")
    with pytest.raises(client.SandboxError):
        box.wait(messages=1, timeout=0.05)


# --- pure parts ---------------------------------------------------------------------------
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64])
def test_dot_reader_any_cut(size):
    body = b".first\r\n..\r\n.\r.\r\n\r\n.\n.\r\nlast\r\r\n"
    wire = (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\nQUIT\r\n"
    reader, out, rest = smtp_body.DotReader(), b"", None
    for at in range(0, len(wire), size):
        piece, rest = reader.feed(wire[at:at + size])
        out += piece
        if rest is not None:
            rest += wire[at + size:]
            break
    assert out == body and rest == b"QUIT\r\n" and not reader.stray_dot


def test_dot_reader_empty_and_long():
    assert smtp_body.DotReader().feed(b".\r\n") == (b"", b"")
    reader = smtp_body.DotReader()
    out, rest = b"", None
    for piece in (b"x" * 200_000, b"\r", b"\n.", b".y\r\n.\r\n"):
        got, rest = reader.feed(piece)
        out += got
    assert out == b"x" * 200_000 + b"\r\n.y\r\n" and rest == b""


@pytest.mark.parametrize("pieces, found", [
    ([b"a\r", b"\nb\r\n"], set()), ([b"a\r", b"b\r\n"], {"bare-cr"}), ([b"a\r"], {"bare-cr"}),
    ([b"a", b"\nb"], {"bare-lf"}), ([b"\0"], {"nul"}), ([b"\r", b"\r", b"\n"], {"bare-cr"})])
def test_lint_any_cut(pieces, found):
    lint = smtp_body.Lint()
    for piece in pieces:
        lint.feed(piece)
    lint.end()
    assert lint.found == found


def test_ends_with_its_standard_input():
    sandbox = client.Sandbox().start()
    process = sandbox._process
    sandbox.stop()
    assert process.returncode == 0
