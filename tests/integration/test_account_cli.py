# SPDX-License-Identifier: MIT
"""`oauthrelay account list`, `account secret`, `account certificate`: new credentials for an account
of the running relay, proven before they count, sealed, and first from then on."""
import glob
import json
import os
import pty
import select
import stat
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from . import sealed
from .dialogue import message, print_page

NEW = "new~Q.canary-of-a-client-secret-0000001"
NEWER = "new~Q.canary-of-a-client-secret-0000002"
WRONG = "bad~Q.canary-of-a-client-secret-0000003"
OUTDATED = "AADSTS7000222"


def secrets(sandbox, *values, expired=()):
    """These are the application's, and no others."""
    sandbox.set_app(secrets=[{"value": value, "expired": value in expired} for value in values])


def give(one, value, *options, account="scanner"):
    one.secrets.append(value)
    return one.cli("account", "secret", account, *options, text=value + "\n", timeout=60)


def account(one, name="scanner"):
    found = [entry for entry in one.cli_json("account", "list")["accounts"]
             if entry["name"] == name]
    return found[0]


def labels(one):
    return [entry["label"] for entry in account(one)["credentials"]]


def serves(one, sandbox, count):
    """Mail flows; `count` messages in all."""
    print_page(one.port, message(f"message {count}"))
    sandbox.wait(messages=count)


def forget_token(one, sandbox):
    """The next message needs a new token."""
    sandbox.revoke()


def proofs(sandbox):
    """How the client has proven itself, request by request."""
    return [(event.get("auth"), event["error"]) for event in sandbox.events("token")]


# --- secrets

def test_a_new_secret_is_proven_and_used_without_a_restart(relay, sandbox):
    old = sandbox.secret
    one = relay()
    serves(one, sandbox, 1)
    secrets(sandbox, old, NEW, expired=[old])
    result = give(one, NEW, "--expires", "2037-05-01")
    assert result.returncode == 0, result.stderr
    assert "The new secret is right" in result.stdout and "2037-05-01" in result.stdout
    assert result.stderr == ""
    forget_token(one, sandbox)
    serves(one, sandbox, 2)
    assert one.events("credential-changed", account="scanner", what="secret added")
    added, configured = account(one)["credentials"]
    assert added["serving"] and not added["ends_assumed"] and added["last_day"] == "2037-05-01"
    assert added["added"] and configured["label"] == "client secret" and not configured["serving"]
    assert account(one)["serving"] == added["label"]
    assert one.events("account-held") == []


def test_it_ends_a_hold_at_once(relay, sandbox):
    old = sandbox.secret
    secrets(sandbox, old, expired=[old])
    one = relay()
    print_page(one.port)
    assert OUTDATED in one.wait_event("account-held", account="scanner")["reason"]
    secrets(sandbox, NEW)
    assert give(one, NEW).returncode == 0
    sandbox.wait(messages=1)
    one.wait_event("account-resumed", account="scanner")


def test_a_wrong_secret_changes_nothing(relay, sandbox):
    one = relay()
    serves(one, sandbox, 1)
    before = sealed.read(one)
    result = give(one, WRONG)
    assert result.returncode == 1 and result.stdout == ""
    assert "nothing has changed" in result.stderr and "AADSTS7000215" in result.stderr
    assert "To do:" in result.stderr and "Certificates & secrets" in result.stderr
    assert sealed.read(one) == before and labels(one) == ["client secret"]
    forget_token(one, sandbox)
    serves(one, sandbox, 2)
    assert one.events("credential-changed") == [] and one.events("account-held") == []


def test_a_secret_id_is_not_even_tried(relay, sandbox):
    one = relay()
    requests = len(sandbox.events("token-connect"))
    result = one.cli("account", "secret", "scanner",
                     text="0a1b2c3d-1111-2222-3333-444455556666\n")
    assert result.returncode == 1 and "Secret ID" in result.stderr and "Value" in result.stderr
    assert len(sandbox.events("token-connect")) == requests


def test_the_endpoint_out_of_reach_is_told_and_nothing_changes(relay, sandbox):
    one = relay()
    serves(one, sandbox, 1)
    sandbox.off("token")
    result = give(one, NEW)
    assert result.returncode == 1 and "nothing has changed" in result.stderr
    assert labels(one) == ["client secret"]


