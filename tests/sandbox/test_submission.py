# SPDX-License-Identifier: MIT
"""The submission server: the good path, AUTH, and its eye for violations."""
import base64
import hashlib
import json
import re
import smtplib

import pytest

from sandbox.raw import MESSAGE, Raw, form, post, rules, token, trust


# --- the good path ------------------------------------------------------------------------
def test_transcript(box):
    with Raw(box, greet=False) as raw:
        assert re.fullmatch(rb"220 SY5P282CA0097\.outlook\.office365\.com Microsoft ESMTP MAIL "
                            rb"Service ready at \w{3}, \d\d? \w{3} \d{4} [\d:]{8} \+0000 "
                            rb"\[[0-9A-F]{16}\]\r\n", raw.reply())
        assert raw.ask(b"EHLO relay.contoso.com\r\n") == (
            b"250-SY5P282CA0097.outlook.office365.com Hello [127.0.0.1]\r\n250-SIZE 157286400\r\n"
            b"250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n"
            b"250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n")
        assert raw.ask(b"STARTTLS\r\n") == b"220 2.0.0 SMTP server ready\r\n"
        raw.socket = trust(box).wrap_socket(raw.socket, server_hostname="localhost")
        secured = raw.ask(b"EHLO relay.contoso.com\r\n")
        assert b"250-AUTH LOGIN XOAUTH2\r\n250-8BITMIME" in secured and b"STARTTLS" not in secured
        assert raw.xoauth2(token(box)) == b"235 2.7.0 Authentication successful\r\n"
        raw.envelope()
        assert re.fullmatch(rb"250 2\.0\.0 OK <1@printer> \[Hostname=[^\]]+\]\r\n", raw.data())
        assert raw.ask(b"QUIT\r\n") == b"221 2.0.0 Service closing transmission channel\r\n"
        assert raw.ended()
    [record] = box.messages()
    assert box.eml(1) == MESSAGE
    assert record["sha256"] == hashlib.sha256(MESSAGE).hexdigest()
    body = MESSAGE.partition(b"\r\n\r\n")[2]
    assert record["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert record["mail_from"] == record["mailbox"] == "scanner@contoso.com"
    assert record["rcpts"] == ["b@fabrikam.com"] and record["tls"].startswith("TLSv1.")
    assert ["Subject", "scan"] in record["headers"]
    assert box.violations() == []


def test_smtplib(box):
    """A client written by others gets through as well."""
    with smtplib.SMTP("localhost", box.smtp_port, local_hostname="relay.contoso.com") as client_:
        client_.starttls(context=trust(box))
        client_.ehlo()
        access = token(box)
        client_.auth("XOAUTH2", lambda _=None: f"user=scanner@contoso.com\x01auth=Bearer "
                     f"{access}\x01\x01", initial_response_ok=False)
        client_.sendmail("scanner@contoso.com", ["b@fabrikam.com", "c@fabrikam.com"], MESSAGE)
    box.wait(messages=1)
    assert box.messages()[0]["rcpts"] == ["b@fabrikam.com", "c@fabrikam.com"]
    assert box.eml(1) == MESSAGE


def test_bdat(box):
    with Raw(box).login() as raw:
        raw.envelope()
        assert raw.ask(b"BDAT 10\r\n" + MESSAGE[:10]).startswith(b"250 2.6.0 ")
        assert raw.ask(b"BDAT %d LAST\r\n" % (len(MESSAGE) - 10) + MESSAGE[10:]).startswith(
            b"250 2.0.0 OK")
        raw.envelope()
        assert raw.data().startswith(b"250 ")
    assert box.eml(1) == box.eml(2) == MESSAGE
    assert box.violations() == []


def test_pipelined_envelope(box):
    with Raw(box).login() as raw:
        raw.send(b"MAIL FROM:<scanner@contoso.com> SIZE=900\r\nRCPT TO:<a@x.org>\r\nRCPT "
                 b"TO:<b@x.org>\r\nDATA\r\n")
        assert [raw.reply()[:3] for _ in range(4)] == [b"250", b"250", b"250", b"354"]
        assert raw.ask(MESSAGE.replace(b"\r\n.", b"\r\n..") + b".\r\n").startswith(b"250")
    assert box.violations() == []


# --- AUTH ---------------------------------------------------------------------------------
def test_auth_refuses(box):
    with Raw(box) as raw:
        raw.tls()
        assert re.match(rb"535 5\.7\.3 Authentication unsuccessful \[[^\]]+\]\r\n",
                        raw.xoauth2("eyJ.eyJ.abc"))
        assert raw.xoauth2(token(box), "nobody@contoso.com").startswith(b"535 5.7.3 ")
        assert raw.xoauth2(token(box), "scanner@fabrikam.com").startswith(b"535 5.7.3 ")
        assert raw.line().startswith(b"421 ") and raw.ended()
    assert box.violations() == []


def test_auth_wrong_audience_role_time(box):
    graph = post(box, form(box, scope="https://graph.microsoft.com/.default"))[1]["access_token"]
    box.set(token_lifetime=-5)
    old = token(box)
    box.set(token_lifetime=3599, apps={box.client_id: {"roles": ["Mail.Send"]}})
    roleless = token(box)
    with Raw(box) as raw:
        raw.tls()
        for access in (graph, old, roleless):
            assert raw.xoauth2(access).startswith(b"535 5.7.3 ")
    why = [event["why"] for event in box.events("auth")]
    assert why == ["audience https://graph.microsoft.com", "expired",
                   "role SMTP.SendAsApp is missing"]


def test_auth_revoked_then_new(box):
    old = token(box)
    box.revoke()
    with Raw(box) as raw:
        raw.tls()
        assert raw.xoauth2(old).startswith(b"535 5.7.3")
        assert raw.xoauth2(token(box)).startswith(b"235")


def test_auth_lockout(box):
    box.set(lockout_after=2)
    with Raw(box) as raw:
        raw.tls()
        raw.xoauth2("a.b.c")
        raw.xoauth2("a.b.c")
        assert raw.xoauth2(token(box)).startswith(b"535 5.7.139 Authentication unsuccessful, acc")


@pytest.mark.parametrize("text, code", [
    ("user=a@b.c\x01auth=Bearer x\x01", b"501 5.5.122"),
    ("auth=Bearer x\x01user=a@b.c\x01\x01", b"501 5.5.122"),
    ("user=\x01auth=Bearer x\x01\x01", b"501 5.5.123"),
    ("user=a b@c\x01auth=Bearer x\x01\x01", b"501 5.5.124"),
    ("user=a@b.c\x01auth=x\x01\x01", b"501 5.5.125"),
    ("user=a@b.c\x01auth=Bearer x y\x01\x01", b"501 5.5.126"),
    ("user=a@b.c\x01auth=Bearer bad\x01\x01auth=Bearer good\x01\x01", b"501 5.5.122"),
])
def test_auth_form(box, text, code):
    with Raw(box) as raw:
        raw.tls()
        raw.ask(b"AUTH XOAUTH2\r\n")
        assert raw.ask(base64.b64encode(text.encode()) + b"\r\n").startswith(code)
    assert rules(box) == ["xoauth2-form"]


def test_auth_inline_only_if_short(box):
    with Raw(box) as raw:
        raw.tls()
        text = f"user=scanner@contoso.com\x01auth=Bearer {token(box)}\x01\x01".encode()
        assert raw.ask(b"AUTH XOAUTH2 " + base64.b64encode(text) + b"\r\n").startswith(b"500 5.5.2")
        short = base64.b64encode(b"user=scanner@contoso.com\x01auth=Bearer a.b.c\x01\x01")
        assert raw.ask(b"AUTH XOAUTH2 " + short + b"\r\n").startswith(b"535")
    assert rules(box) == ["line-length", "protocol"]


def test_auth_challenge(box):
    box.fault("auth-response", "challenge")
    with Raw(box) as raw:
        raw.tls()
        reply = raw.xoauth2(token(box))
        assert json.loads(base64.b64decode(reply[4:]))["status"] == "401"
        assert raw.ask(b"\r\n").startswith(b"535 5.7.3")
    assert box.violations() == []


# --- violations ---------------------------------------------------------------------------
def test_auth_and_mail_before_tls(box):
    with Raw(box) as raw:
        raw.ask(b"EHLO relay.contoso.com\r\n")
        assert raw.ask(b"AUTH XOAUTH2\r\n").startswith(b"504 5.7.4")
        assert raw.ask(b"MAIL FROM:<scanner@contoso.com>\r\n").startswith(b"451 5.7.3")
    assert {"auth-before-tls", "mail-before-tls"} <= set(rules(box))


def test_mail_before_auth(box):
    with Raw(box) as raw:
        raw.tls()
        assert raw.ask(b"MAIL FROM:<scanner@contoso.com>\r\n").startswith(b"530 5.7.57")
    assert rules(box) == ["mail-before-auth"]


def test_plaintext_behind_starttls(box):
    with Raw(box) as raw:
        raw.ask(b"EHLO relay.contoso.com\r\n")
        raw.send(b"STARTTLS\r\nNOOP\r\n")
        raw.reply()
        raw.socket = trust(box).wrap_socket(raw.socket, server_hostname="localhost")
        assert raw.ask(b"EHLO relay.contoso.com\r\n").startswith(b"250-")
    assert rules(box) == ["pipelined-after-starttls"]


@pytest.mark.parametrize("first, rule", [
    (b"NOOP\n", "bare-lf"), (b"NO\rOP\r\n", "bare-cr"), (b"NOOP\0\r\n", "nul"),
    (b"NOOP " + b"x" * 1000 + b"\r\n", "line-length"), (b"EHLO a.b\r\nNOOP\r\n",
                                                        "pipelined-after-ehlo"),
    (b"EHLO under_score\r\n", "protocol"), (b"EHLO a.b.\r\n", "protocol"),
    (b"EHLO\r\n", "protocol"), (b"WIZ\r\n", "protocol"), (b"HELO a.b\r\n", "helo")])
def test_bad_commands(box, first, rule):
    with Raw(box) as raw:
        raw.ask(first)
    assert rule in rules(box)


def test_early_talker_and_after_quit(box):
    box.fault("greeting", "stall")
    with Raw(box, greet=False) as raw:
        box.wait(stalled=1)
        raw.send(b"EHLO a.b\r\n")
        box.wait(received=10)
        box.release()
        assert raw.reply().startswith(b"220")
        raw.reply()
        raw.send(b"QUIT\r\nNOOP\r\n")
        raw.reply()
        assert raw.ended()
    assert {"early-talker", "pipelined-after-quit"} <= set(rules(box))


@pytest.mark.parametrize("stuffed, rule", [
    (b"a\nb\r\n.\r\n", "bare-lf"), (b"a\rb\r\n.\r\n", "bare-cr"), (b"a\0b\r\n.\r\n", "nul"),
    (b".a\r\n.\r\n", "dot-stuffing"), (b"b\r\n.\n\r\n.\r\n", "dot-stuffing"),
    (b"\xe4\r\n.\r\n", "8bit-undeclared"), (b"x" * 2000 + b"\r\n.\r\n", "size-declared")])
def test_bad_bodies(box, stuffed, rule):
    with Raw(box).login() as raw:
        raw.envelope(size=60)
        raw.data(stuffed=b"From: scanner@contoso.com\r\n\r\n" + stuffed)
    assert rule in rules(box)


def test_data_before_354(box):
    with Raw(box).login() as raw:
        raw.envelope()
        raw.send(b"DATA\r\n" + MESSAGE.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        raw.reply()
        raw.reply()
    assert rules(box) == ["pipelined-after-data"]


@pytest.mark.parametrize("argument, code", [
    (b"FROM: <scanner@contoso.com>", b"501 5.5.4"), (b"FROM:scanner@contoso.com", b"501 5.5.4"),
    (b"FROM:<scanner@contoso.com> FOO=1", b"501 5.5.4"),
    (b"FROM:<scanner@contoso.com> SIZE=1 SIZE=2", b"501 5.5.4"),
    (b"FROM:<scanner@contoso.com> SIZE=-1", b"501 5.5.4"),
    (b"FROM:<scanner@contoso.com> BODY=FOO", b"501 5.5.4"),
    (b"FROM:<scan ner@contoso.com>", b"501 5.1.7"), (b"FROM:<scanner>", b"501 5.1.7"),
    (b"FROM:<>", b"550 5.7.60"), (b"FROM:<scan@printer.local>", b"550 5.7.60"),
    (b"FROM:<scanner@contoso.com> SIZE=157286401", b"552 5.3.4")])
def test_mail_arguments(box, argument, code):
    with Raw(box).login() as raw:
        assert raw.ask(b"MAIL " + argument + b"\r\n").startswith(code)
