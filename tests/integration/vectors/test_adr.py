# SPDX-License-Identifier: MIT
"""threats.md 2.7, ADR: addresses and parameters of MAIL and RCPT."""
import json
import os

import pytest

from .. import relay as relays
from ..dialogue import Dialogue, message
from .vector import each

UMLAUT = "ü"
L63 = "b" * 63
D255 = f"{L63}.{L63}.{L63}.{L63}"
PATH256 = f"{'a' * 64}@{L63}.{L63}.{'c' * 61}"      # with its brackets

# What is given -> what is sent on.
ACCEPT = {
    "plain": ("<a@b.org>", "a@b.org"), "blank": (" <a@b.org>", "a@b.org"),
    "postmaster": ("<Postmaster>", "it@contoso.com"),
    "route": ("<@h1,@h2:u@d.org>", "u@d.org"),
    "quoted": ('<"john doe"@d.org>', '"john doe"@d.org'),
    "escaped": ('<"a\\"b"@d.org>', '"a\\"b"@d.org'),
    "needless-quotes": ('<"plain"@d.org>', "plain@d.org"),
    "literal-4": ("<a@[192.0.2.1]>", "a@[192.0.2.1]"),
    "literal-6": ("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
    "tag": ("<a+tag@d.org>", "a+tag@d.org"),
    "a-label": ("<a@xn--bcher-kva.ch>", "a@xn--bcher-kva.ch"),
    "local-64": (f"<{'l' * 64}@d.org>", "l" * 64 + "@d.org"),
}
# The sandbox, like Exchange, takes no more than 254 octets: these are not sent on.
LONG = {"domain-255": f"<a@{D255}>", "path-256": f"<{PATH256}>"}

REJECT = {
    "empty": "", "no-bracket-end": "<a@b", "bracket-end-only": "a@b>", "no-brackets": "a@b.org",
    "blank-in-local": "<a b@c>", "behind": "<a@b>x", "double-brackets": "<<a@b>>",
    "two-at": "<a@b@c>", "at": "<@>", "no-domain": "<a@>", "no-local": "<@b>",
    "two-addresses": "<a@b,c@d>", "phrase": "<Foo <a@b>>", "phrase-outside": "Foo <a@b>",
    "hyphen-first": "<a@-b>", "hyphen-last": "<a@b->", "two-dots": "<a@b..c>",
    "dot-last": "<a@b.>", "open-quote": '<"a@b>', "open-literal": "<a@[1.2.3.4>",
    "bad-literal": "<a@[999.1.1.1]>", "local-65": f"<{'l' * 65}@b.org>",
    "domain-256": f"<a@{D255}.x>", "comment": "<a(c)@b.org>", "comment-in-domain": "<a@b.org(c)>",
    "folding": "<a@b.org\t x.org>", "bare": "<test>", "bang": "<d!u>", "percent": '<"u%d">',
    "odd-dots-ilo": "<ilo.@example.com>", "odd-dots-first": "<.a@d>", "odd-dots-two": "<a..b@d>",
    "tab": "<a\tb@c.d>", "us-ascii-1f": "<a\x1f@c.d>", "del": "<a\x7f@c.d>", "esc": "<a\x1b[2J@b>",
    "nul": "<a\0@b.org>", "latin-1": b"<\xe4@c.d>", "utf-8": f"<{UMLAUT}@c.d>",
    "utf-8-domain": f"<a@{UMLAUT}.ch>",
}
SHELL_REJECT = {
    "shell-CVE-2020-7247": "<;for i in 0 1 2 3;do read r;done;sh;exit 0;>",
    "shell-dollar": "<$(id)@x.org>", "shell-run-no-domain": "<${run{/bin/id}}@>",
}
SHELL_ACCEPT = {        # addresses like others: nothing is ever run
    "shell-pipe": "<|id@x.org>", "shell-backtick": "<`id`@x.org>",
    "shell-CVE-2019-10149": "<${run{/bin/id}}@localhost>",
    "opt-inj-oQ": "<-oQ/tmp@x.org>", "opt-inj-X": "<-X/tmp/log@x.org>",
}
# With SMTPUTF8.
UTF8_REJECT = {
    "overlong": b"<\xc0\xae@b.org>", "overlong-domain": b"<a@\xc0\xae.org>",
    "surrogate": b"<\xed\xa0\x80@b.org>", "above-10ffff": b"<\xf4\x90\x80\x80@b.org>",
    "cut": b"<\xc3@b.org>", "latin-1": b"<\xe4@b.org>", "quoted-cut": b'<"a\xc3"@b.org>',
    "u0085": "<a\u0085@b.org>", "u200b": "<a\u200b@b.org>", "u2060": "<a\u2060@b.org>",
    "ufeff": "<\ufeffa@b.org>", "u202a": "<a\u202a@b.org>", "u202e": '<"\u202ea"@b.org>',
    "u2066": "<a\u2066@b.org>", "u2069": "<a@b\u2069.org>", "full-stop": "<a@evil\u3002contoso.com>",
    "del": "<ü\x7f@b.org>",
}
UTF8_ACCEPT = {
    "local": (f"<j{UMLAUT}rgen@b.org>", f"j{UMLAUT}rgen@b.org"), "domain": (f"<a@b{UMLAUT}.ch>", f"a@b{UMLAUT}.ch"),
    "quoted": (f'<"j{UMLAUT} r"@b.org>', f'"j{UMLAUT} r"@b.org'), "han": ("<中文@中国.cn>", "中文@中国.cn"),
    "four-octets": ("<\U0001f600@b.org>", "\U0001f600@b.org"),
}
PARAMS = {
    "unknown": ("FOO=BAR", "555 5.5.4"), "size-twice": ("SIZE=1 SIZE=2", "501 5.5.4"),
    "size-empty": ("SIZE=", "501 5.5.4"), "size-none": ("SIZE", "501 5.5.4"),
    "size-minus": ("SIZE=-1", "501 5.5.4"), "size-20": ("SIZE=" + "9" * 20, "552 5.3.4"),
    "size-21": ("SIZE=" + "9" * 21, "501 5.5.4"), "size-1x": ("SIZE=1x", "501 5.5.4"),
    "body-7bit": ("BODY=7BIT", "250 2.1.0"), "body-8bitmime": ("BODY=8BITMIME", "250 2.1.0"),
    "body-lower": ("BODY=8bitmime", "250 2.1.0"), "body-foo": ("BODY=FOO", "501 5.5.4"),
    "body-binarymime": ("BODY=BINARYMIME", "555 5.5.4"),
    "smtputf8": ("SMTPUTF8", "250 2.1.0"), "smtputf8-value": ("SMTPUTF8=1", "501 5.5.4"),
    "smtputf8-empty": ("SMTPUTF8=", "501 5.5.4"),
    "ret-envid-cr": ("RET=FULL ENVID=a+0Db", "501 5.5.4"),
    "envid-nul": ("ENVID=+00", "501 5.5.4"), "envid-100": ("ENVID=" + "x" * 100, "250 2.1.0"),
    "envid-101": ("ENVID=" + "x" * 101, "501 5.5.4"), "ret": ("RET=hdrs", "250 2.1.0"),
    "ret-foo": ("RET=FOO", "501 5.5.4"), "ret-twice": ("RET=FULL RET=FULL", "501 5.5.4"),
    "CVE-2020-28022": ('="', "555 5.5.4"), "quote-walking": ('SIZE="1 2"', "501 5.5.4"),
    "auth": ("AUTH=<>", "250 2.1.0"), "auth-other": ("AUTH=it@contoso.com", "250 2.1.0"),
    "auth-empty": ("AUTH=", "501 5.5.4"), "auth-cr": ("AUTH=a+0D+0Ab", "501 5.5.4"),
    "notify": ("NOTIFY=NEVER", "555 5.5.4"), "1000": (" ".join(["X=1"] * 1000), "555 5.5.4"),
    "1000-sizes": (" ".join(["SIZE=1"] * 1000), "501 5.5.4"), "utf-8": (f"F{UMLAUT}=1", "555 5.5.4"),
}
RCPT_PARAMS = {
    "notify-never": ("NOTIFY=NEVER", "250 2.1.5"),
    "notify-all": ("NOTIFY=SUCCESS,FAILURE,DELAY", "250 2.1.5"),
    "notify-never-delay": ("NOTIFY=NEVER,DELAY", "501 5.5.4"),
    "notify-empty": ("NOTIFY=", "501 5.5.4"), "notify-comma": ("NOTIFY=DELAY,", "501 5.5.4"),
    "notify-twice": ("NOTIFY=DELAY NOTIFY=DELAY", "501 5.5.4"),
    "orcpt": ("ORCPT=rfc822;a+2Bb@c.d", "250 2.1.5"),
    "orcpt-utf-8": ("ORCPT=utf-8;\\x{FC}@c.d", "250 2.1.5"),
    "orcpt-utf-8-raw": (f"ORCPT=utf-8;{UMLAUT}@c.d", "501 5.5.4"),
    "CVE-2020-28026": ("ORCPT=rfc822;a+0Ab", "501 5.5.4"),
    "orcpt-no-type": ("ORCPT=a@b", "501 5.5.4"),
    "orcpt-500": ("ORCPT=rfc822;" + "x" * 493, "250 2.1.5"),
    "orcpt-501": ("ORCPT=rfc822;" + "x" * 494, "501 5.5.4"),
    "size": ("SIZE=1", "555 5.5.4"), "smtputf8": ("SMTPUTF8", "555 5.5.4"),
    "unknown": ("FOO", "555 5.5.4"),
}


def named(prefix, table):
    return {f"{prefix}-{name}": vector for name, vector in table.items()}


CONFIG = {"limits": {"errors": 1000, "line_length": 65536}}


def dialogue(one, single):
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        yield talk
        assert talk.ask("NOOP") == "250 2.0.0 OK"       # still in step
        talk.expect(221, "QUIT")


@pytest.fixture(scope="module")
def patient(sandbox_process):
    """One relay for all vectors that send nothing on; it does not count errors."""
    one = relays.Relay(sandbox_process, CONFIG).start()
    yield one
    one.close()
    assert one.problems() == []
    one.remove()


@pytest.fixture
def talk(patient, request, single):
    """A dialogue that has said EHLO."""
    request.node.relays = [patient]         # whose log a failure shows
    yield from dialogue(patient, single)


@pytest.fixture
def sending(relay, single):
    """The same, where what is accepted is delivered."""
    yield from dialogue(relay(CONFIG), single)


def line(command, path, params=""):
    path = path if isinstance(path, bytes) else path.encode()
    return command.encode() + path + params.encode()


def check_refused(talk, path, codes=("500", "501", "553"), params=""):
    """Refused as sender and as recipient, and nothing has begun by it."""
    reply = talk.ask(line("MAIL FROM:", path, params))
    assert reply[:3] in codes and reply[4] == "5", reply
    talk.expect(503, "RCPT TO:<b@fabrikam.com>")
    talk.expect(250, "MAIL FROM:<a@b.org>" + params)
    reply = talk.ask(line("RCPT TO:", path))
    assert reply[:3] in codes and reply[4] == "5", reply
    talk.expect(503, "DATA")
    talk.expect(250, "RSET")


def check_sent(talk, sandbox, path, address, params=""):
    """Taken as sender and as recipient, and sent on as its struct says (ADR-diff)."""
    if "@" in path:
        talk.expect("250 2.1.0", f"MAIL FROM:{path}{params}")
        talk.expect(250, "RSET")
    talk.expect("250 2.1.0", f"MAIL FROM:<scan@printer.local>{params}")
    talk.expect("250 2.1.5", line("RCPT TO:", path))
    assert talk.data(message()).startswith("250 2.0.0")
    sandbox.wait(messages=1)
    assert sandbox.messages()[0]["rcpts"] == [address]


@each(named("ADR-accept", ACCEPT))
def test_adr_accept(sending, sandbox, name, vector):
    check_sent(sending, sandbox, *vector)


@each(named("ADR-accept", LONG))
def test_adr_accept_long(talk, name, vector):
    talk.expect("250 2.1.0", "MAIL FROM:" + vector)
    talk.expect("250 2.1.5", "RCPT TO:" + vector)


def test_adr_accept_null_sender(sending, sandbox):
    sending.expect("250 2.1.0", "MAIL FROM:<>")
    sending.expect("501 5.1.3", "RCPT TO:<>")
    sending.expect("250 2.1.5", "RCPT TO:<b@fabrikam.com>")
    assert sending.data(message()).startswith("250")
    sandbox.wait(messages=1)


@each(named("ADR-accept-verb", {
    "lower": "mail from:<a@b.org>", "two-blanks": "MAIL  FROM:<a@b.org>",
    "blank-before-colon": "MAIL FROM :<a@b.org>", "trailing": "MAIL FROM:<a@b.org>  \t",
    "mixed": "MaIl fRoM: <a@b.org>"}))
def test_adr_accept_verb(talk, name, vector):
    talk.expect("250 2.1.0", vector)


@each(named("ADR-reject-verb", {"nothing": "MAIL FROM", "no-colon": "MAIL FROM<a@b>",
                                "to": "MAIL TO:<a@b.org>", "joined": "MAILFROM:<a@b.org>"}))
def test_adr_reject_verb(talk, name, vector):
    assert talk.ask(vector)[:3] in ("500", "501")
    talk.expect(503, "RCPT TO:<b@fabrikam.com>")


@each(named("ADR-reject", REJECT))
def test_adr_reject(talk, name, vector):
    check_refused(talk, vector)


@each(named("ADR", SHELL_REJECT))
def test_adr_shell_reject(talk, name, vector):
    check_refused(talk, vector)


@each(named("ADR", SHELL_ACCEPT))
def test_adr_shell_accept(sending, sandbox, name, vector):
    check_sent(sending, sandbox, vector, vector[1:-1])


@each(named("ADR-utf8-reject", UTF8_REJECT))
def test_adr_utf8_reject(talk, name, vector):
    check_refused(talk, vector, params=" SMTPUTF8")


@each(named("ADR-utf8-accept", UTF8_ACCEPT))
def test_adr_utf8_accept(sending, sandbox, name, vector):
    check_sent(sending, sandbox, *vector, params=" SMTPUTF8")
    assert sandbox.messages()[0]["mail_params"]["SMTPUTF8"] is True


@each(named("ADR-legacy", {
    "ilo": ("odd-dots", "<ilo.@example.com>", '"ilo."@example.com'),
    "first": ("odd-dots", "<.a@d.org>", '".a"@d.org'),
    "two": ("odd-dots", "<a..b@d.org>", '"a..b"@d.org'),
    "domain": ("odd-dots", "<a@d.org.>", "a@d.org"),
    "no-brackets": ("no-brackets", "a@b.org", "a@b.org"),
    "no-brackets-blank": ("no-brackets", " a@b.org ", "a@b.org")}))
def test_adr_legacy(relay, sandbox, single, name, vector):
    """Only for a device whose quirks say so (ADR-reject has those without)."""
    quirk, path, address = vector
    one = relay({"devices": [{"name": "old", "address": "127.0.0.1", "quirks": [quirk]}]})
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        check_sent(talk, sandbox, path, address)
        check_refused(talk, "a@b.org>")
        check_refused(talk, "")


@each(named("ADR-params", PARAMS))
def test_adr_params(talk, name, vector):
    params, reply = vector
    talk.expect(reply, "MAIL FROM:<a@b.org> " + params)
    talk.expect(250 if reply.startswith("250") else 503, "RCPT TO:<b@fabrikam.com>")


@each(named("ADR-params-rcpt", RCPT_PARAMS))
def test_adr_params_rcpt(talk, name, vector):
    params, reply = vector
    talk.expect(250, "MAIL FROM:<a@b.org>")
    talk.expect(reply, "RCPT TO:<b@fabrikam.com> " + params)
    if not reply.startswith("250"):
        talk.expect(503, "DATA")


def test_adr_params_no_space(talk):
    talk.expect("501 5.1.7", "MAIL FROM:<a@b.org>SIZE=1")
    talk.expect(250, "MAIL FROM:<a@b.org>")
    talk.expect("501 5.1.3", "RCPT TO:<a@b.org>NOTIFY=NEVER")


@each({"ADR-diff-fold": "<a@contoso.com\t.evil.org>", "ADR-diff-comment": "<a@contoso.com(.evil)>",
       "ADR-diff-semicolon": "<a@contoso.com;.evil.org>",
       "ADR-diff-quote": '<a"@contoso.com>"@evil.org>',
       "ADR-diff-null": "<a@contoso.com\0.evil.org>",
       "ADR-diff-two": "<a@contoso.com>,<b@evil.org>"})
def test_adr_diff_refused(talk, name, vector):
    """CVE-2026-125755: what one parser cuts off and another does not."""
    check_refused(talk, vector, codes=("500", "501"))


@each({"ADR-diff-at-in-quotes": ('<"a@contoso.com"@evil.org>', '"a@contoso.com"@evil.org'),
       "ADR-diff-end-in-quotes": ('<"a@contoso.com>"@evil.org>', '"a@contoso.com>"@evil.org'),
       "ADR-diff-escapes": ('<"\\a\\ \\b"@evil.org>', '"a b"@evil.org'),
       "ADR-diff-route": ("<@contoso.com:a@evil.org>", "a@evil.org")})
def test_adr_diff_sent_as_judged(relay, sandbox, single, name, vector):
    """One reading of it, in the spool and on the wire."""
    path, address = vector
    one = relay()
    sandbox.off("smtp")
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.envelope(rcpts=[])
        talk.expect(250, "RCPT TO:" + path)
        assert talk.data(message()).startswith("250")
    [file] = one.spool_files()
    with open(os.path.join(one.spool, file), "rb") as stored:
        first = stored.readline()
    assert json.loads(first[first.index(b"{"):first.rindex(b"}") + 1])["to"] == [address]
    one.stop()
    sandbox.on("smtp")
    one.start()
    sandbox.wait(messages=1)
    assert sandbox.messages()[0]["rcpts"] == [address]
