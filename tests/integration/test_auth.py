# SPDX-License-Identifier: MIT
"""Logging in: who may, what a user's line says, what is remembered, who is locked out.

The vectors of threats.md 2.6 are in vectors/test_aut.py."""
import os
import re
import shutil
import subprocess

import pytest

from . import users
from .dialogue import Dialogue, message, print_page, subject_of
from .relay import ROOT, free_port
from .users import USERS, b64, plain


@pytest.fixture
def server(relay):
    def make(config=None, **keywords):
        return users.server(relay, config, **keywords)
    return make


def log_in(one, source="127.0.0.1", line=None, code="235"):
    with Dialogue(one.port, source=source) as talk:
        talk.hello()
        talk.expect(code, line or plain())


def test_any_password(server, sandbox):
    """Printers keep a stored login: where none is required it is taken and thrown away."""
    one = server(listener={"auth": "accept-any-password"},
                 device={"name": "here", "address": "127.0.0.1"})
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
    one = server(listener={"auth": "none"}, device={"name": "here", "address": "127.0.0.1"})
    with Dialogue(one.port) as talk:
        assert "AUTH" in talk.hello()
        talk.expect(235, f"AUTH PLAIN {b64('', 'old', 'forgotten')}")
        talk.envelope()
        assert talk.data(message("stored")).startswith("250")
    print_page(one.port, message("without"))
    sandbox.wait(messages=2)


def test_the_stricter_of_listener_and_device(server):
    one = server(listener={"auth": "none"},
                 device={"name": "here", "address": "127.0.0.1", "auth": "required",
                         "cleartext_auth": True})
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(530, "MAIL FROM:<a@b.c>")
        talk.expect(535, plain("erp", "wrong"))
        talk.expect(235, plain())
        talk.envelope()


def test_a_login_serves_from_anywhere(sandbox, server):
    """A user on a required listener needs no entry in `allow` or `devices`."""
    one = server({"allow": ["192.0.2.0/24"]}, device={"name": "other", "address": "127.0.0.1"})
    with Dialogue(one.port, source="127.0.0.9") as talk:
        talk.hello()
        talk.starttls()
        talk.hello()
        talk.expect(530, "MAIL FROM:<a@b.c>")
        talk.expect(235, plain())
        talk.envelope()
        assert talk.data(message("from afar")).startswith("250")
    sandbox.wait(messages=1)
    assert subject_of(sandbox.messages()[0]) == "from afar"


def test_users_file_is_read_again(server):
    one = server()
    log_in(one, line=plain("new", "later-password"), code="535")
    users.write(one, {**USERS, "new": "later-password"})
    one.reload()
    log_in(one, line=plain("new", "later-password"))


def test_a_wrong_users_file_is_refused(server):
    one = server()
    for text, error in ((f"a:{users.hash_of('x')}:account=nowhere\n", "there is no account"),
                        (f"a:{users.hash_of('x')}:networks=10.0.0.1/8\n", "networks: "),
                        (f"\na:{users.hash_of('x')}:sender=x.org\n", 'did you mean \\"senders\\"'),
                        ("a:b\n", "no crypt(3) hash")):
        with open(os.path.join(one.state, "users"), "w", encoding="utf-8") as file:
            file.write(text)
        result = one.cli("config", "check")
        line = text.count("\n")
        assert result.returncode == 1 and error.replace("\\", "") in result.stderr
        assert f"/users:{line}: " in result.stderr
        one.reload()
        one.wait_event("reload-refused", error=lambda told, e=error: e.replace("\\", "") in told)
    log_in(one)                                     # those of before count on
    one.stop()
    result = one.cli("run")
    assert result.returncode == 1 and "no crypt(3) hash" in result.stderr


# --- what a user's line says ---------------------------------------------------------------

def two_accounts(**second):
    def change(one):
        one.config["accounts"] = [one.account("scanner"), one.account("second", **second)]
        one.config["devices"][0].update(address="0.0.0.0/0", auth="required", account="scanner")
        one.config["allow"] = None
    return change


def test_a_user_has_an_account_of_its_own(server):
    """The user's comes before the device's."""
    one = server(options={"erp": "account=second"}, change=two_accounts())
    for user, account in (("erp", "second"), ("nas", "scanner")):
        with Dialogue(one.port) as talk:
            talk.hello()
            talk.expect(235, plain(user))
            talk.envelope()
            assert talk.data(message(user)).startswith("250")
        one.wait_event("delivery", status="sent", account=account)


def test_moving_a_user_moves_its_waiting_mail(server, sandbox):
    one = server(options={"erp": "account=second"}, change=two_accounts(port=free_port()))
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(235, plain())
        talk.envelope()
        assert talk.data(message("moved")).startswith("250")
    one.wait_setback()
    users.write(one, options={"erp": "account=scanner"})
    one.reload()
    sandbox.wait(messages=1)


def test_the_size_limit_is_that_of_the_users_account(server):
    one = server(options={"erp": "account=second"},
                 change=two_accounts(limits={"message_size": 20000}))
    for user, size in (("erp", 20000), ("nas", None)):
        with Dialogue(one.port) as talk:
            talk.hello()
            talk.expect(235, plain(user))
            assert ("SIZE 20000" in talk.hello()) == (size is not None)
            talk.expect("552" if size else "250", "MAIL FROM:<a@b.c> SIZE=30000")


