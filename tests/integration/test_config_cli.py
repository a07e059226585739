# SPDX-License-Identifier: MIT
"""config check, show, keys; version, help, usage (design.md sections 4 and 5)."""
import json
import os
import subprocess

import pytest

from .dialogue import Dialogue


@pytest.fixture
def one(relay):
    return relay(start=False)


def test_check_of_a_good_file(one):
    result = one.cli("config", "check")
    assert result.returncode == 0, result
    assert one.path in result.stdout + result.stderr


def broken(one, old, new):
    with open(one.path, encoding="utf-8") as file:
        text = file.read()
    assert old in text
    text = text.replace(old, new, 1)
    one.write_config(text)
    number = text[:text.index(new)].count("\n") + 1
    result = one.cli("config", "check")
    assert result.returncode == 1, result
    return result.stdout + result.stderr, number


@pytest.mark.parametrize("old, new, words", [
    ("hostname =", "hostnam =", ["hostnam", "hostname"]),
    ("client_secret =", "client_sercet =", ["client_sercet", "client_secret"]),
    ("per_minute =", "per_minit =", ["per_minit", "per_minute"]),
    ("provider =", "privider =", ["privider", "provider"]),
    ('first = "200ms"', 'first = "soon"', ["first", "soon"]),
    ("port = ", "port = 99", ["port"]),
    ('"microsoft365"', '"microsoft356"', ["microsoft356", "microsoft365"]),
    ('level = "debug"', 'level = "loud"', ["loud", "debug"]),
    ('"127.0.0.0/8"', '"0.0.0.0/0"', ["0.0.0.0/0"]),
    ('"127.0.0.0/8"', '"10.0.0.300"', ["10.0.0.300"]),
    ("postmaster =", "postmaster = 5; x =", ["postmaster"]),
    ('host = "localhost"', 'host = "smtp-have.office365.com"', ["smtp-hve"]),
])
def test_errors_name_file_line_and_nearest_key(one, old, new, words):
    text, number = broken(one, old, new)
    assert f"{one.path}:{number}" in text, text
    for word in words:
        assert word in text, text


def test_syntax_error_is_reported_alone(one):
    text, number = broken(one, "accounts = (", "accounts = ((")
    assert one.path in text and str(number) in text or ":" in text
    assert text.count(one.path + ":") == 1


def test_all_other_errors_at_once(one):
    one.config["hostnam"] = "x"
    one.config["queue"]["pth"] = "y"
    one.config["accounts"][0]["tennant"] = "z"
    one.write_config()
    result = one.cli("config", "check")
    text = result.stdout + result.stderr
    assert result.returncode == 1
    for key in ("hostnam", "pth", "tennant"):
        assert key in text


@pytest.mark.parametrize("missing", ["mailbox", "tenant", "client_id", "client_secret", "name",
                                     "provider"])
def test_missing_keys(one, missing):
    del one.config["accounts"][0][missing]
    one.config["accounts"][0].pop("token_endpoint")     # else nothing depends on the tenant
    one.write_config()
    result = one.cli("config", "check")
    assert result.returncode == 1 and missing in result.stdout + result.stderr


def test_a_device_of_no_account(one):
    one.config["devices"] = [{"name": "d", "address": "127.0.0.1", "account": "nobody"}]
    one.write_config()
    result = one.cli("config", "check")
    assert result.returncode == 1 and "nobody" in result.stdout + result.stderr


@pytest.mark.parametrize("mode, fits", [(0o600, True), (0o400, True), (0o644, False),
                                        (0o604, False), (0o660, False)])
def test_secret_file_permissions(one, sandbox, mode, fits):
    path = one.secret_file("scanner.secret", sandbox.secret, mode)
    result = one.cli("config", "check")
    assert (result.returncode == 0) is fits, result
    if not fits:
        text = result.stdout + result.stderr
        assert path in text and "chmod" in text and sandbox.secret not in text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_secret_file_of_another_user(one, sandbox):
    path = one.secret_file("scanner.secret", sandbox.secret)
    os.chown(path, 12345, 12345)
    result = one.cli("config", "check")
    assert result.returncode == 1 and path in result.stdout + result.stderr


@pytest.mark.parametrize("what", ["missing", "folder", "fifo", "empty", "env"])
def test_secret_that_cannot_be_read(one, what):
    path = os.path.join(one.dir, "scanner.secret")
    os.unlink(path)
    if what == "folder":
        os.mkdir(path)
    elif what == "fifo":
        os.mkfifo(path, 0o600)
    elif what == "empty":
        one.secret_file("scanner.secret", "")
        one.secrets.remove("")
    elif what == "env":
        one.config["accounts"][0]["client_secret"] = "env:NOT_SET_ANYWHERE"
        one.write_config()
    result = one.cli("config", "check")
    assert result.returncode == 1
    assert (path if what != "env" else "NOT_SET_ANYWHERE") in result.stdout + result.stderr


