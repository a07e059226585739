# SPDX-License-Identifier: MIT
"""threats.md 2.6, AUT: logging in. After each refusal the session is clean, and a login works."""
import base64
import os
import socket
import struct

import pytest

from .. import users
from ..dialogue import Dialogue, message, subject_of
from ..users import USERS, b64, plain
from .vector import each

RIGHT = ["AUTH PLAIN", b64("", "erp", USERS["erp"])]


@pytest.fixture
def server(relay):
    def make(config=None, **keywords):
        return users.server(relay, config, **keywords)
    return make


def logs_in(talk, user="erp"):
    talk.expect("235 2.7.0", plain(user))


def is_out(talk):
    talk.expect("530 5.7.0", "MAIL FROM:<a@b.c>")


@each({"AUT-01-plain": ["AUTH PLAIN"], "AUT-01-name": ["AUTH LOGIN"],
       "AUT-01-password": ["AUTH LOGIN", b64("erp")]}, "name, steps")
def test_aut_01_cancel(server, single, name, steps):
    with Dialogue(server().port, single=single) as talk:
        talk.hello()
        for step in steps:
            talk.expect(334, step)
        talk.expect("501 5.7.0", "*")
        is_out(talk)
        logs_in(talk)


GOOD = b64("", "erp", USERS["erp"] + "x")        # ends in "=="
NOT_BASE64 = {
    "bangs": "!!!!", "one": "A", "two": "QQ", "three": "QQQ", "5": "QUFBQ", "only-pad": "====",
    "pad-inside": "AA=A", "no-pad": GOOD.rstrip("="), "more-pad": GOOD + "=", "url": GOOD[:-4] + "-_==",
    "blank": GOOD[:8] + " " + GOOD[8:], "tab": GOOD[:8] + "\t" + GOOD[8:], "garbage": GOOD + "QQ",
    "4n+3": "A" * 4095, "nul": GOOD[:8] + "\0" + GOOD[8:], "8-bit": "\u00e4" * 4,
}


@each({f"AUT-02-{name}": text for name, text in NOT_BASE64.items()}, "name, text")
def test_aut_02_not_base64(server, single, name, text):
    with Dialogue(server().port, single=single) as talk:
        talk.hello()
        talk.expect(334, "AUTH PLAIN")
        talk.expect("501 5.5.2", text)
        talk.expect(334, "AUTH LOGIN")
        talk.expect("501 5.5.2", text)
        talk.expect(334, f"AUTH LOGIN {b64('erp')}")
        talk.expect("501 5.5.2", text)
        is_out(talk)
        logs_in(talk)


@pytest.mark.parametrize("length", [12289, 12300, 65000])
def test_aut_02_longer_than_a_line(server, single, length):
    with Dialogue(server().port, single=single) as talk:
        talk.hello()
        talk.expect(334, "AUTH PLAIN")
        talk.expect("500 5.5.2", "A" * length)
        is_out(talk)
        logs_in(talk)


def test_aut_02_ten_megabytes(server):
    with Dialogue(server().port) as talk:
        talk.hello()
        talk.expect(334, "AUTH PLAIN")
        try:
            talk.send(b"A" * (10 << 20))
        except ConnectionError:
            pass
        talk.expect("421 4.5.2")


# Decoded; what is no message of the mechanism is refused before a password is looked at.
PLAINS = {
    "no-nul": (b"erp", "501 5.5.2"), "one-nul": (b"erp\0pass", "501 5.5.2"),
    "three-nuls": (b"\0erp\0pa\0ss", "501 5.5.2"), "no-name": (b"\0\0pass", "535 5.7.8"),
    "no-password": (b"\0erp\0", "535 5.7.8"), "nothing": (b"", "501 5.5.2"),
    "authzid": (b"root\0erp\0" + USERS["erp"].encode(), "535 5.7.8"),
    "long-name": (b"\0" + b"u" * 8000 + b"\0x", "501 5.5.2"),
    "lf-in-name": (b"\0e\nrp\0x", "501 5.5.2"), "crlf-in-name": (b"\0e\r\nrp\0x", "501 5.5.2"),
    "soh-in-name": (b"\0e\x01rp\0x", "501 5.5.2"), "del-in-name": (b"\0erp\x7f\0x", "501 5.5.2"),
    "soh-in-authzid": (b"a\x01\0erp\0x", "501 5.5.2"),
    "no-utf-8": (b"\0\xff\xfe\0\xc3\x28", "535 5.7.8"), "crlf-in-password": (b"\0erp\0a\r\nb", "535"),
}


