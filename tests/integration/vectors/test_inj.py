# SPDX-License-Identifier: MIT
"""threats.md 2.11, INJ: foreign text stays text, wherever it comes in and wherever it comes out."""
import base64
import json
import os

import pytest

from .. import logs
from ..dialogue import Dialogue, message, print_page

PAYLOADS = {
    "crlf": b"\r\nX-Inj: 1", "lf": b"\nX-Inj: 1", "percent": b"%0d%0aX-Inj: 1",
    "encoded-word": b"=?utf-8?q?=0D=0AX-Inj:_1?=", "title": b"\x1b]0;pwn\x07",
    "clear": b"\x1b[2J", "format": b"%s%s%n%n", "jndi": b"${jndi:ldap://127.0.0.1/a}",
    "script": b"<script>alert(1)</script>", "img": b"\"><img src=x onerror=1>",
    "bidi": "\u202e".encode(), "long": b"A" * 8192, "nul": b"\0",
    "log": b"\" event=fake x=\"\\", "csi": b"\x9b2J\xff"}
# One relay for both ways of sending: a test waits for its account to try again, once.
BOTH_WAYS = [(single, payload) for single in (False, True) for payload in PAYLOADS.values()]


def printable(octets, what):
    odd = [octet for octet in octets if not 0x20 <= octet < 0x7f and octet != 0x0a]
    assert odd == [], (what, octets)


def check_told(one):
    """The log, and all that the commands say of this relay: printable ASCII, lines and JSON whole."""
    for run in one.runs:
        for line in run.lines:
            assert logs.LINE.fullmatch(line), line
            assert not {"event", "x", "X-Inj"} & set(logs.parse(line)), line
    with open(one.log_path, "rb") as file:
        printable(file.read(), "log")
    for command in TOLD:
        done(one, *command)
        json.loads(done(one, *command, "--json"))


def check_shown(one):
    """`queue show` of some of what waits, in turn as text and as JSON."""
    for at, path in enumerate(sorted(one.spool_files())[::3]):
        number = os.path.basename(path)[:32]
        if at % 2:
            done(one, "queue", "show", number)
        else:
            assert json.loads(done(one, "queue", "show", number, "--json"))


TOLD = [("status",), ("queue", "list"), ("device", "list"), ("device", "transcript", "127.0.0.1")]


def done(one, *command):
    """The output of a command that succeeds, all of it printable."""
    result = one.cli(*command)
    assert (result.returncode, result.stderr) == (0, ""), (command, result)
    printable(result.stdout.encode("utf-8", "surrogateescape"), command)
    return result.stdout


def check_wire(sandbox, accepted):
    """One message for each that was accepted; no header and no command more."""
    sandbox.wait(messages=accepted)
    for record in sandbox.messages():
        names = [name.lower() for name, _ in record["headers"]]
        assert "x-inj" not in names and record["mail_from"] == "scanner@contoso.com"
        assert record["helo"] == "relay.contoso.com" and len(record["rcpts"]) == 1
    assert len(sandbox.messages()) == accepted
    assert not [event for event in sandbox.events("command") if "X-Inj" in event["line"]
                and not event["line"].startswith(("MAIL", "RCPT"))]


@pytest.fixture
def waiting(relay, sandbox):
    """A relay that takes mail while nothing can be delivered."""
    sandbox.off()
    return relay({"limits": {"errors": 1000}})


def finish(one, sandbox, accepted):
    """What must hold while the mail waits, and then on the wire."""
    one.wait_event("disconnect")
    assert len(one.spool_files()) == accepted
    check_told(one)
    check_shown(one)
    sandbox.on()
    check_wire(sandbox, accepted)
    one.wait_empty(accepted)


def send_message(talk, also=True):
    """A recipient (`also`) and content, if that can be: how many messages were accepted."""
    if also and not talk.ask("RCPT TO:<b@fabrikam.com>").startswith("250"):
        return 0
    if not talk.ask("DATA").startswith("354"):
        return 0
    talk.send(message("inj") + b".\r\n")
    talk.expect(250)
    return 1


def drain(talk):
    """In sync again, whatever a payload with a line end in it was answered."""
    talk.send(b"\r\nVRFY sync\r\n")
    while not talk.reply().startswith("252"):
        pass


@pytest.mark.parametrize("verb", [b"EHLO ", b"HELO "], ids=["INJ-EHLO", "INJ-HELO"])
def test_inj_helo(waiting, sandbox, verb):
    accepted = 0
    for single, payload in BOTH_WAYS:
        with Dialogue(waiting.port, single=single) as talk:
            talk.send(verb + b"a" + payload)
            drain(talk)
            if talk.ask("MAIL FROM:<a@b.c>").startswith("503"):
                talk.hello()
                talk.expect(250, "MAIL FROM:<a@b.c>")
            accepted += send_message(talk)
    assert accepted == len(BOTH_WAYS)
    finish(waiting, sandbox, accepted)


FORMS = [b"<a%s@b.com>", b"<\"a%s\"@b.com>", b"<a@b%s.com>", b"<a@b.com> ENVID=%s",
         b"<a@b.com> ORCPT=rfc822;%s", b"<a@b.com> X=%s"]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"INJ-{form.decode()}")
@pytest.mark.parametrize("verb", ["MAIL FROM:", "RCPT TO:"], ids=["MAIL", "RCPT"])
def test_inj_addresses(waiting, sandbox, verb, form):
    """In the local part, plain and quoted, in the domain, in a parameter's value."""
    accepted = 0
    for single, payload in BOTH_WAYS:
        with Dialogue(waiting.port, single=single) as talk:
            talk.hello()
            if verb.startswith("RCPT"):
                talk.expect(250, "MAIL FROM:<a@b.com>")
            talk.send(verb.encode() + form.replace(b"%s", payload))
            drain(talk)
            accepted += send_message(talk, also=verb.startswith("MAIL"))
    finish(waiting, sandbox, accepted)


