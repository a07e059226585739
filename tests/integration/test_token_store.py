# SPDX-License-Identifier: MIT
"""Tokens over a restart: sealed, private, and no trouble for anybody when they cannot be opened."""
import base64
import os
import shutil
import stat
import subprocess

import pytest

from . import namespace, sealed
from .dialogue import message, print_page

NOBODY = 65534


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def delegated(relay):
    """delegated() makes a relay with an account that somebody has signed in to; not started."""
    def make(**keywords):
        one = relay(start=False, **keywords)
        one.change(lambda config: config.update(accounts=[sealed.delegated(one)]))
        sealed.sign_in(one)
        return one
    return make


def test_a_restart_needs_no_token_request(relay, sandbox):
    """The first message after it goes out with the token of the last run, whatever its end was."""
    one = relay()
    print_page(one.port)
    sandbox.wait(messages=1)
    for kill in (False, True):
        sent = len(sandbox.messages())
        one.restart(kill=kill)
        print_page(one.port)
        sandbox.wait(messages=sent + 1)
        assert len(sandbox.events("token")) == 1
    assert len(one.events("token", status="fetched")) == 1


def test_nor_does_one_of_an_account_somebody_signed_in_to(delegated, sandbox):
    one = delegated().start()
    print_page(one.port)
    sandbox.wait(messages=1)
    one.restart()
    print_page(one.port)
    sandbox.wait(messages=2)
    assert [event["grant_type"] for event in sandbox.events("token")] == ["refresh_token"]


def test_another_configuration_needs_a_token_of_its_own(relay, sandbox):
    """What was got elsewhere, or for another client or scope, is not shown to anybody."""
    one = relay()
    print_page(one.port)
    sandbox.wait(messages=1)
    account = one.config["accounts"][0]
    tenant = sandbox.info()["tenants"][sandbox.tenant]["id"]
    account["token_endpoint"] = account["token_endpoint"].replace(sandbox.tenant, tenant)
    one.write_config()
    one.restart()
    print_page(one.port)
    sandbox.wait(messages=2)
    assert len(sandbox.events("token")) == 2


def forms(secret):
    """Pieces of a secret that betray it: as it is, and in base64 at each alignment."""
    raw = secret.encode()
    yield raw[:24]
    yield raw[-24:]
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + raw[:48])[4:40]


def test_files_are_private_and_tell_nothing(delegated, sandbox):
    umask = os.umask(0)
    try:
        one = delegated().start()
    finally:
        os.umask(umask)
    print_page(one.port)
    sandbox.wait(messages=1)
    one.stop()
    secrets = [value for kind, values in sandbox.secrets().items() for value in values
               if kind in ("refresh_token", "access_token")]
    assert len(secrets) >= 3            # the first refresh token, the second, an access token
    assert mode(one.state) == mode(os.path.join(one.state, "accounts")) == 0o700
    for folder, _, names in os.walk(one.state):
        for name in names:
            path = os.path.join(folder, name)
            assert mode(path) == 0o600, path
            with open(path, "rb") as file:
                content = file.read()
            for secret in secrets + [sandbox.mailbox, sandbox.public_client]:
                for form in forms(secret):
                    assert form not in content, path
    record = sealed.read(one)           # and with the key it is all there
    assert record["refresh_token"] in secrets and record["access_token"] in secrets


def test_the_key_is_made_once(relay, sandbox):
    one = relay()
    assert mode(sealed.key_path(one)) == 0o600
    before = sealed.key(one)
    one.restart()
    assert sealed.key(one) == before
    assert sandbox.events("token") == []


def test_a_key_that_others_can_read_is_refused(delegated, sandbox):
    """With the command that mends it. Whom nobody signed in to gets his tokens all the same."""
    one = delegated()
    one.config["accounts"].append(one.account("robot"))
    del one.config["allow"]
    one.config["devices"] = [
        {"name": "office", "address": "127.0.0.1", "account": "scanner"},
        {"name": "robot", "address": "127.0.0.2", "account": "robot"}]
    one.write_config()
    os.chmod(sealed.key_path(one), 0o644)
    one.start()
    refused = one.wait_event("seal-key-refused")
    assert refused.level == "error" and f"chmod 600 {sealed.key_path(one)}" in refused["error"]
    print_page(one.port, source="127.0.0.2")
    sandbox.wait(messages=1)
    print_page(one.port)
    held = one.wait_event("account-held", account="scanner")
    assert f"chmod 600 {sealed.key_path(one)}" in held["reason"]
    # Not to sign in again: the sign-in is there as soon as its key is.
    assert "systemctl restart" in held["remedy"] and "login" not in held["remedy"]
    assert len(one.events("seal-key-refused")) == 1
    assert "systemctl restart oauthrelay" in held["remedy"]
    subprocess.run(["chmod", "600", sealed.key_path(one)], check=True)
    one.reload()                        # what an administrator tries first: says what is needed
    assert "restart" in one.wait_event("restart-needed", key="seal_key")["remedy"]
    one.restart()
    sandbox.wait(messages=2)
    one.reload()
    assert len(one.events("restart-needed")) == 1


def test_two_relays_on_one_state(relay, sandbox):
    """They would make each other's refresh tokens worthless. A sign-in by command is no second."""
    one = relay()
    two = relay(start=False)
    two.config["state_dir"] = one.state
    two.write_config()
    refused = two.cli("run")
    assert refused.returncode == 1
    assert f"another oauthrelay (pid {one.process.pid}) uses {one.state}/lock" in refused.stderr
    assert "give each its own" in refused.stderr
    one.restart(kill=True)              # what a crash leaves behind does not matter
    print_page(one.port)
    sandbox.wait(messages=1)


