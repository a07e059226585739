# SPDX-License-Identifier: MIT
"""`oauthrelay login --browser`, and both ways on a terminal."""
import base64
import os
import subprocess
import termios

import pytest

from sandbox.browser import Browser

from . import sign_in
from .sign_in import CLIENT_WEB, Login, mail_flows, web, world  # noqa: F401 (fixtures)

ADDED = "added~Q.canary-of-a-client-secret-00000001"


# --- with a browser ---------------------------------------------------------------------------

def test_browser_comes_back(world, sandbox):
    one = world()
    with Login(one, "--browser") as login:
        step = login.step("browser")
        assert step["listening"] and step["redirect_uri"].startswith("http://localhost:")
        status, page = Browser(sandbox).sign_in(step["url"])
        assert status == 200 and "Signed in" in page
        assert login.step("signed-in")["user"] == sandbox.mailbox
        login.end()
    one.start()
    mail_flows(one)


def test_browser_on_another_machine(world, sandbox):
    """What its address line shows is pasted."""
    one = world()
    with Login(one, "--browser") as login:
        login.paste(Browser(sandbox).location(login.step("browser")["url"]))
        login.step("signed-in")
        login.end()
    one.start()
    mail_flows(one)


def test_web_application(web, sandbox):
    """A secret, PKCE all the same, and a redirect that nobody listens on."""
    one = web()
    with Login(one, "--browser") as login:
        step = login.step("browser")
        assert step["redirect_uri"] == CLIENT_WEB and not step["listening"]
        login.paste("   " + Browser(sandbox).location(step["url"]))
        login.step("signed-in")
        login.end()
    one.start()
    mail_flows(one)
    assert sandbox.events("token")[0]["auth"] == "secret"


def sign_in_by_browser(one, sandbox):
    with Login(one, "--browser") as login:
        login.paste(Browser(sandbox).location(login.step("browser")["url"]))
        login.step("signed-in")
        return login.end()


@pytest.fixture
def web_with_another_secret(web, sandbox):
    """The configuration's secret has ended; `account secret` has given one that is right."""
    def make(config=None, **given):
        one = web()
        one.change(lambda all: all.update(config or {}))
        one.given_environment.update(given)
        old = sandbox.secret
        one.start()
        sign_in_by_browser(one, sandbox)
        sandbox.set_app(secrets=[{"value": old, "expired": True},
                                 {"value": ADDED, "expired": False}])
        one.secrets.append(ADDED)
        result = one.cli("account", "secret", "scanner", text=ADDED + "\n", timeout=60)
        assert result.returncode == 0, result.stderr
        return one
    return make


@pytest.mark.parametrize("running", [True, False])
def test_signing_in_shows_a_secret_that_was_added(web_with_another_secret, sandbox, running):
    one = web_with_another_secret()
    if not running:
        one.stop()
    login = sign_in_by_browser(one, sandbox)
    assert login.findings() == [] and not [s for s in login.steps if s["step"] == "trouble"]
    if not running:
        one.start()
    mail_flows(one)


def test_an_added_secret_that_only_the_relay_can_read(web_with_another_secret, sandbox, tmp_path):
    """It is said before anybody signs in, with what to do."""
    (tmp_path / "relay.key").write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
    (tmp_path / "relay.key").chmod(0o600)
    one = web_with_another_secret({"seal_key": "credential:relay.key"},
                                  CREDENTIALS_DIRECTORY=str(tmp_path))
    del one.given_environment["CREDENTIALS_DIRECTORY"]      # which a command line has not
    with Login(one, "--browser") as login:
        url = login.step("browser")["url"]
        (kind, text), = login.findings()
        assert kind == "warning" and "cannot be read from here" in text
        login.paste(Browser(sandbox).location(url))
        assert login.step("failed")["code"] == "AADSTS7000222"
        login.end(1)


def test_no_codes_for_a_web_application(web):
    result = web().cli("login", "scanner")
    assert result.returncode == 1 and "`oauthrelay login scanner --browser`" in result.stderr


def test_no_input_to_paste_from(web):
    with Login(web(), "--browser", stdin=subprocess.DEVNULL) as login:
        assert login.step("failed")["code"] == "no-input"
        login.end(1)