@each({f"AUT-03-{name}": row for name, row in PLAINS.items()}, "name, row")
def test_aut_03_decoded(server, single, name, row):
    one = server()
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.expect(334, "AUTH PLAIN")
        talk.expect(row[1], base64.b64encode(row[0]) or b"=")
        is_out(talk)
        logs_in(talk)


def test_aut_03_name_of_64_kib(server, single):
    with Dialogue(server().port, single=single) as talk:
        talk.hello()
        talk.expect(334, "AUTH LOGIN")
        # 500 and in sync, or gone: it is longer than any line
        assert talk.ask(base64.b64encode(b"u" * 65536))[:9] in ("500 5.5.2", "421 4.5.2")


WAYS = {
    "plain": [[plain(), "235"]], "plain-334": [["AUTH PLAIN", "334 "], [RIGHT[1], "235"]],
    "lower": [["auth plain", "334 "], [RIGHT[1], "235"]],
    "mixed": [[plain().replace("AUTH PLAIN", "aUtH pLaIn"), "235"]],
    "authzid": [[f"AUTH PLAIN {b64('erp', 'erp', USERS['erp'])}", "235"]],
    "login": [["AUTH LOGIN", "334 VXNlcm5hbWU6"], [b64("erp"), "334 UGFzc3dvcmQ6"],
              [b64(USERS["erp"]), "235"]],
    "login-initial": [[f"AUTH LOGIN {b64('erp')}", "334 UGFzc3dvcmQ6"],
                      [b64(USERS["erp"]), "235"]],
    "login-lower": [["auth login", "334 VXNlcm5hbWU6"], [b64("erp"), "334 UGFzc3dvcmQ6"],
                    [b64(USERS["erp"]), "235"]],
    "blanks": [[plain() + "  ", "235"]],
}


@each({f"AUT-04-{name}": steps for name, steps in WAYS.items()}, "name, steps")
def test_aut_04_ways_in(server, sandbox, single, name, steps):
    one = server()
    with Dialogue(one.port, single=single) as talk:
        assert "AUTH PLAIN LOGIN" in talk.hello()
        for line, reply in steps:
            answer = talk.ask(line)
            # Byte for byte: devices compare.
            assert answer == reply if reply.startswith("334") else answer.startswith(reply)
        talk.envelope()
        assert talk.data(message(name)).startswith("250")
    sandbox.wait(messages=1)
    assert subject_of(sandbox.messages()[0]) == name


@each({"AUT-04-nothing": ("AUTH", "501 5.5.4"), "AUT-04-foo": ("AUTH FOO", "504 5.5.4"),
       "AUT-04-cram": ("AUTH CRAM-MD5", "504 5.5.4"), "AUT-04-two": ("AUTH PLAIN a b", "501 5.5.4"),
       "AUT-04-plain-empty": ("AUTH PLAIN =", "501 5.5.2"), "AUT-04-equals": ("AUTH=PLAIN", "500")},
      "name, row")
def test_aut_04_bad_commands(server, single, name, row):
    with Dialogue(server().port, single=single) as talk:
        talk.hello()
        talk.expect(row[1], row[0])
        is_out(talk)
        logs_in(talk)


def test_aut_04_login_with_empty_name(server, single):
    with Dialogue(server().port, single=single) as talk:
        talk.hello()
        talk.expect("334 UGFzc3dvcmQ6", "AUTH LOGIN =")
        talk.expect("535 5.7.8", b64("x"))
        logs_in(talk)


def test_aut_04_old_prompts(relay, single):
    """The quirks of clients from Exchange 5.5's time."""
    one = relay({"devices": [{"name": "old", "address": "127.0.0.1",
                              "quirks": ["user-name-prompt", "auth-equals"]}]})
    with Dialogue(one.port, single=single) as talk:
        hello = talk.hello().split("\n")
        assert "250-AUTH PLAIN LOGIN" in hello or "250 AUTH PLAIN LOGIN" in hello
        assert "250-AUTH=PLAIN LOGIN" in hello or "250 AUTH=PLAIN LOGIN" in hello
        assert talk.ask("AUTH LOGIN") == "334 VXNlciBOYW1lAA=="
        assert talk.ask(b64("a")) == "334 UGFzc3dvcmQA"
        talk.expect(235, b64("b"))