def other_key(path, one):
    """The state was copied to another machine, or restored without the key."""
    os.unlink(sealed.key_path(one))
    del path


def altered(path, one):
    with open(path, "r+b") as file:
        file.seek(40)
        byte = file.read(1)
        file.seek(40)
        file.write(bytes([byte[0] ^ 1]))
    del one


def cut(path, one):
    os.truncate(path, os.path.getsize(path) // 2)
    del one


def emptied(path, one):
    os.truncate(path, 0)
    del one


def a_folder(path, one):
    os.unlink(path)
    os.mkdir(path)
    del one


def a_pipe(path, one):
    os.unlink(path)
    os.mkfifo(path)
    del one


def a_link(path, one):
    os.rename(path, path + ".elsewhere")
    os.symlink(path + ".elsewhere", path)
    del one


def huge(path, one):
    os.truncate(path, 1 << 40)
    del one


def newer(path, one):
    sealed.write(one, {**sealed.read(one), "version": 2})
    del path


def newer_seal(path, one):
    with open(path, "r+b") as file:
        file.seek(4)
        file.write(b"\2")
    del one


def another_accounts(path, one):
    """Its file under our name: a good seal in the wrong place."""
    with open(path, "wb") as file:
        file.write(sealed.close(sealed.key(one), "other", {"version": 1, "refresh_token": "x"}))


TROUBLES = [other_key, altered, cut, emptied, a_folder, a_pipe, a_link, huge, newer, newer_seal,
            another_accounts]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: one.__name__)
def test_what_cannot_be_opened_means_signing_in_again(delegated, sandbox, trouble):
    """The relay starts, says what is wrong, and holds that account; nothing is asked or lost."""
    one = delegated()
    trouble(sealed.path(one), one)
    one.start()
    assert one.wait_event("token-record-refused", account="scanner").level == "error"
    print_page(one.port, message("waits"))
    held = one.wait_event("account-held", account="scanner")
    assert "oauthrelay login scanner" in held["remedy"]
    assert sandbox.events("token") == [] and len(one.spool_files()) == 1
    one.restart()                       # that it was refused is no reason to crash the next time
    one.wait_event("account-held", account="scanner")


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: one.__name__)
def test_nothing_where_nobody_needs_to(relay, sandbox, trouble):
    """An account with a secret of its own gets a new token, as on the first day."""
    one = relay()
    print_page(one.port)
    sandbox.wait(messages=1)
    one.stop()
    trouble(sealed.path(one), one)
    one.start()
    print_page(one.port)
    sandbox.wait(messages=2)
    assert len(sandbox.events("token")) == 2
    assert one.wait_event("token-record-refused", account="scanner")
    assert one.events("account-held") == []


def owners(folder):
    """Who owns it and all that is in it."""
    return {os.stat(os.path.join(path, name)).st_uid for path, folders, names in os.walk(folder)
            for name in [".", *folders, *names]}


def test_root_signs_in_for_the_service(relay, sandbox):
    """Before it has ever run: what root's command leaves is the service's, which starts with it."""
    if os.geteuid() != 0:
        pytest.skip("only root can do something for another user")
    sandbox.set(device_interval=0.3)
    one = relay(start=False, wrapper=("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                                      "--clear-groups"))
    # What it reads must be its own: the sandbox's folder is not.
    account = sealed.delegated(one, device_endpoint=sandbox.endpoint("devicecode"),
                               ca_file=shutil.copy(sandbox.ca_file, one.dir))
    del one.config["tls"]
    one.change(lambda config: config.update(accounts=[account]))
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", one.dir], check=True)
    with subprocess.Popen([one.program, "-c", one.path, "login", "scanner", "--json"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as login:
        assert b'"device-code"' in login.stdout.readline()
        sandbox.device("approve")
        login.stdout.read()
    assert login.returncode == 0
    assert owners(one.state) == {NOBODY}
    assert mode(os.path.join(one.state, "accounts")) == 0o700
    assert mode(sealed.key_path(one)) == mode(sealed.path(one)) == 0o600
    one.spawn()                         # it may not write to our socket for READY=1
    one.wait_event("recovered")
    print_page(one.port)
    sandbox.wait(messages=1)
    assert [event["grant_type"] for event in sandbox.events("token") if not event["error"]] == [
        "urn:ietf:params:oauth:grant-type:device_code"]


def test_a_record_without_its_account_harms_nobody(relay, sandbox):
    one = relay(start=False)
    sealed.write(one, {"version": 1, "refresh_token": "x"}, "gone")
    one.start()
    print_page(one.port)
    sandbox.wait(messages=1)
    assert sealed.read(one, "gone") is not None


def test_another_seal_key_needs_a_restart(relay):
    one = relay()
    path = one.secret_file("other.key", base64.b64encode(os.urandom(32)).decode())
    one.change({"seal_key": "file:" + path})
    one.reload()
    assert one.wait_event("restart-needed", key="seal_key")


def test_the_key_moves_into_the_configuration(relay, sandbox):
    """What the old file has sealed is still opened; what comes is sealed with the new one."""
    one = relay()
    print_page(one.port)
    sandbox.wait(messages=1)
    old = sealed.key(one)
    path = one.secret_file("other.key", base64.b64encode(os.urandom(32)).decode())
    one.change({"seal_key": "file:" + path})
    one.restart()
    print_page(one.port)
    sandbox.wait(messages=2)
    assert len(sandbox.events("token")) == 1
    sandbox.revoke()                    # now another token is needed
    one.restart()
    print_page(one.port)
    sandbox.wait(messages=3)
    one.stop()
    assert len(sandbox.events("token")) == 2
    with pytest.raises(sealed.WrongKey):
        sealed.read(one)
    assert sealed.key(one) == old