def test_inj_login(relay, single):
    """A user name; and a password that has lost its AUTH. All at once: failed logins are slow."""
    one = relay({"limits": {"errors": 1000, "lock_after": 1000}}, start=False)
    one.config["listeners"][0]["auth"] = "required"
    one.config["devices"] = [{"name": "here", "address": "127.0.0.1", "cleartext_auth": True}]
    one.write_config()
    with open(os.path.join(one.state, "users"), "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o600)
    one.start()
    password, talks = b"canary-password", []
    for payload in PAYLOADS.values():
        plain = base64.b64encode(b"\0a" + payload + b"\0" + password)
        login = base64.b64encode(b"a" + payload)
        for line in (b"AUTH PLAIN " + plain, b"AUTH LOGIN " + login):
            talk = Dialogue(one.port, single=single)
            talk.hello()
            talk.send(line + b"\r\n")
            reply = talk.reply() if line.startswith(b"AUTH LOGIN") else None
            if reply and reply.startswith("334"):
                talk.send(base64.b64encode(password) + b"\r\n")
                reply = None
            talks.append((talk, payload, reply))
    for talk, payload, reply in talks:
        assert (reply or talk.reply())[:3] in ("535", "501", "454"), payload
        talk.send(payload + password)
        drain(talk)
        talk.close()
    one.wait_event("disconnect", count=len(talks))
    assert password.decode() not in one.text()
    check_told(one)


HEADERS = [b"Subject: a%s", b"From: \"a%s\" <a@b.com>", b"From: a%s <a@b.com>", b"From: <a%s@b.com>",
           b"Message-ID: <a%s@b.com>", b"Date: a%s", b"X-a%s: b"]


@pytest.mark.parametrize("form", HEADERS, ids=lambda form: f"INJ-{form.decode()}")
def test_inj_headers(relay, sandbox, single, form):
    """A line end in the content is the client's own header: it is its right to write one."""
    one, accepted = relay(), 0
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        for payload in PAYLOADS.values():
            if b"\n" in payload:
                payload = payload.replace(b"X-Inj", b"X-Own")
            talk.envelope()
            talk.expect(354, "DATA")
            talk.send(form.replace(b"%s", payload) + b"\r\n\r\nbody\r\n.\r\n")
            reply = talk.reply()
            assert reply.startswith("554 5.6.0" if payload == b"\0" else "250"), (payload, reply)
            accepted += payload != b"\0"
    check_wire(sandbox, accepted)
    one.wait_empty(accepted)
    check_told(one)


@pytest.mark.parametrize("point", ["rcpt", "data", "eod"], ids=lambda point: "INJ-reply-" + point)
def test_inj_upstream_reply(relay, sandbox, point):
    """What a reply says is shown, and obeyed by nobody."""
    for name, payload in PAYLOADS.items():
        text = b"550 5.1.1 no " + payload + b" such user\r\n"
        sandbox.fault(point, "raw", base64=base64.b64encode(text).decode(),
                      match={"rcpt": name} if point == "rcpt" else {})
    one = relay()
    numbers = [print_page(one.port, message("inj"), rcpts=[name + "@x.org"]) for name in PAYLOADS]
    for number in numbers:
        one.wait_event("delivery", msg=number)
    assert sandbox.faults() == [] or not any(fault["waiting"] for fault in sandbox.faults())
    check_told(one)
    for path in one.spool_files():
        with open(path, "rb") as file:
            assert b"\nX-Inj" not in file.read()


@pytest.mark.parametrize("name", PAYLOADS, ids=lambda name: "INJ-greeting-" + name)
def test_inj_greeting(relay, sandbox, name):
    """The setback of the account, as `status` tells it."""
    text = b"554 5.7.1 no " + PAYLOADS[name] + b" such relay\r\n"
    sandbox.fault("greeting", "raw", base64=base64.b64encode(text).decode(), count=0)
    one = relay()
    print_page(one.port, message("inj"))
    one.wait_setback()
    check_told(one)


@pytest.mark.parametrize("name", PAYLOADS, ids=lambda name: "INJ-token-" + name)
def test_inj_token_error(relay, sandbox, name):
    words = PAYLOADS[name].decode("utf-8", "replace")
    body = {"error": "invalid_client" + words, "error_codes": [7000215],
            "error_description": "AADSTS7000215: " + words}
    sandbox.fault("token", "http", status=401, body=body, count=0)
    one = relay()
    print_page(one.port, message("inj"))
    one.wait_event("token-failed")
    one.wait_setback()
    check_told(one)


@pytest.mark.parametrize("name", PAYLOADS, ids=lambda name: "INJ-hostname-" + name)
def test_inj_hostname(relay, name):
    """In the configuration: refused, and the error is safe to print. (libconfig drops a NUL.)"""
    one = relay({"hostname": "HOSTNAME"}, start=False)
    text = "".join(f"\\x{octet:02x}" for octet in b"a_" + PAYLOADS[name] + b".b.com")
    with open(one.path, encoding="utf-8") as file:
        config = file.read()
    one.write_config(config.replace("HOSTNAME", text))
    result = one.cli("config", "check")
    assert result.returncode == 1 and "hostname" in result.stderr
    printable((result.stdout + result.stderr).encode("utf-8", "surrogateescape"), "config check")
    assert not any(line.startswith("X-Inj") for line in result.stderr.split("\n"))
