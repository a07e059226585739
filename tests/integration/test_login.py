# SPDX-License-Identifier: MIT
"""`oauthrelay login`: somebody signs in, by a code or with a browser, and mail flows."""
import json
import os
import stat
import subprocess

import pytest

from . import sealed
from .dialogue import print_page
from .sign_in import Login, account, by_code, mail_flows, web, world  # noqa: F401 (fixtures)


# --- by a code --------------------------------------------------------------------------------

def test_code_and_then_mail(world, sandbox):
    """Before the relay has ever run; its first start needs no other token."""
    one = world()
    with Login(one) as login:
        shown = login.step("device-code")
        assert shown["verification_uri"] == "https://login.microsoft.com/device"
        assert shown["user_code"] == sandbox.devices()[-1]["user_code"]
        assert shown["expires_in"] == 900
        sandbox.device("approve")
        assert login.step("signed-in") == {
            "step": "signed-in", "account": "scanner", "user": sandbox.mailbox,
            "expires_in": login.step("signed-in")["expires_in"], "refresh_token": True,
            "kept_by": "file", "warning": ""}
        login.end()
        assert login.findings() == [] and login.errors == ""
    one.start()
    mail_flows(one)
    assert [event["grant_type"] for event in sandbox.events("token") if not event["error"]] == [
        "urn:ietf:params:oauth:grant-type:device_code"]


def test_what_is_written_is_private(world):
    one = world()
    by_code(one)
    for path, mode in ((sealed.path(one), 0o600), (os.path.dirname(sealed.path(one)), 0o700),
                       (sealed.key_path(one), 0o600)):
        assert stat.S_IMODE(os.stat(path).st_mode) == mode, path
    record = sealed.read(one)
    assert record["refresh_token"] == one.sandbox.refresh_tokens()[-1]["value"]
    with open(sealed.path(one), "rb") as file:
        assert record["refresh_token"].encode() not in file.read()


def test_slow_down_is_obeyed(world, sandbox):
    """The sandbox records a poll that comes too soon as a violation."""
    one = world()
    with Login(one) as login:
        login.step("device-code")
        sandbox.device("slow_down")
        sandbox.wait(event="token", count=1)
        sandbox.device("approve")
        login.end()
    assert sandbox.devices()[-1]["interval"] > 5


@pytest.mark.parametrize("act, code", [("decline", "AADSTS65004"), ("expire", "AADSTS70019")])
def test_nobody_signs_in(world, act, code):
    login = by_code(world(), act)
    failed = login.step("failed")
    assert failed["code"] == code and failed["remedy"] and not failed["try_browser"]


@pytest.mark.parametrize("blocked", [530036, 53003, 50199])
def test_a_policy_that_forbids_codes(world, blocked):
    failed = by_code(world(), "block", code=blocked).step("failed")
    assert failed["code"] == f"AADSTS{blocked}" and failed["try_browser"]


def test_an_application_that_may_not(world, sandbox):
    sandbox.set_app(sandbox.public_client, public=False)
    one = world()
    with Login(one) as login:
        failed = login.step("failed")
        assert failed["code"] == "AADSTS7000218" and failed["try_browser"]
        login.end(1)
    result = one.cli("login", "scanner")
    assert result.returncode == 1 and "`oauthrelay login scanner --browser`" in result.stderr