def test_it_survives_a_restart_and_the_old_one_stands_behind_it(relay, sandbox):
    old = sandbox.secret
    secrets(sandbox, old, NEW)
    one = relay()
    assert give(one, NEW).returncode == 0
    one.restart(kill=True)
    assert labels(one)[1:] == ["client secret"] and labels(one)[0].startswith("secret added 20")
    secrets(sandbox, old)
    forget_token(one, sandbox)
    serves(one, sandbox, 1)
    refused = one.wait_event("credential-refused", account="scanner")
    assert refused["credential"].startswith("secret added") and refused.level == "warning"
    shown = account(one)["credentials"]
    assert shown[0]["refused"] and shown[1]["serving"]
    assert "REFUSED" in one.cli("account", "list").stdout


def test_the_newest_is_first_and_all_can_be_forgotten(relay, sandbox):
    old = sandbox.secret
    secrets(sandbox, old, NEW, NEWER)
    one = relay()
    assert give(one, NEW).returncode == give(one, NEWER).returncode == 0
    assert len(labels(one)) == 3
    record = sealed.read(one)
    assert [entry["secret"] for entry in record["added"]] == [NEWER, NEW]
    result = one.cli("account", "secret", "scanner", "--forget")
    assert result.returncode == 0 and "(2)" in result.stdout
    assert labels(one) == ["client secret"]
    again = one.cli("account", "secret", "scanner", "--forget")
    assert again.returncode == 0 and "Nothing had been added" in again.stdout
    serves(one, sandbox, 1)