def test_a_literal_secret_is_a_warning(one, sandbox):
    one.config["accounts"][0]["client_secret"] = sandbox.secret
    one.write_config()
    result = one.cli("config", "check")
    text = result.stdout + result.stderr
    assert result.returncode == 0 and "warning" in text.lower() and "file:" in text
    assert sandbox.secret not in text
    assert sandbox.secret not in one.cli("config", "show").stdout


def generated(one, name, *arguments):
    path = os.path.join(one.dir, name)
    subprocess.run(["openssl", *arguments, "-out", path], check=True, timeout=60,
                   stderr=subprocess.DEVNULL)
    return path


@pytest.mark.parametrize("mode, fits", [(0o600, True), (0o644, False)])
def test_a_certificate_with_its_key(one, mode, fits):
    key = os.path.join(one.dir, "scanner.key")
    certificate = generated(one, "scanner.crt", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                            "-keyout", key, "-subj", "/CN=relay", "-days", "30")
    os.chmod(key, mode)
    account = one.config["accounts"][0]
    del account["client_secret"]
    account["credentials"] = [{"certificate": certificate, "key": "file:" + key}]
    one.write_config()
    result = one.cli("config", "check")
    assert (result.returncode == 0) is fits, result
    if fits:
        shown = json.loads(one.cli("config", "show", "--json").stdout)
        assert shown["accounts"][0]["credentials"][0]["certificate"] == certificate
    else:
        assert f"chmod 600 {key}" in result.stdout + result.stderr
    with open(key, encoding="ascii") as file:
        inside = file.read().splitlines()[1]
    assert inside not in result.stdout + result.stderr + one.cli("config", "show").stdout


def test_a_certificate_that_has_expired_is_a_warning(one):
    key = generated(one, "k.pem", "genpkey", "-algorithm", "RSA")
    asked = generated(one, "r.pem", "req", "-new", "-key", key, "-subj", "/CN=relay")
    both = generated(one, "both.pem", "x509", "-req", "-in", asked, "-signkey", key, "-days", "-1")
    with open(both, "a", encoding="ascii") as file, open(key, encoding="ascii") as part:
        file.write(part.read())
    os.chmod(both, 0o600)
    account = one.config["accounts"][0]
    del account["client_secret"]
    account["credentials"] = [{"certificate": both}]
    one.write_config()
    result = one.cli("config", "check")
    assert result.returncode == 0, result
    assert "the certificate of credential 1 has expired" in result.stderr


def world_readable(one, name, *keys):
    """A file that others may read, as the value of that key."""
    path = one.secret_file(name, "canary-" + name, 0o644)
    group = one.config
    for key in keys[:-1]:
        group = group.setdefault(key, {})
    group[keys[-1]] = "file:" + path
    one.write_config()
    return path


@pytest.mark.parametrize("keys", [("seal_key",), ("proxy", "password")])
def test_every_secret_file_is_looked_at(one, keys):
    one.config["proxy"] = {"tokens": "http://relay@127.0.0.1:9"}
    path = world_readable(one, "open.secret", *keys)
    result = one.cli("config", "check")
    text = result.stdout + result.stderr
    assert result.returncode == 1 and "can be read by others (mode 0644)" in text
    assert f"chmod 600 {path}" in text and "canary" not in text


def test_a_proxy_password_is_never_repeated(one):
    one.config["proxy"] = {"tokens": "http://relay:canary@127.0.0.1:9"}
    one.write_config()
    for words in (("config", "check"), ("config", "show"), ("run",)):
        result = one.cli(*words)
        text = result.stdout + result.stderr
        assert result.returncode == 1 and "proxy.password" in text and "canary" not in text, text


def test_credentials_of_systemd(one, sandbox):
    """The service gets them; a command line warns, and fails on nothing it cannot see."""
    folder = os.path.join(one.dir, "credentials")
    os.mkdir(folder)
    with open(os.path.join(folder, "scanner"), "w", encoding="ascii") as file:
        file.write(sandbox.secret + "\n")
    os.chmod(os.path.join(folder, "scanner"), 0o400)
    one.config["accounts"][0]["client_secret"] = "credential:scanner"
    one.write_config()
    by_hand = one.cli("config", "check")
    assert by_hand.returncode == 0, by_hand
    assert "only the service sees" in by_hand.stderr
    assert "credential:scanner" in one.cli("config", "show").stdout
    inside = one.cli("config", "check", env={"CREDENTIALS_DIRECTORY": folder})
    assert inside.returncode == 0 and "credential" not in inside.stderr, inside
    started = one.cli("run")
    assert started.returncode != 0
    assert "LoadCredential=scanner:" in started.stdout + started.stderr