def test_answers_that_do_not_count(world, sandbox):
    one = world()
    with Login(one, "--browser") as login:
        url = login.step("browser")["url"]
        browser = Browser(sandbox)
        status, page = browser.sign_in(url, lambda where: where.replace("state=", "state=x"))
        assert status == 400 and "not the answer" in page
        assert "another sign-in" in login.step("trouble")["error"]
        login.paste(url)
        assert "no code" in login.step("trouble", 2)["error"]
        login.paste(browser.location(url).replace("state=scanner.", "state=other."))
        assert 'for account "other"' in login.step("trouble", 3)["error"]
        status, page = browser.sign_in(url)
        assert status == 200
        login.end()
    one.start()
    mail_flows(one)


@pytest.mark.parametrize("code", [65004, 65001, 53003])
def test_the_answer_is_no(world, sandbox, code):
    sandbox.set(browser_error=code)
    with Login(world(), "--browser") as login:
        status, page = Browser(sandbox).sign_in(login.step("browser")["url"])
        assert status == 200 and "Not signed in" in page
        failed = login.step("failed")
        assert failed["code"] == f"AADSTS{code}" and failed["remedy"] and not failed["try_browser"]
        login.end(1)


def test_a_provider_without_codes(world, sandbox):
    """Gmail has none for mail."""
    one = world(provider="gmail", device_endpoint=None)
    result = one.cli("login", "scanner")
    assert result.returncode == 1 and "--browser" in result.stderr, result


def test_like_gmail(relay, sandbox):
    """Any provider by its addresses: what Google wants besides is in authorization_endpoint."""
    one = relay(start=False)
    client, user = "relay.apps.gmail.test", "printer@gmail.test"
    secret = sandbox.info()["apps"][client]["secrets"][0]["value"]
    sandbox.set(browser_user=user)
    account = sign_in.account(one, tenant="gmail.test", provider="gmail", client_id=client,
                              mailbox=user, scope="https://mail.google.com/", device_endpoint=None)
    account["client_secret"] = "file:" + one.secret_file("google.secret", secret)
    account["authorization_endpoint"] += "?access_type=offline&prompt=consent"
    one.change(lambda config: config.update(accounts=[account]))
    with Login(one, "--browser") as login:
        status, _ = Browser(sandbox).sign_in(login.step("browser")["url"])
        assert status == 200
        assert login.step("signed-in")["refresh_token"]
        login.end()
    one.change(lambda config: config["accounts"][0].update(
        authorization_endpoint=sandbox.endpoint("authorize", "gmail.test")))
    with Login(one, "--browser") as login:
        Browser(sandbox).sign_in(login.step("browser")["url"])
        login.end(1)
        assert any("no refresh token" in text for _, text in login.findings())
        assert "what was stored before stays" in login.errors
    one.start()         # with the first sign-in
    mail_flows(one)


# --- on a terminal ----------------------------------------------------------------------------

def test_terminal(world, sandbox):
    one = world()
    with Login(one, json_steps=False) as login:
        text = login.shows("Waiting; Ctrl-C ends it.")
        code = sandbox.devices()[-1]["user_code"]
        assert "\n        " + " ".join(code) + "\r\n" in text
        assert "https://login.microsoft.com/device" in text and "15 min" in text
        sandbox.device("approve")
        login.shows("Account scanner is signed in as scanner@contoso.com.")
        login.end()


def test_pasting_on_a_terminal(web, sandbox):
    """Longer than a terminal's line, and not shown; a mistake before it can be taken back."""
    one = web()
    with Login(one, "--browser", json_steps=False) as login:
        text = login.shows("\nAddress: ")
        url = next(line for line in text.split("\r\n") if line.startswith("https://localhost"))
        where = Browser(sandbox).location(url) + "&session=" + "x" * 5000
        login.paste("oh\x15" + where)
        text = login.shows("is signed in")
        assert where[:60] not in text
        login.end()


def test_interrupted(web):
    """Ctrl-C leaves the terminal as it was."""
    with Login(web(), "--browser", json_steps=False) as login:
        before = termios.tcgetattr(login.far)
        login.shows("\nAddress: ")
        during = termios.tcgetattr(login.far)
        assert not during[3] & (termios.ECHO | termios.ICANON)
        os.write(login.terminal, b"\x03")
        login.shows("interrupted; nothing was changed")
        login.process.wait(30)
        after = termios.tcgetattr(login.far)
        assert after[3] & termios.ECHO and after[3] & termios.ICANON
        assert before[3] & termios.ECHO or before != during
        login.end(1)