def test_it_is_stored_sealed_for_the_relay_alone(relay, sandbox):
    secrets(sandbox, sandbox.secret, NEW)
    one = relay()
    assert give(one, NEW).returncode == 0
    found = stat.S_IMODE(os.stat(sealed.path(one)).st_mode)
    assert found == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(sealed.path(one))).st_mode) == 0o700
    for path in glob.glob(one.dir + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                assert NEW.encode() not in file.read(), path


@pytest.mark.parametrize("words, text, status, said", [
    (["scanner", "--expires", "next year"], "", 2, "2027-05-01"),
    (["scanner", "--expires", "2001-01-01"], NEW + "\n", 1, "has ended already"),
    (["scanner", "--forget", "--expires", "2037-05-01"], "", 2, "--forget"),
    (["scanner", WRONG], "", 2, "does not belong on the command line"),
    (["scanner"], "", 1, "the secret is empty"),
    (["scanner"], "two words\n", 1, "no blanks"),
    (["scaner"], NEW + "\n", 1, "did you mean scanner?"),
    ([], "", 2, "something is missing"),
])
def test_what_is_refused_at_once(relay, sandbox, words, text, status, said):
    one = relay()
    result = one.cli("account", "secret", *words, text=text)
    assert result.returncode == status and said in result.stderr, result.stderr
    assert WRONG not in result.stderr and NEW not in result.stderr
    assert sandbox.events("token") == [] and result.stdout == ""


def test_json_of_each(relay, sandbox):
    secrets(sandbox, sandbox.secret, NEW)
    one = relay()
    result = give(one, NEW, "--expires=2037-05-01", "--json")
    answer = json.loads(result.stdout)
    assert answer["account"] == "scanner" and answer["warning"] is None
    assert answer["credential"]["last_day"] == "2037-05-01" and answer["credential"]["serving"]
    assert json.loads(one.cli("account", "secret", "scanner", "--forget", "--json").stdout)[
        "forgotten"] == 1
    made = one.cli_json("account", "certificate", "scanner")
    assert made["status"] == "made" and "BEGIN CERTIFICATE" in made["certificate"]
    assert "PRIVATE" not in json.dumps(made)


# --- at a terminal

def test_pasted_at_a_terminal_it_is_not_shown(relay, sandbox):
    """Asked for once, without echo; and neither argv nor environment has it."""
    secrets(sandbox, sandbox.secret, NEW)
    one = relay()
    one.secrets.append(NEW)
    sandbox.fault("token", "stall")
    master, terminal = pty.openpty()
    child = subprocess.Popen([one.program, "-c", one.path, "account", "secret", "scanner"],
                             stdin=terminal, stdout=terminal, stderr=terminal,
                             env=one._environment())
    os.close(terminal)
    shown = b""
    while b"New client secret for scanner: " not in shown:
        shown += os.read(master, 1000)
    # The prompt is out before the echo is off; what is typed until then is thrown away.
    one.wait_until(lambda: not echoes(master))
    os.write(master, NEW.encode() + b"\n")
    sandbox.wait(stalled=1)
    for name in ("cmdline", "environ"):
        for pid in (child.pid, one.pid):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                assert NEW.encode() not in file.read()
    sandbox.release()
    while child.poll() is None or select.select([master], [], [], 0)[0]:
        try:
            shown += os.read(master, 1000) if select.select([master], [], [], 0.2)[0] else b""
        except OSError:     # the other end is closed
            break
    assert child.wait(30) == 0
    os.close(master)
    assert b"The new secret is right" in shown and NEW.encode() not in shown


def echoes(terminal):
    import termios
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


# --- certificates

def make(one, folder, *options, env=None):
    result = one.cli("account", "certificate", "scanner", *options, cwd=folder, timeout=60, env=env)
    assert result.returncode == 0, result.stderr
    return result


def test_a_certificate_is_made_uploaded_and_used_by_itself(relay, sandbox, tmp_path):
    """The secret has expired in between: the certificate alone keeps the mail flowing."""
    old = sandbox.secret
    one = relay()
    serves(one, sandbox, 1)
    result = make(one, tmp_path)
    pem = (tmp_path / "scanner.cer").read_text()
    certificate = x509.load_pem_x509_certificate(pem.encode())
    assert pem.count("BEGIN") == 1 and "PRIVATE" not in pem
    assert certificate.subject.rfc4514_string() == "CN=oauthrelay scanner"
    assert certificate.public_key().key_size == 3072
    assert certificate.fingerprint(hashes.SHA1()).hex().upper() in result.stdout
    assert certificate.fingerprint(hashes.SHA256()).hex().upper() in result.stdout
    assert "Certificates & secrets > Certificates > Upload certificate" in result.stdout
    assert "https://entra.microsoft.com" in result.stdout and "scanner.cer" in result.stdout
    assert account(one)["credentials"][-1]["pending"]
    assert account(one)["serving"] == "client secret"
    # Called again before it is registered: the same one, and what Entra says to it.
    again = make(one, tmp_path)
    assert "AADSTS700027" in again.stdout and (tmp_path / "scanner.cer").read_text() == pem
    serves(one, sandbox, 2)
    # Registered; the secret ends. It is tried because the command is called again.
    sandbox.register(pem)
    secrets(sandbox, old, expired=[old])
    assert "has been accepted" in make(one, tmp_path).stdout
    one.wait_event("credential-changed", account="scanner", what="certificate in use")
    forget_token(one, sandbox)
    serves(one, sandbox, 3)
    shown = account(one)
    assert shown["serving"] == shown["credentials"][0]["label"] and not shown[
        "credentials"][0]["pending"]
    assert proofs(sandbox)[-1] == ("certificate", None)
    event = sandbox.events("token")[-1]
    assert (event["alg"], event["thumbprint"]) == ("PS256", "x5t#S256")
    assert one.events("account-held") == []
    # And after a restart.
    one.restart()
    forget_token(one, sandbox)
    serves(one, sandbox, 4)
    assert account(one)["serving"].startswith("certificate added")


def test_it_is_tried_without_anybody_asking(sandbox, make_relay, release, tmp_path):
    """The relay's clock runs twenty times as fast: the first try is after a minute of it."""
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not library:
        pytest.skip("faketime is not installed")
    one = make_relay(sandbox, program=release,
                     env={"LD_PRELOAD": library[0], "FAKETIME": "+0 x20"})
    make(one, tmp_path, env={"LD_PRELOAD": ""})
    sandbox.register((tmp_path / "scanner.cer").read_text())
    one.wait_event("credential-changed", timeout=90, account="scanner", what="certificate in use")
    serves(one, sandbox, 1)


def test_a_waiting_one_survives_a_restart_and_new_replaces_it(relay, sandbox, tmp_path):
    one = relay()
    make(one, tmp_path)
    first = (tmp_path / "scanner.cer").read_text()
    one.restart(kill=True)
    make(one, tmp_path, "--out", str(tmp_path / "again.cer"))
    assert (tmp_path / "again.cer").read_text() == first
    assert "are made" in make(one, tmp_path, "--new").stdout
    second = (tmp_path / "scanner.cer").read_text()
    assert second != first
    assert [entry["pending"] for entry in account(one)["credentials"]] == [False, True]
    sandbox.register(first)
    assert "AADSTS700027" in make(one, tmp_path).stdout
    sandbox.register(second)
    assert "has been accepted" in make(one, tmp_path).stdout
    # The key is nowhere but sealed.
    key = sealed.read(one)["added"][0]["key"]
    assert serialization.load_pem_private_key(key.encode(), None).key_size == 3072
    inner = key.split("\n")[3].encode()
    for path in glob.glob(one.dir + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                assert inner not in file.read(), path


def test_a_file_that_cannot_be_written_is_named(relay, tmp_path):
    one = relay()
    result = one.cli("account", "certificate", "scanner", "--out", "/nonexistent/x.cer")
    assert result.returncode == 1 and "/nonexistent/x.cer" in result.stderr
    assert "--out FILE" in result.stderr
    assert "has not been accepted yet" in make(one, tmp_path).stdout


# --- accounts that have no use for it, and no relay

def test_wrong_grants_are_refused_plainly(relay, sandbox):
    def change(config):
        one = config["accounts"][0]
        public = {key: item for key, item in one.items() if key != "client_secret"}
        config["accounts"] += [
            {**public, "name": "person", "grant": "delegated",
             "client_id": sandbox.public_client},
            {**public, "name": "machine", "grant": "managed_identity", "identity": "azure-vm",
             "identity_endpoint": sandbox.identity_endpoint()},
            {"name": "old", "provider": "smtp", "host": "127.0.0.1", "port": 2525,
             "tls": "none", "auth": "none", "sender": "keep"}]
        del config["allow"]
        config["devices"] = [{"name": "d", "address": "127.0.0.7", "account": "scanner"}]

    one = relay(change)
    for what in (["secret"], ["certificate"]):
        for name, word in (("person", "public client"), ("machine", "managed identity"),
                           ("old", "does not sign in with OAuth2")):
            result = one.cli("account", *what, name, text=NEW + "\n")
            assert result.returncode == 1 and word in result.stderr, result
    assert "oauthrelay login person" in one.cli("account", "secret", "person").stderr
    listed = one.cli("account", "list").stdout
    assert "nobody is signed in: oauthrelay login person" in listed and "managed_identity" in listed
    assert account(one, "old")["token"] is None


def test_without_the_relay_it_says_so(relay):
    one = relay(start=False)
    for words in (["list"], ["secret", "scanner"], ["certificate", "scanner"]):
        result = one.cli("account", *words, text=NEW + "\n")
        assert result.returncode == 1 and "the relay is not running" in result.stderr
        assert "systemctl start oauthrelay" in result.stderr


def test_the_client_leaves_and_the_relay_stops_meanwhile(relay, sandbox):
    """Neither harms it, and the secret does not count."""
    secrets(sandbox, sandbox.secret, NEW)
    one = relay()
    for end in ("leaves", "stop"):
        sandbox.fault("token", "stall")
        child = subprocess.Popen([one.program, "-c", one.path, "account", "secret", "scanner"],
                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=one._environment())
        child.stdin.write(NEW.encode() + b"\n")
        child.stdin.close()
        sandbox.wait(stalled=1)
        if end == "leaves":
            child.kill()
            child.wait()
            one.wait_event("admin", status=499)
            sandbox.release()
            assert labels(one) == ["client secret"]
        else:
            one.stop()
            assert child.wait(30) == 1
            sandbox.release()
    one.start()
    assert labels(one) == ["client secret"]


@pytest.mark.parametrize("how", ["reload", "stop"])
def test_the_account_ends_while_a_secret_is_proven(relay, sandbox, how):
    """Whoever waits for it is told, and nothing has changed."""
    one = relay()
    one.secrets.append(NEW)
    sandbox.fault("token", "stall")
    command = subprocess.Popen([one.program, "-c", one.path, "account", "secret", "scanner"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    command.stdin.write(NEW + "\n")
    command.stdin.flush()
    sandbox.wait(stalled=1)
    if how == "reload":
        one.change(lambda config: config["accounts"][0].update(name="another"))
        one.reload()
    else:
        one.stop()
    said, _ = command.communicate(timeout=30)
    assert command.returncode == 1 and "nothing has changed" in said
    assert ("the account has ended" in said) or how == "stop"
    assert one.events("credential-changed") == []
