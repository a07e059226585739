# SPDX-License-Identifier: MIT
"""AUTH PLAIN and LOGIN against the users file (threats.md 2.6)."""
import base64
import os
import warnings

import pytest

from .dialogue import Dialogue, message, print_page, subject_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

USERS = {"erp": "Correct-Horse 7%\"\\:", "nas": "p\u00e4ss", "one": "x" * 200}


def b64(*parts):
    return base64.b64encode(b"\0".join(part.encode() for part in parts)).decode()


def hash_of(password):
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_SHA512, rounds=1000))


@pytest.fixture
def server(relay):
    """A listener that requires a login; passwords may be shown in clear from 127.0.0.1."""
    def make(listener=None, device=None):
        one = relay(start=False)
        one.config["listeners"][0].update(listener or {"auth": "required"})
        one.config["devices"] = [device or {"name": "here", "address": "127.0.0.1",
                                            "cleartext_auth": True}]
        path = os.path.join(one.state, "users")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"{name}:{hash_of(word)}\n" for name, word in USERS.items()))
        os.chmod(path, 0o600)
        one.secrets += [word for word in USERS.values() if len(word) > 8]
        one.write_config()
        return one.start()
    return make


def test_plain_and_login(server, sandbox):
    one = server()
    user, word = "erp", USERS["erp"]
    ways = [[f"AUTH PLAIN {b64('', user, word)}"], ["AUTH PLAIN", b64("", user, word)],
            [f"AUTH PLAIN {b64(user, user, word)}"], ["auth login", b64(user), b64(word)],
            [f"AUTH LOGIN {b64(user)}", b64(word)]]
    for number, steps in enumerate(ways):
        with Dialogue(one.port) as talk:
            assert "AUTH" in talk.hello()
            for step in steps[:-1]:
                talk.expect(334, step)
            talk.expect("235 2.7.0", steps[-1])
            talk.expect(503, steps[0])              # once is enough
            talk.expect(250, "RSET")
            talk.expect(503, steps[0])
            talk.envelope()
            assert talk.data(message(f"way {number}")).startswith("250")
    sandbox.wait(messages=len(ways))


@pytest.mark.parametrize("user", ["nas", "one"])
def test_odd_passwords(server, user):
    one = server()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(235, f"AUTH PLAIN {b64('', user, USERS[user])}")


def test_inside_tls(server):
    one = server(device={"name": "here", "address": "127.0.0.1"})
    with Dialogue(one.port) as talk:
        assert "AUTH" not in talk.hello()
        # The password must not be asked for in clear.
        assert talk.ask("AUTH PLAIN")[:3] in ("503", "504", "530", "538")
        assert talk.ask("AUTH LOGIN")[:3] in ("503", "504", "530", "538")
        talk.expect(530, "MAIL FROM:<a@b.c>")
        talk.starttls()
        hello = talk.hello()
        assert "AUTH " in hello and "PLAIN" in hello and "LOGIN" in hello
        talk.expect(530, "MAIL FROM:<a@b.c>")
        talk.expect(235, f"AUTH PLAIN {b64('', 'erp', USERS['erp'])}")
        talk.envelope()


@pytest.mark.parametrize("steps, code", [
    ([b64("", "erp", "wrong")], "535 5.7.8"), ([b64("", "nobody", "x")], "535 5.7.8"),
    ([b64("", "erp", "")], "5"), ([b64("", "", "x")], "5"), (["*"], "501 5"),
    (["!!!!"], "501 5.5.2"), (["QQ"], "501 5.5.2"), (["===="], "501 5.5.2"),
    (["AA=A"], "501 5.5.2"), ([b64("no nul")], "5"), ([b64("a", "b", "c", "d")], "5"),
    ([b64("other", "erp", USERS["erp"])], "5"), ([b64("", "e\r\nrp", "x")], "5"),
    ([b64("", "u" * 8000, "x")], "5")])
def test_refusals_of_plain(server, steps, code):
    """After each the session is clean, and a right login works."""
    one = server()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(334, "AUTH PLAIN")
        talk.expect(code, steps[0])
        talk.expect(530, "MAIL FROM:<a@b.c>")
        talk.expect(235, f"AUTH PLAIN {b64('', 'erp', USERS['erp'])}")


@pytest.mark.parametrize("steps, code", [
    (["*"], "501"), ([b64("erp"), "*"], "501"), ([b64("erp"), b64("wrong")], "535"),
    ([b64(""), b64("x")], "5"), (["%%%%"], "501")])
