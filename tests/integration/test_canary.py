# SPDX-License-Identifier: MIT
"""The canary itself: planted anywhere, in any form, it is found; and a run in which all failed."""
import base64
import os
import subprocess
import urllib.parse

import pytest

from . import canary, grants, sealed, users
from .dialogue import Dialogue, message, print_page

PLANT = 'Canary~Secret+"x/y=' + "0123456789abcdefABCDEF"
FORMS = {
    "plain": PLANT, "base64": base64.b64encode(PLANT.encode()).decode(),
    "base64-1": base64.b64encode(b"u" + PLANT.encode() + b"\x01\x01").decode(),
    "base64-2": base64.b64encode(b"us" + PLANT.encode() + b"z").decode(),
    "base64url": base64.urlsafe_b64encode(b"\xff\xfe" + PLANT.encode()).decode(),
    "percent": urllib.parse.quote(PLANT, safe=""),
    "percent-lower": urllib.parse.quote(PLANT, safe="").replace("%2B", "%2b").replace(
        "%2F", "%2f").replace("%3D", "%3d"),
    "json": PLANT.replace('"', '\\"').replace("/", "\\/"), "log": PLANT.replace('"', '\\"'),
    "hex": PLANT.encode().hex(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form(form):
    needles = canary.Needles()
    needles.add("secret", PLANT)
    assert needles.find("x", f"a b=c {FORMS[form]} d".encode()) == ["x shows secret Can..."]
    assert needles.find("x", FORMS[form][4:].encode()[::-1]) == []


def test_a_token_nobody_knows():
    """Also one that neither the sandbox nor the test has named; a hash that looks like one is none."""
    header = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"RS256"}').rstrip(b"=")
    needles = canary.Needles()
    assert needles.find("x", b"said " + header + b".e30.c2ln") == ["x shows a token of some kind"]
    assert needles.find("x", b"erp:$6$abcdefgh$eyJqK3zXw9Qm1pLr8TvYb2NcDfGh./ab") == []


@pytest.mark.parametrize("start, end", [(0, 700), (500, 2000), (-200, None)])
def test_a_part_of_a_token(start, end):
    """A line that was cut short shows enough of it."""
    token = "eyX" + base64.urlsafe_b64encode(os.urandom(1200)).decode()
    needles = canary.Needles()
    needles.add("access_token", token)
    assert needles.find("x", token[start:end].encode())
    assert needles.find("x", base64.b64encode(b"user=a\x01auth=Bearer " + token.encode()))


def order(socket_path, path):
    """A POST without a body; its status."""
    connection = canary.Unix(socket_path)
    try:
        connection.request("POST", path)
        return connection.getresponse().status
    finally:
        connection.close()


def planted(one):
    """What the canary says, and then nothing of it any more, so that this test may pass."""
    found = one.canary.verdict()
    one.secrets.remove(PLANT)
    return found


@pytest.fixture
def run(relay, sandbox):
    """A relay that has sent a message; the plant is one of its secrets."""
    one = relay()
    one.secrets.append(PLANT)
    print_page(one.port, message("planted"))
    sandbox.wait(messages=1)
    return one


def test_clean(run):
    assert planted(run) == []


@pytest.mark.parametrize("place", ["log", "state", "spool", "output"])
def test_every_place(run, place):
    text = f'2026-01-01T00:00:00.000Z debug x a="{FORMS["base64-1"]}"\n'
    files = {"log": run.log_path, "state": os.path.join(run.state, "planted"),
             "spool": os.path.join(run.spool, "queue", "x")}
    if place == "output":
        run.canary.heard("the output of status", text)
    else:
        with open(files[place], "a", encoding="ascii") as file:
            file.write(text)
    where = {"log": "the log", "state": "state/planted", "spool": "spool/queue/x",
             "output": "the output of status"}[place]
    assert planted(run) == [f"{where} shows secret Can..."]


def test_messages_by_their_envelope_alone(run):
    """What a printer sends is its own affair; what the relay writes beside it is not."""
    name = os.path.join(run.spool, "queue", "0" * 32 + ".msg")
    with open(name, "w", encoding="ascii") as file:
        file.write("OAR1 envelope 1 2 {}\n" + PLANT + "\r\nOAR1 end 1 2 x\n")
    assert run.canary.verdict() == []
    with open(name, "w", encoding="ascii") as file:
        file.write("OAR1 envelope 1 2 {}\nbody\r\nOAR1 progress 1 2 " + PLANT + "\n")
    assert len(planted(run)) == 1
    os.unlink(name)


def test_what_the_sandbox_issued(run, sandbox):
    """Nobody has to name it: an access token, half of it, in what a command printed."""
    token = sandbox.secrets()["access_token"][0]
    run.secrets.remove(PLANT)
    run.canary.heard("the output of x", token[len(token) // 4:len(token) * 3 // 4])
    assert [line.split("...")[0] for line in run.canary.verdict()] == \
        ["the output of x shows access_token eyJ"]
    run.canary.forget("the output of x")


def shown(one, name, value):
    """What the canary says when `value` stands somewhere; and it is forgotten again."""
    one.canary.heard(name, value)
    found = one.canary.verdict()
    one.canary.forget(name)
    return [line for line in found if line.startswith(name)]


def test_what_the_relay_made_or_keeps_sealed(relay, sandbox):
    """Nobody has to name it either: its key, its own certificate's key, what was added to it."""
    one = relay()
    added = "Added~Secret." + os.urandom(12).hex()
    sandbox.set_app(secrets=[{"value": value, "expired": False} for value in (sandbox.secret, added)])
    assert one.cli("account", "secret", "scanner", text=added + "\n", timeout=60).returncode == 0
    assert one.cli("account", "certificate", "scanner", "--out", os.path.join(one.dir, "x.cer"),
                   timeout=60).returncode == 0
    key = next(one for one in sealed.read(one)["added"] if "key" in one)["key"]
    with open(sealed.key_path(one), encoding="ascii") as file:
        seal = file.read().strip()
    plants = {"seal": seal, "added": added, "line": key.split("\n")[6],
              "base64": base64.b64encode(key.encode()).decode(),
              "joined": "".join(key.split("\n")[1:-2]), "hex": base64.b64decode(seal).hex()}
    assert [name for name, value in plants.items() if not shown(one, name, value)] == []
    assert one.canary.verdict() == []


def test_a_key_that_the_configuration_names(relay, sandbox):
    """The seal's key in a file of its own: records are opened with it."""
    one = relay(start=False)
    key = base64.b64encode(os.urandom(32)).decode()
    one.change({"seal_key": "file:" + one.secret_file("own.key", key)})
    one.start()
    added = "Added~Secret." + os.urandom(12).hex()
    sandbox.set_app(secrets=[{"value": value, "expired": False} for value in (sandbox.secret, added)])
    assert one.cli("account", "secret", "scanner", text=added + "\n", timeout=60).returncode == 0
    assert not os.path.exists(sealed.key_path(one))
    assert shown(one, "somewhere", added) and shown(one, "somewhere", key)


def test_what_config_show_and_metrics_say(run):
    """The two that are asked for by other ways: words that stand there, as if they were secret."""
    words = {"config show": "relay.contoso.com", "GET /metrics": "oauthrelay_"}
    run.canary.look_around()
    run.canary.show_configuration(run._environment())
    run.secrets += words.values()
    found = run.canary.verdict()
    run.secrets[:] = [word for word in run.secrets if word not in (PLANT, *words.values())]
    for place, word in words.items():
        assert f"{place} shows secret {word[:3]}..." in found, place


@pytest.mark.parametrize("place", ["cmdline", "environ"])
def test_the_process_itself(run, place):
    """Of a process that has it there, looked at as the relay is."""
    words, environment = ["/bin/sh", "-c", "echo up; read line"], {"PATH": "/usr/bin"}
    if place == "cmdline":
        words.append(PLANT)
    else:
        environment["SECRET"] = PLANT
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=environment) as other:
        assert other.stdout.readline() == b"up\n"
        run.canary.look_at_process(other.pid)
        other.kill()
    assert planted(run) == [f"/proc/PID/{place} shows secret Can..."]


def test_a_secret_in_a_wrong_path(run):
    """Typed by hand, behind a path or in its query: that there was an order is logged, no more."""
    for path in (f"/v1/accounts/scanner/secret/{FORMS['hex']}",
                 f"/v1/accounts/scanner/secret?x={FORMS['hex']}"):
        order(run.socket_path, path)
    did = [event["did"] for event in run.events("admin")]
    assert did == ["POST (no such path)", "POST /v1/accounts/scanner/secret"]
    assert planted(run) == []


def test_what_the_control_socket_answers(run, sandbox):
    """The fixture asks by itself, while the relay runs: lists, and what they lead to."""
    sandbox.off("smtp")
    print_page(run.port, message("waits"))
    with Dialogue(run.port) as talk:
        talk.hello()
        talk.expect(501, "MAIL FROM:<unbelievable@@address>")
    run.wait_event("disconnect", count=3)
    run.canary.look_around()
    # No secrets, but each surely on one of the pages.
    words = {"scanner@contoso.com": "/v1/status", "b@fabrikam.com": "/v1/queue/",
             "unbelievable@@address": "/v1/devices/127.0.0.1/transcript"}
    run.secrets += words
    found = run.canary.verdict()
    run.secrets[:] = [word for word in run.secrets if word != PLANT and word not in words]
    for word, page in words.items():
        assert any(line.startswith("GET " + page) and word[:3] in line for line in found), page


def echoing(one, sandbox):
    """Accounts with a secret, each failing in its own way, where it can be in the words of what
    was sent; each asks by a tenant name of its own, so that faults know whose request it is."""
    names = ("wrong", "expired", "echoed", "refused", "portal", "locked")
    sandbox.set_app(secrets=[{"value": "Expired~" + "e1f2" * 8, "expired": True},
                             {"value": sandbox.secret, "expired": False}])
    accounts = [one.account(name) for name in names]
    one.secret_file("wrong.secret", "Canary-Wrong~Secret+" + "w3x4" * 5)
    one.secret_file("expired.secret", "Expired~" + "e1f2" * 8)
    for name in ("echoed", "refused", "portal", "locked"):
        one.secret_file(name + ".secret", sandbox.secret)
    tenant = sandbox.tenant
    for account in accounts:
        alias = account["name"] + ".example"
        account["token_endpoint"] = account["token_endpoint"].replace(tenant, alias)
        account["tenant"] = alias
    sandbox.set(tenants={tenant: {"domains": ["contoso.com", tenant] +
                                  [name + ".example" for name in names]}})
    sandbox.fault("token", "echo", count=0, match={"tenant": "echoed.example"})
    sandbox.fault("token", "http", count=0, status=200, match={"tenant": "portal.example"})
    sandbox.fault("auth-response", "echo", count=0)
    return accounts


def everything_fails(one, sandbox):
    """Every grant, and a user of the LAN who has forgotten her password."""
    accounts = echoing(one, sandbox)
    accounts += [grants.certificate(one, "certificate"), grants.federated(one, "federated"),
                 grants.managed(one, "machine"), grants.delegated(one, "office")]
    for match in ({"grant_type": "refresh_token"}, {"tenant": sandbox.tenant}):
        sandbox.fault("token", "echo", count=0, match=match)
    sandbox.fault("imds", "http", count=0, status=404, body={"error": "not_found"})
    one.config["accounts"] = accounts
    one.config["devices"] = [
        {"name": account["name"], "address": f"127.0.0.{10 + number}", "account": account["name"],
         "auth": "none"} for number, account in enumerate(accounts)] + [
             {"name": "nas", "address": "127.0.0.9", "account": "wrong", "auth": "required",
              "cleartext_auth": True}]
    one.config.pop("allow")
    users.write(one)
    one.write_config()
    sealed.sign_in(one, "office")
    return [account["name"] for account in accounts]


def test_everything_failed(relay, sandbox):
    """ENV-06: at the highest level of the log, with endpoints that repeat what they were sent."""
    one = relay(start=False)
    names = everything_fails(one, sandbox)
    one.start()
    word = "Forgotten-Word-" + os.urandom(6).hex()
    one.secrets.append(word)
    with Dialogue(one.port, source="127.0.0.9") as talk:
        talk.hello()
        talk.expect(535, f"AUTH PLAIN {users.b64('', 'erp', word)}")
    for number, name in enumerate(names):
        print_page(one.port, message(name), source=f"127.0.0.{10 + number}")
    for name in set(names) - {"refused", "locked"}:
        one.wait_event("token-failed", account=name)
    for name in ("refused", "locked"):
        one.wait_event("account-held", account=name)
    for words in (["status"], ["status", "--json"], ["queue", "list"], ["device", "list"],
                  ["device", "transcript", "nas"], ["account", "list"],
                  ["account", "list", "--json"], ["config", "show"], ["config", "check"]):
        one.cli(*words)
    kinds = {kind for kind, values in sandbox.secrets().items() if values}
    assert {"client_secret", "access_token", "refresh_token", "assertion"} <= kinds
    assert sandbox.messages() == [] and one.problems() == []


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_idle_memory_has_no_lan_password(make_relay, sandbox, release, tls):
    """What would stand in a core of it: the password of a login that is over is wiped."""
    word = "Canary-Lan-" + os.urandom(6).hex()
    one = make_relay(sandbox, start=False, program=release)
    users.write(one, {"erp": word})
    one.config["listeners"][0]["auth"] = "required"
    one.config["devices"] = [{"name": "here", "address": "127.0.0.0/8", "cleartext_auth": True}]
    one.write_config()
    one.start()
    with Dialogue(one.port) as talk:
        talk.hello()
        if tls:
            talk.starttls()
            talk.hello()
        talk.expect(235, f"AUTH PLAIN {users.b64('', 'erp', word)}")
        talk.expect(221, "QUIT")
    one.wait_event("disconnect")
    one.wait_until(lambda: True)
    needles = list(canary.forms(word.encode()))
    pieces = list(canary.memory(one.pid))
    assert sum(map(len, pieces)) > 2**20 and any(b"relay.contoso.com" in data for data in pieces)
    assert [needle for needle in needles if any(needle in data for data in pieces)] == []