@each({"AUT-05-plain": "AUTH PLAIN", "AUT-05-login": "AUTH LOGIN", "AUT-05-initial": plain()},
      "name, line")
def test_aut_05_too_early(server, single, name, line):
    """No password is asked for before EHLO, nor in clear text where that is not allowed."""
    one = server(device={"name": "here", "address": "127.0.0.1"})
    with Dialogue(one.port, single=single) as talk:
        talk.expect("503 5.5.1", line)
        assert "AUTH" not in talk.hello()
        talk.expect("538 5.7.11", line)
        is_out(talk)
        talk.starttls()
        talk.expect("503 5.5.1", line)
        assert "AUTH PLAIN LOGIN" in talk.hello()
        logs_in(talk)


def test_aut_06_once_is_enough(server, single):
    with Dialogue(server().port, single=single) as talk:
        talk.hello()
        logs_in(talk)
        for line in (plain(), "AUTH LOGIN", "AUTH PLAIN"):
            talk.expect("503 5.5.1", line)
            talk.expect(250, "RSET")
            talk.expect("503 5.5.1", line)
        assert "AUTH" not in talk.hello()
        talk.expect("503 5.5.1", plain("nas"))
        talk.envelope()


def test_aut_07_inside_a_transaction(relay, single):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.expect(250, "MAIL FROM:<a@b.c>")
        talk.expect(503, "AUTH LOGIN")
        talk.expect(250, "RCPT TO:<b@fabrikam.com>")
        talk.expect(503, plain())
        assert talk.data(message()).startswith("250")
        talk.expect(235, plain())


@each({"AUT-08-plain-login": ["AUTH PLAIN", b64("", "erp", "wrong")],
       "AUT-08-login-plain": ["AUTH LOGIN", b64("erp"), b64("wrong")],
       "AUT-08-half": ["AUTH LOGIN", b64("nas"), "!"],
       "AUT-08-authzid": ["AUTH PLAIN", b64("root", "erp", USERS["erp"])]}, "name, steps")
def test_aut_08_fresh_state(server, single, name, steps):
    """Nothing of a failed login is left for the next, whatever its mechanism (CVE-2011-1720)."""
    one = server()
    for after in (["AUTH LOGIN", b64("erp"), b64(USERS["erp"])], RIGHT):
        with Dialogue(one.port, single=single) as talk:
            talk.hello()
            for step in steps[:-1]:
                talk.expect(334, step)
            talk.expect(5, steps[-1])
            # The name of the first is not the name of the second.
            talk.expect("334 VXNlcm5hbWU6", "AUTH LOGIN")
            talk.expect("501 5.7.0", "*")
            for step in after[:-1]:
                talk.expect(334, step)
            talk.expect(235, after[-1])


def reset(talk):
    talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.close()


STEPS = {"command": ["AUTH LOGIN"], "name": ["AUTH LOGIN", b64("erp")],
         "password": ["AUTH LOGIN", b64("erp"), b64("wrong")], "plain": ["AUTH PLAIN"],
         "right": [plain()]}


@each({f"AUT-09-{name}": steps for name, steps in STEPS.items()}, "name, steps")
@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_aut_09_gone(server, single, how, name, steps):
    one = server()
    talk = Dialogue(one.port, single=single)
    talk.hello()
    for step in steps[:-1]:
        talk.expect(334, step)
    talk.send(steps[-1] + ("" if how == "half" else "\r\n"))
    if how == "reset":
        reset(talk)
    else:
        talk.close()
    with Dialogue(one.port) as other:
        other.hello()
        logs_in(other)
    one.wait_event("disconnect", count=2)


@pytest.mark.parametrize("steps", [["AUTH PLAIN"], ["AUTH LOGIN", b64("erp")]])
def test_aut_09_silence(server, single, steps):
    one = server({"limits": {"command_timeout": "500ms"}})
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        for step in steps:
            talk.expect(334, step)
        talk.expect("421 4.4.2")
        assert talk.rest() == b""