def test_troubles_in_between(world, sandbox):
    """Neither a lost connection nor an endpoint in trouble ends a sign-in."""
    one = world()
    sandbox.fault("token", "http", status=503, body="x", match={
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code"})
    with Login(one) as login:
        login.step("device-code")
        assert login.step("trouble")["code"] == "http-503"
        sandbox.device("approve")
        login.end()
    one.start()
    mail_flows(one)


def test_a_tenant_left_out(world, sandbox):
    """The owner's fourth document: whoever signs in says by that which tenant it is."""
    one = world(tenant="organizations")
    by_code(one)
    one.start()
    mail_flows(one)


# --- where it goes ----------------------------------------------------------------------------

def test_while_the_relay_runs(world, sandbox):
    """Mail that waits for a sign-in goes out as soon as there is one; it outlives a restart."""
    one = world().start()
    print_page(one.port)
    one.wait_setback()
    login = by_code(one)
    assert login.step("signed-in")["kept_by"] == "relay"
    sandbox.wait(messages=1)
    one.wait_event("credential-changed", account="scanner")
    one.restart(kill=True)
    mail_flows(one, 2)
    assert len([event for event in sandbox.events("token") if not event["error"]]) == 1


def test_it_ends_a_hold_for_a_refused_login(world, sandbox):
    """The wrong person had signed in, say: who mends that does not wait for the next probe."""
    one = world()
    by_code(one)
    sandbox.fault("auth", "reply", text="535 5.7.3 Authentication unsuccessful", count=0)
    one.start()
    print_page(one.port)
    assert "535" in one.wait_event("account-held", account="scanner")["reason"]
    sandbox.clear()
    by_code(one)
    sandbox.wait(messages=1)
    one.wait_event("account-resumed", account="scanner")


def test_an_account_the_running_relay_does_not_know_yet(world):
    one = world().start()
    one.change({"accounts": [*one.config["accounts"], account(one, name="second")], "allow": [],
                "devices": [{"name": "all", "address": "127.0.0.0/8", "account": "scanner"}]})
    result = one.cli("login", "second")
    assert result.returncode == 1 and "`systemctl reload oauthrelay`" in result.stderr


def test_what_cannot_be_opened_is_kept(world, sandbox):
    """It was sealed on another machine, or by a key that only the service has."""
    one = world()
    by_code(one)
    with open(sealed.path(one), "rb") as file:
        before = file.read()
    os.unlink(sealed.key_path(one))
    login = by_code(one)
    assert "cannot be opened" in login.step("signed-in")["warning"]
    with open(sealed.path(one) + ".refused", "rb") as file:
        assert file.read() == before
    one.start()
    mail_flows(one)


def test_while_it_is_stopped(world, sandbox):
    """A second sign-in takes the place of the first; the account goes on with the new one."""
    one = world()
    by_code(one)
    one.start()
    mail_flows(one)
    one.stop()
    sandbox.end_refresh_tokens()
    sandbox.revoke()
    by_code(one)
    one.start()
    mail_flows(one, 2)


def test_relay_starts_meanwhile(world, sandbox):
    """Nobody ran when the code was asked for; whoever runs at the end gets the token."""
    one = world()
    with Login(one) as login:
        login.step("device-code")
        one.start()
        sandbox.device("approve")
        assert login.step("signed-in")["kept_by"] == "relay"
        login.end()
    mail_flows(one)


def test_relay_stops_meanwhile(world, sandbox):
    one = world().start()
    with Login(one) as login:
        login.step("device-code")
        one.stop()
        sandbox.device("approve")
        assert login.step("signed-in")["kept_by"] == "file"
        login.end()
    one.start()
    mail_flows(one)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can sign in for another user's relay")
def test_written_by_root_owned_by_the_service(world):
    one = world()
    os.chown(one.state, 65534, 65534)
    by_code(one)
    for path in (sealed.path(one), os.path.dirname(sealed.path(one)), sealed.key_path(one)):
        assert (os.stat(path).st_uid, os.stat(path).st_gid) == (65534, 65534), path


@pytest.mark.skipif(os.geteuid() != 0, reason="root may use every socket")
def test_socket_of_others(world):
    """Said before anybody signs in: sudo."""
    one = world().start()
    os.chmod(one.dir, 0o755)
    for name in (one.path, one.state):
        os.chmod(name, 0o755)
    result = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", one.program, "-c", one.path, "login",
         "scanner"], capture_output=True, text=True, check=False, timeout=60,
        stdin=subprocess.DEVNULL, env=one._environment())
    assert result.returncode == 1 and "sudo" in result.stderr, result
    assert one.sandbox.devices() == []


def test_reload_first(world, sandbox):
    """The file says something else than what runs: nobody signs in for nothing."""
    one = world().start()
    one.change(lambda config: config["accounts"][0].update(
        scope="https://outlook.office365.com/SMTP.Send offline_access"))
    result = one.cli("login", "scanner")
    assert result.returncode == 1 and "reload first" in result.stderr, result
    assert sandbox.devices() == []
    one.reload()
    by_code(one)
    mail_flows(one)


def test_key_that_only_the_service_has(world):
    one = world()
    one.change({"seal_key": "credential:relay.key"})
    result = one.cli("login", "scanner")
    assert result.returncode == 1 and "start the relay first" in result.stderr, result


def test_record_of_another_key_is_replaced(world):
    one = world()
    by_code(one)
    os.unlink(sealed.key_path(one))
    by_code(one)
    assert sealed.read(one)["refresh_token"]
    one.start()
    mail_flows(one)


# --- what the token says ----------------------------------------------------------------------

def test_another_mailbox(world, sandbox):
    """It may be a shared one: a note, and it is kept."""
    login = by_code(world(), user="second@contoso.com")
    (weight, text), = login.findings()
    assert weight == "note" and "second@contoso.com has signed in" in text
    assert login.step("signed-in")


def test_another_login(world, sandbox):
    one = world(login="second@contoso.com")
    login = by_code(one, user="scanner@contoso.com")
    (weight, text), = login.findings()
    assert weight == "warning" and "logs in as second@contoso.com" in text


def test_opaque_token(world, sandbox):
    one = world()
    with Login(one) as login:
        login.step("device-code")
        reply = {"token_type": "Bearer", "expires_in": 3599, "access_token": "EwB-not-a-jwt",
                 "refresh_token": "M.C1_opaque-as-well"}
        sandbox.fault("token", "http", status=200, body=json.dumps(reply), count=0,
                      headers={"Content-Type": "application/json"})
        sandbox.device("approve")
        assert login.step("token") == {"step": "token", "readable": False}
        login.step("signed-in")
        (weight, text), = login.findings()
        assert weight == "note" and "cannot be looked into" in text
        login.end()


# --- what it refuses --------------------------------------------------------------------------

def test_refuses_plainly(relay, sandbox):
    one = relay(start=False)
    result = one.cli("login", "scaner")
    assert result.returncode == 1 and 'did you mean "scanner"?' in result.stderr
    result = one.cli("login", "scanner")
    assert result.returncode == 1 and "`oauthrelay account secret scanner`" in result.stderr
    assert one.cli("login").returncode == 2
    assert one.cli("status", "--browser").returncode == 2