def test_refusals_of_login(server, steps, code):
    one = server()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(334, "AUTH LOGIN")
        for step in steps[:-1]:
            if not talk.ask(step).startswith("334"):
                return
        talk.expect(code, steps[-1])
        talk.expect(235, f"AUTH PLAIN {b64('', 'erp', USERS['erp'])}")


def test_out_of_place(server):
    one = server()
    with Dialogue(one.port) as talk:
        talk.expect(503, "AUTH PLAIN")
        talk.hello()
        talk.expect(501, "AUTH")
        talk.expect(504, "AUTH CRAM-MD5")
        talk.expect(501, "AUTH PLAIN a b")
        talk.expect(235, f"AUTH PLAIN {b64('', 'erp', USERS['erp'])}")
        talk.envelope()
        talk.expect(503, "AUTH LOGIN")


def test_guessing_is_stopped(server):
    one = server()
    with Dialogue(one.port) as talk:
        talk.hello()
        codes = []
        try:
            for _ in range(20):
                codes.append(talk.ask(f"AUTH PLAIN {b64('', 'erp', 'guess')}")[:3])
        except (EOFError, ConnectionError):
            pass
        assert codes[0] == "535" and codes[-1] in ("421", "535") and len(codes) <= 10
    with Dialogue(one.port) as talk:            # another connection is not disturbed
        talk.hello()
        talk.expect(235, f"AUTH PLAIN {b64('', 'erp', USERS['erp'])}")


def test_any_password(server, sandbox):
    """Printers keep a stored login: where none is required it is taken and thrown away."""
    one = server({"auth": "accept-any-password"}, {"name": "here", "address": "127.0.0.1"})
    with Dialogue(one.port) as talk:
        assert "AUTH" in talk.hello()
        talk.expect(530, "MAIL FROM:<a@b.c>")
        talk.expect(334, "AUTH LOGIN")
        talk.expect(334, b64("whoever"))
        talk.expect(235, b64("whatever"))
        talk.envelope()
        assert talk.data(message("any")).startswith("250")
    sandbox.wait(messages=1)


def test_stored_login_where_none_is_wanted(server, sandbox):
    one = server({"auth": "none"}, {"name": "here", "address": "127.0.0.1"})
    with Dialogue(one.port) as talk:
        assert "AUTH" in talk.hello()
        talk.expect(235, f"AUTH PLAIN {b64('', 'old', 'forgotten')}")
        talk.envelope()
        assert talk.data(message("stored")).startswith("250")
    print_page(one.port, message("without"))
    sandbox.wait(messages=2)


def test_the_stricter_of_listener_and_device(server):
    one = server({"auth": "none"}, {"name": "here", "address": "127.0.0.1", "auth": "required",
                                    "cleartext_auth": True})
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(530, "MAIL FROM:<a@b.c>")
        talk.expect(535, f"AUTH PLAIN {b64('', 'erp', 'wrong')}")
        talk.expect(235, f"AUTH PLAIN {b64('', 'erp', USERS['erp'])}")
        talk.envelope()


def test_users_file_is_read_again(server):
    one = server()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(535, f"AUTH PLAIN {b64('', 'new', 'later-password')}")
    with open(os.path.join(one.state, "users"), "a", encoding="utf-8") as file:
        file.write(f"new:{hash_of('later-password')}\n")
    one.reload()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(235, f"AUTH PLAIN {b64('', 'new', 'later-password')}")


def test_pipelined_login_does_not_leak(server):
    """AUT-11: works or is refused; the password is in no log line either way."""
    one = server()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.send(f"AUTH LOGIN\r\n{b64('erp')}\r\n{b64(USERS['erp'])}\r\nNOOP\r\nQUIT\r\n")
        talk.rest()
    one.wait_event("disconnect")
    assert b64(USERS["erp"]) not in one.text() and USERS["erp"] not in one.text()


def test_a_login_serves_from_anywhere(relay, sandbox, server):
    """A user on a required listener needs no entry in `allow` or `devices`."""
    one = server()
    one.change({"allow": ["192.0.2.0/24"]})
    one.reload()
    with Dialogue(one.port, source="127.0.0.9") as talk:
        talk.hello()
        talk.starttls()
        talk.hello()
        talk.expect(530, "MAIL FROM:<a@b.c>")
        talk.expect(235, f"AUTH PLAIN {b64('', 'erp', USERS['erp'])}")
        talk.envelope()
        assert talk.data(message("from afar")).startswith("250")
    sandbox.wait(messages=1)
    assert subject_of(sandbox.messages()[0]) == "from afar"