def test_aut_09_many_half_logins(server):
    """They hold descriptors while they last, and nothing afterwards (the sanitizer looks)."""
    one = server({"limits": {"connections": 1000, "connections_per_address": 1000}})
    folder = f"/proc/{one.pid}/fd"
    with Dialogue(one.port) as other:
        other.hello()
        logs_in(other)
    one.wait_event("recovered")
    one.wait_event("disconnect")
    before = len(os.listdir(folder))
    talks = [Dialogue(one.port) for _ in range(400)]
    for number, talk in enumerate(talks):
        talk.send("EHLO x\r\nAUTH LOGIN\r\n" + (b64("erp") + "\r\n" if number % 2 else ""))
    for number, talk in enumerate(talks):
        talk.expect(250)
        talk.expect("334 VXNlcm5hbWU6")
        if number % 2:
            talk.expect("334 UGFzc3dvcmQ6")
    assert len(os.listdir(folder)) >= 400
    with Dialogue(one.port) as other:
        other.hello()
        logs_in(other)
    for number, talk in enumerate(talks):
        (reset if number % 3 else Dialogue.close)(talk)
    one.wait_event("disconnect", count=402, timeout=30)
    with Dialogue(one.port) as other:
        other.hello()
        assert len(os.listdir(folder)) <= before + 3