def test_several_accounts_and_a_user_without(server):
    """With a required listener and several accounts, each user must say one."""
    one = server()
    one.config["accounts"] = [one.account("scanner"), one.account("second")]
    one.config["devices"] = None
    one.config["allow"] = None
    one.write_config()
    result = one.cli("config", "check")
    assert result.returncode == 1 and "the user erp of " in result.stderr
    users.write(one, options={name: "account=second" for name in USERS})
    result = one.cli("config", "check")
    assert result.returncode == 0, result.stderr


def test_networks_of_a_user(server):
    """From elsewhere the right password is a wrong one, and the log says why."""
    one = server(options={"erp": "networks=127.0.8.0/24,10.0.0.0/8"})
    log_in(one, source="127.0.9.1", code="535 5.7.8 Authentication failed: wrong user name")
    event = one.wait_event("login-failed", user="erp", reason="not from this address", failures=1)
    assert event["peer"].startswith("127.0.9.1:") and event["device"] == "here"
    log_in(one, source="127.0.8.1")
    log_in(one, source="127.0.9.1", code="535")     # not by what is remembered either


# --- the lock ------------------------------------------------------------------------------

def two_listeners(one):
    """A port for users, and one where no login is asked for."""
    one.config["listeners"].append({"address": f"127.0.0.1:{free_port()}"})
    one.config["devices"][0]["auth"] = "none"
    one.write_config()
    return int(one.config["listeners"][1]["address"].rpartition(":")[2])


def test_a_lock_does_not_touch_mail_without_a_login(relay, sandbox):
    one = relay(start=False)
    users.write(one)
    one.config["listeners"][0]["auth"] = "required"
    one.config["devices"] = [{"name": "here", "address": "127.0.0.0/8", "cleartext_auth": True}]
    one.config["limits"] = {"lock_after": 1, "lock_time": "1h"}
    port = two_listeners(one)
    one.start()
    log_in(one, line=plain("erp", "guess-0815"), code="535")
    log_in(one, code="454 4.7.0 Too many failed logins, try again in 1h")
    print_page(port, message("no login"))
    with Dialogue(port) as talk:                    # nor the stored login of a printer
        talk.hello()
        talk.expect(235, plain("erp", "guess-0815"))
        talk.envelope()
    sandbox.wait(messages=1)


def test_logins_that_any_password_gives_are_never_counted(server):
    one = server({"limits": {"lock_after": 1}}, listener={"auth": "accept-any-password"})
    for _ in range(3):
        log_in(one, line=plain("erp", "guess-0815"))
    assert one.events("login-failed") == []


def test_a_lock_ends(server):
    """limits.lock_time"""
    one = server({"limits": {"lock_after": 1, "lock_time": "100ms"}})
    log_in(one, line=plain("erp", "guess-0815"), code="535")
    for _ in range(200):
        with Dialogue(one.port) as talk:
            talk.hello()
            if talk.ask(plain()).startswith("235"):
                return
    pytest.fail("still locked")


def test_the_log_names_known_users_only(server):
    """What is typed into the name's field may be a password."""
    one = server()
    one.secrets.append("canary-in-the-name")
    log_in(one, line=plain("canary-in-the-name", "x"), code="535")
    one.wait_event("login-failed", user="?", reason="unknown user", failures=1)
    log_in(one, source="127.0.0.2", line=plain("erp", "guess-0815"), code="535")
    one.wait_event("login-failed", user="erp", reason="wrong password", failures=1)


# --- fail2ban ------------------------------------------------------------------------------

FILTER = os.path.join(ROOT, "conf", "fail2ban", "filter.d", "oauthrelay.conf")
# What fail2ban 1.0 makes of <ADDR>, near enough.
ADDR = (r"\[?(?:(?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3})|"
        r"(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):)))\]?")


def failregexes():
    with open(FILTER, encoding="utf-8") as file:
        text = file.read()
    block = re.search(r"(?m)^failregex = (.*(?:\n[ \t]+\S.*)*)", text)[1]
    return [line.strip().replace("<ADDR>", ADDR) for line in block.split("\n")]


def failed_lines(server):
    one = server()
    log_in(one, source="127.0.4.4", line=plain("erp", "guess-0815"), code="535")
    log_in(one, source="127.0.4.5", line=plain("x\" peer=1.2.3.4:5 reason=", "x"), code="535")
    log_in(one, source="127.0.4.6")
    one.wait_event("login-failed", count=2)
    return [line for line in one.text().split("\n") if "debug session-mode" not in line]


def test_fail2ban_filter(server):
    """The failregex against real lines: as journald has them, and as stderr does."""
    found = []
    for line in failed_lines(server):
        for form in (line.partition("Z ")[2].partition(" ")[2], line):
            for regex in failregexes():
                match = re.search(regex, form)
                if match:
                    found.append(match["ip4"])
    assert found == ["127.0.4.4", "127.0.4.4", "127.0.4.5", "127.0.4.5"]
    line = "login-failed in=0123abcd peer=[fd00::12:9]:1025 device=- user=? reason=x failures=1"
    assert [re.search(regex, line)["ip6"] for regex in failregexes()] == ["fd00::12:9"]


@pytest.mark.skipif(shutil.which("fail2ban-regex") is None, reason="fail2ban is not installed")
def test_fail2ban_regex(server, tmp_path):
    log = tmp_path / "relay.log"
    log.write_text("\n".join(failed_lines(server)) + "\n", encoding="utf-8")
    result = subprocess.run(["fail2ban-regex", "--print-all-matched", str(log), FILTER],
                            capture_output=True, text=True, timeout=60, check=False,
                            stdin=subprocess.DEVNULL)
    assert ", 2 matched, " in result.stdout, result.stdout + result.stderr
    assert "peer=127.0.4.4:" in result.stdout and "peer=127.0.4.5:" in result.stdout