def test_show_masks_secrets(one, sandbox):
    for arguments in (("config", "show"), ("config", "show", "--json")):
        result = one.cli(*arguments)
        assert result.returncode == 0, result
        assert sandbox.secret not in result.stdout
        for word in ("relay.contoso.com", "scanner@contoso.com", "localhost", "lifetime"):
            assert word in result.stdout, word
    assert isinstance(json.loads(one.cli("config", "show", "--json").stdout), dict)


def test_show_can_be_read_again(one, sandbox):
    """What `config show` prints is itself a good configuration, but for the secret."""
    text = one.cli("config", "show").stdout
    assert "hostname" in text and "retry" in text


def test_keys_lists_every_key(one):
    text = one.cli("config", "keys").stdout
    assert max(map(len, text.splitlines())) <= 80
    for key in ("hostname", "postmaster", "listen", "allow", "client_secret", "retry", "min_free",
                "on_uncertain", "send_as", "line_length", "users_file", "token_endpoint"):
        assert key in text, key


def test_default_file_and_environment(one):
    env = {"OAUTHRELAY_CONFIG": one.path}
    result = subprocess.run([one.program, "config", "check"], capture_output=True, text=True,
                            timeout=30, check=False, env={**one._environment(), **env})
    assert result.returncode == 0, result
    missing = one.program, "-c", "/nonexistent/oauthrelay.conf", "config", "check"
    result = subprocess.run(missing, capture_output=True, text=True, timeout=30, check=False,
                            env=one._environment())
    assert result.returncode == 1 and "/nonexistent/oauthrelay.conf" in result.stderr


def test_version_and_help(one):
    assert any(c.isdigit() for c in one.cli("version").stdout)
    text = one.cli("help").stdout
    for word in ("run", "config", "queue", "status", "version"):
        assert word in text
    for arguments in ((), ("bogus",), ("config",), ("config", "bogus"), ("queue",),
                      ("run", "--bogus"), ("--bogus",)):
        result = one.cli(*arguments)
        assert result.returncode == 2, (arguments, result)
        assert result.stderr and "Sanitizer" not in result.stderr


def test_run_refuses_a_bad_file(one):
    one.write_config("hostname = 5;\n")
    result = one.cli("run")
    assert result.returncode == 1 and one.path in result.stderr


def test_reload_refuses_a_bad_file(relay):
    """The old configuration stays, the log says why, and nobody is thrown out."""
    one = relay()
    good = open(one.path, encoding="utf-8").read()
    one.write_config(good.replace("hostname", "hostnam"))
    one.reload()
    event = one.wait_event("reload-refused")
    assert event.level == "error" and "hostnam" in event["error"]
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(250, "MAIL FROM:<a@b.c>")
    one.write_config(good.replace("relay.contoso.com", "other.contoso.com"))
    one.reload()
    with Dialogue(one.port) as talk:
        assert "other.contoso.com" in talk.banner


def test_listening_address_in_use(relay, one):
    first = relay()
    one.config["listeners"] = [{"address": f"127.0.0.1:{first.port}"}]
    one.write_config()
    result = one.cli("run")
    assert result.returncode == 1 and str(first.port) in result.stderr


@pytest.mark.parametrize("typed, meant", [
    ("lifetme", "lifetime"), ("queue.lifetim", "queue.lifetime"), ("acounts", "accounts"),  # codespell:ignore
    ("accounts.limits.conections", "accounts.limits.connections")])  # codespell:ignore
def test_keys_guesses_what_can_be_asked_for(one, typed, meant):
    wrong = one.cli("config", "keys", typed)
    assert wrong.returncode == 1 and f'did you mean "{meant}"' in wrong.stderr
    assert one.cli("config", "keys", meant).returncode == 0


def test_status_of_a_configuration_that_cannot_be_read(one):
    result = one.cli("-c", one.dir + "/nowhere.conf", "status")
    assert result.returncode == 1 and "nowhere.conf" in result.stderr, result


def test_control_socket_in_no_folder(one):
    folder = os.path.join(one.dir, "nowhere")
    one.change({"admin": {"socket": folder + "/control.sock"}})
    result = one.cli("run")
    assert result.returncode == 1, result
    assert folder in result.stderr and "folder does not exist" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees what a protected process has open")
def test_started_without_standard_files(relay):
    """Otherwise the log would be written into the file or socket that became number 2."""
    one = relay(wrapper=("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"))
    seen = [os.readlink(f"/proc/{one.process.pid}/fd/{number}") for number in range(3)]
    assert seen == ["/dev/null"] * 3