def test_aut_10_guessing(server, sandbox, single):
    """A thousand tries from one address: all but the first two are turned away unheard, at no cost,
    and another address logs in and sends meanwhile. What is answered does not tell who exists."""
    one = server({"limits": {"lock_after": 2, "lock_time": "1h", "failed_logins": 100}})
    first = [Dialogue(one.port, source="127.0.0.66", single=single) for _ in range(2)]
    replies = []
    for talk, name in zip(first, ("erp", "nobody")):
        talk.hello()
        talk.send(plain(name, "guess-0815") + "\r\n")
    for talk in first:
        replies.append(talk.reply())
        talk.close()
    assert replies[0] == replies[1] and replies[0].startswith("535 5.7.8")
    one.wait_event("login-locked", what="address", peer=lambda peer: "127.0.0.66:" in peer)
    tried, sent = 2, 0
    while tried < 1000:
        with Dialogue(one.port, source="127.0.0.66", single=single) as talk:
            talk.hello()
            try:
                while tried < 1000:
                    line = "AUTH LOGIN" if tried % 2 else plain(("erp", "nobody")[tried // 2 % 2],
                                                                "guess")
                    answer = talk.ask(line)
                    tried += 1
                    assert answer.startswith(("454 4.7.0 Too many failed logins, try again in ",
                                              "421 4.7.0 Too many failed logins")), answer
                    if answer.startswith("421"):
                        break
                    if tried % 250 == 0:
                        with Dialogue(one.port, source="127.0.0.77", single=single) as other:
                            other.hello()
                            logs_in(other)
                            other.envelope()
                            assert other.data(message(f"{tried}")).startswith("250")
                            sent += 1
            except EOFError:
                pass
    assert sent >= 2
    sandbox.wait(messages=sent)
    assert len(one.events("login-failed")) == 2


def test_aut_10_many_names(server, single):
    """From an address for each try: the name is locked, whether or not it exists; a device that has
    always logged in from its own address still does."""
    one = server({"limits": {"lock_after": 3, "lock_time": "1h"}})
    with Dialogue(one.port, source="127.0.5.1", single=single) as talk:
        talk.hello()
        logs_in(talk)
    answers = {}
    for name in ("erp", "nobody"):
        talks = [Dialogue(one.port, source=f"127.0.6.{n}", single=single) for n in range(1, 4)]
        for talk in talks:
            talk.hello()
            talk.send(plain(name, "guess-0815") + "\r\n")
        for talk in talks:
            talk.expect("535 5.7.8")
            talk.close()
        one.wait_event("login-locked", what="user", user="erp" if name == "erp" else "?")
        with Dialogue(one.port, source="127.0.7.1", single=single) as talk:
            talk.hello()
            talk.expect("334 VXNlcm5hbWU6", "AUTH LOGIN")
            talk.expect("334 UGFzc3dvcmQ6", b64(name))
            answers[name] = talk.ask(b64("guess-0815"))
    assert answers["erp"].startswith("454 4.7.0 Too many failed logins, try again in ")
    assert answers["erp"] == answers["nobody"]
    with Dialogue(one.port, source="127.0.7.2", single=single) as talk:
        talk.hello()
        talk.expect("454 4.7.0", plain())           # the right password, from a new address
    with Dialogue(one.port, source="127.0.5.1", single=single) as talk:
        talk.hello()
        logs_in(talk)


@each({"AUT-11-login": f"AUTH LOGIN\r\n{b64('erp')}\r\n{b64('canary-Zp8-word')}\r\n",
       "AUT-11-right": f"AUTH LOGIN\r\n{b64('erp')}\r\n{b64(USERS['erp'])}\r\n",
       "AUT-11-plain": f"AUTH PLAIN\r\n{b64('', 'erp', 'canary-Zp8-word')}\r\n",
       "AUT-11-no-such-mechanism": f"AUTH FOO\r\n{b64('canary-Zp8-word')}\r\ncanary-Zp8-word\r\n",
       "AUT-11-wrong-field": f"AUTH LOGIN\r\n{b64('canary-Zp8-word')}\r\n{b64('x')}\r\n"},
      "name, text")
def test_aut_11_pipelined(server, single, name, text):
    """Works or is refused; the password is in no log line (as it is, or in base64)."""
    one = server()
    one.secrets.append("canary-Zp8-word")           # the fixture looks for it, decoded or not
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.send(text + "MAIL FROM:<a@b.c>\r\nQUIT\r\n")
        replies = talk.rest().decode()
    assert ("\r\n250 2.1.0" in replies) == (name == "AUT-11-right")
    assert "221 2.0.0" in replies
    one.wait_event("disconnect")


@each({"AUT-12-null": ("AUTH=<>", "250"), "AUT-12-xtext": ("AUTH=user+40contoso.com", "250"),
       "AUT-12-crlf": ("AUTH=user+0D+0AX", "501"), "AUT-12-quote": ('AUTH="+22', "250"),
       "AUT-12-open": ("AUTH=a+4", "501"), "AUT-12-lower-hex": ("AUTH=a+3d", "501"),
       "AUT-12-nothing": ("AUTH=", "501")}, "name, row")
def test_aut_12_parameter_of_mail(server, single, name, row):
    """Valid xtext (a quote is an ordinary character of it) or refused; nothing of it is used."""
    with Dialogue(server().port, single=single) as talk:
        talk.hello()
        logs_in(talk)
        talk.expect(row[1], f"MAIL FROM:<a@b.c> {row[0]}")
        talk.expect(250, "RSET")
        talk.envelope()


ODD = {"percent": "100%s%n", "quote": 'a"b', "backslash": "a\\b\\", "colon": "a:b:", "hash": "#a",
       "blanks": "  a b  ", "utf-8": "p\u00e4\u00df\u4e2d\U0001f512", "one": "x",
       "longest": "w" * 511, "equals": "=", "star": "*"}


@each({f"AUT-13-{name}": word for name, word in ODD.items()}, "name, word")
def test_aut_13_odd_passwords(relay, server, single, name, word):
    one = server()
    users.write(one, {"erp": word})
    one.reload()
    for line in ([f"AUTH PLAIN {b64('', 'erp', word)}"], ["AUTH LOGIN", b64("erp"), b64(word)]):
        with Dialogue(one.port, single=single) as talk:
            talk.hello()
            for step in line[:-1]:
                talk.expect(334, step)
            talk.expect(235, line[-1])


def test_aut_13_longer_than_a_hash_takes(server, relay, single):
    """crypt(3) has no passwords of more than 511 bytes: wrong for users, right where any is."""
    word = "K" * 1024
    with Dialogue(server().port, single=single) as talk:
        talk.hello()
        talk.expect(535, plain("erp", word))
        logs_in(talk)
    with Dialogue(relay().port, single=single) as talk:
        talk.hello()
        talk.expect(235, plain("erp", word))


def test_aut_14_the_longest_line(server, single):
    """RFC 4954 section 4: 12288 octets without the line's end."""
    with Dialogue(server({"limits": {"errors": 100}}).port, single=single) as talk:
        talk.hello()
        for length, code in ((12288, "501 5.5.2"), (12289, "500 5.5.2")):
            talk.expect(334, "AUTH LOGIN")
            talk.expect(code, "A" * length)
            talk.expect(code, "AUTH PLAIN " + "A" * (length - 11))
        logs_in(talk)
