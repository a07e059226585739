# SPDX-License-Identifier: MIT
"""Tokens: one request for all that wait, caching, renewal, and every bad answer (2.14, TOK)."""
import base64
import datetime
import os
import socket
import time

import pytest

from . import sealed
from .dialogue import Dialogue, message, print_page, stuff, subject_of

FAILURE = 30


def test_one_request_however_many_wait(relay, sandbox):
    """TOK-09."""
    sandbox.fault("token", "stall")
    one = relay()
    for number in range(20):
        print_page(one.port, message(f"m{number}"))
    sandbox.wait(stalled=1)
    sandbox.release()
    sandbox.wait(messages=20)
    assert len(sandbox.events("token-connect")) == len(sandbox.events("token")) == 1


def test_thousand_wait_for_an_expired_token(relay, sandbox):
    """TOK-09: the last run's token has ended; a thousand messages, one request, all delivered."""
    one = relay(start=False)
    one.change({"log": {"level": "info"}})
    one.config["accounts"][0]["limits"]["connections"] = 3
    account = {**one.config["accounts"][0], "scope": "https://outlook.office365.com/.default"}
    now = int(time.time() * 1000)
    sealed.write(one, {"version": 1, "binding": sealed.binding(account, "client_credentials"),
                       "access_token": "An-Expired-Token-" + "e" * 20,
                       "access_got": now - 3700_000, "access_ends": now - 100_000})
    one.write_config()
    one.start()
    sandbox.fault("token", "stall")
    with Dialogue(one.port, timeout=60) as talk:
        talk.hello()
        for number in range(1000):
            talk.envelope().expect(354, "DATA")
            talk.send(stuff(message(f"m{number}")) + b".\r\n")
            talk.expect(250)
    sandbox.wait(stalled=1)
    assert sandbox.messages() == []
    sandbox.release()
    sandbox.wait(messages=1000, timeout=120)
    assert len(sandbox.events("token-connect")) == len(sandbox.events("token")) == 1
    assert len(one.events("token", status="fetched")) == 1


@pytest.fixture
def dead_endpoints():
    """Token endpoints that nobody answers at: five refuse, five take the connection and are mute."""
    with socket.socket() as closed, socket.socket() as mute:
        closed.bind(("127.0.0.1", 0))
        mute.bind(("127.0.0.1", 0))
        mute.listen(64)
        yield [f"https://localhost:{sock.getsockname()[1]}/x/oauth2/v2.0/token"
               for sock in (closed, mute) for _ in range(5)]


def test_ten_dead_endpoints_and_one_that_lives(relay, sandbox, dead_endpoints):
    """None of them blocks mail that another account can send, nor what comes in."""
    one = relay(start=False)
    accounts = [one.account(f"dead{number}", token_endpoint=url)
                for number, url in enumerate(dead_endpoints)] + [one.account("alive")]
    devices = [{"name": account["name"], "address": f"127.0.1.{number}", "account": account["name"]}
               for number, account in enumerate(accounts, 1)]
    one.config.pop("allow")
    one.change(lambda config: config.update(accounts=accounts, devices=devices))
    one.start()
    for number in range(1, 11):
        print_page(one.port, message("waits"), source=f"127.0.1.{number}")
    for number in range(20):
        print_page(one.port, message(f"m{number}"), source="127.0.1.11")
    for number in range(1, 11):
        for _ in range(4):
            print_page(one.port, message("waits"), source=f"127.0.1.{number}")
    sandbox.wait(messages=20)
    # Not only in the end: before any of the mute ones has been given up.
    mute = {f"dead{number}" for number in range(5, 10)}
    told = [(event.name, event["account"]) for event in one.events()
            if event.name == "token" or event.name == "token-failed" and event["account"] in mute]
    assert told[0] == ("token", "alive")
    assert {subject_of(record) for record in sandbox.messages()} == {f"m{n}" for n in range(20)}
    assert one.events("token-failed", account="alive") == []
    assert {event["account"] for event in one.events("token", status="fetched")} == {"alive"}
    assert len(one.spool_files()) >= 50 and one.events("account-held") == []


# --- the server refuses the token ---------------------------------------------------------
REFUSED = "535 5.7.3 Authentication unsuccessful [SY5 2026-01-01 08DE]"


def logins(sandbox):
    return len([event for event in sandbox.events("command") if event["line"] == "AUTH XOAUTH2"])


def test_a_storm_of_refusals_is_one_new_token(relay, sandbox):
    """Eight sessions are told 535 with the same token: one request, and all is delivered."""
    one = relay(start=False)
    one.config["accounts"][0]["limits"]["connections"] = 8
    one.write_config()
    sandbox.set(connections=8)
    one.start()
    print_page(one.port, message("first"))
    sandbox.wait(messages=1)
    sandbox.fault("auth-response", "reply", text=REFUSED, count=8)
    sandbox.fault("auth", "stall", count=8)
    sandbox.off("smtp")
    sandbox.on("smtp")
    for number in range(40):
        print_page(one.port, message(f"m{number}"))
    sandbox.wait(stalled=2)             # more than one session has the old token
    sandbox.release()
    sandbox.clear()
    sandbox.wait(messages=41)
    assert len(sandbox.events("token")) <= 2 and one.events("account-held") == []


def test_refused_with_a_fresh_token_too(relay, sandbox):
    """One retry, then held: no third request, no third login, whatever comes in."""
    sandbox.fault("auth-response", "reply", text=REFUSED, count=0)
    one = relay(start=False)
    one.config["accounts"][0]["limits"]["connections"] = 3
    one.write_config()
    one.start()
    for number in range(30):
        print_page(one.port, message(f"m{number}"))
    one.wait_event("account-held", account="scanner")
    for number in range(30):
        print_page(one.port, message(f"later{number}"))
    assert len(sandbox.events("token")) == 2 and logins(sandbox) == 2
    one.reload()                        # a person asks for another try
    still = one.wait_event("account-still-held", account="scanner")
    assert REFUSED[:9] in still["reason"] and still["remedy"]
    assert len(sandbox.events("token")) <= 4 and logins(sandbox) <= 4
    sandbox.clear()
    one.reload()
    sandbox.wait(messages=60)


def test_a_new_token_that_worked_may_be_refused_too(relay, sandbox):
    """It is not "the second time" when mail has gone with it: a new one is asked for at once."""
    one = relay()
    for number in range(3):
        sandbox.fault("auth-response", "reply", text="535 Authentication unsuccessful")
        sandbox.off("smtp")
        sandbox.on("smtp")
        print_page(one.port, message(f"m{number}"))
        sandbox.wait(messages=number + 1)
    assert len(sandbox.events("token")) == 4 and logins(sandbox) == 6
    assert one.events("account-held") == one.events("account-waiting") == []
    sandbox.fault("auth-response", "reply", text="535 Authentication unsuccessful", count=0)
    sandbox.off("smtp")
    sandbox.on("smtp")
    print_page(one.port, message("last"))
    held = one.wait_event("account-held", account="scanner")
    assert held["remedy"] and logins(sandbox) == 8
    sandbox.clear()
    one.reload()
    sandbox.wait(messages=4)


def test_no_storm_when_the_account_comes_back(relay, sandbox):
    """It was taken out of the configuration; its new token begins with no old one's numbers."""
    one = relay()
    sandbox.fault("auth-response", "reply", text=REFUSED)
    print_page(one.port, message("first"))
    sandbox.wait(messages=1)
    for name in ("another", "scanner"):
        one.change(lambda config, name=name: config["accounts"][0].update(name=name))
        one.reload()
    before = logins(sandbox)
    sandbox.off("smtp")
    sandbox.on("smtp")
    sandbox.fault("auth-response", "reply", text=REFUSED, count=0)
    print_page(one.port, message("second"))
    one.wait_event("account-held", account="scanner")
    assert logins(sandbox) - before == 2
    sandbox.clear()
    one.reload()
    sandbox.wait(messages=2)


def test_token_will_expire_soon(relay, sandbox):
    """microsoft365.md 6.1: HVE asks for a new token, whatever we think of the old one's life."""
    one = relay()
    print_page(one.port, message("first"))
    sandbox.wait(messages=1)
    sandbox.fault("auth-response", "reply",
                  text="501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon")
    sandbox.off("smtp")
    sandbox.on("smtp")
    print_page(one.port, message("second"))
    sandbox.wait(messages=2)
    assert len(sandbox.events("token")) == 2 and one.events("account-held") == []


@pytest.mark.parametrize("margin", [None, "10m"])
def test_margin_of_high_volume_email(relay, sandbox, margin):
    """A token of the last run with nine minutes left is good elsewhere, but not there."""
    one = relay(start=False)
    one.change({"log": {"level": "debug"}})
    one.config["accounts"][0]["token_margin"] = margin
    one.write_config()
    one.start()
    print_page(one.port, message("first"))
    sandbox.wait(messages=1)
    one.stop()
    record = sealed.read(one)
    record["access_ends"] = int(time.time() * 1000) + 540_000
    record["access_got"] = record["access_ends"] - 3600_000
    sealed.write(one, record)
    sandbox.fault("token", "stall")     # what there is has to do meanwhile, if it can
    one.start()
    print_page(one.port, message("second"))
    sandbox.wait(stalled=1)
    if margin is None:
        sandbox.wait(messages=2)
    else:
        assert len(sandbox.messages()) == 1
    sandbox.release()
    sandbox.wait(messages=2)
    assert len(sandbox.events("token")) == 2


@pytest.fixture
def fast(sandbox, make_relay, release, fast_clock):
    """fast(speed) starts a relay whose clock runs so many times as fast."""
    return lambda speed: make_relay(sandbox, program=release, env=fast_clock(speed))


def test_renewed_ten_minutes_before_it_ends(sandbox, fast):
    """In the background, whether or not there is mail: the times are those of its fast clock."""
    life = 1300
    sandbox.set(token_lifetime=life)
    one = fast(100)
    print_page(one.port)
    one.wait_event("token", count=2)
    first, second = (datetime.datetime.fromisoformat(event.time.rstrip("Z"))
                     for event in one.events("token")[:2])
    age = (second - first).total_seconds() - int(one.events("token")[1]["took_ms"]) / 1000
    assert 600 < age <= life - 600 + 5, f"renewed after {age:.0f} s of {life}"


def test_renewal_fails_but_the_old_token_still_works(sandbox, fast):
    sandbox.set(token_lifetime=700)
    one = fast(30)
    print_page(one.port)
    sandbox.wait(messages=1)
    sandbox.fault("token", "http", status=503, count=0)
    assert one.wait_event("token-failed").level == "warning"
    print_page(one.port)
    sandbox.wait(messages=2)
    assert one.events("account-held") == []


@pytest.mark.parametrize("code", [7000215, 7000222, 700016, 90002, 7000112])
def test_what_an_administrator_must_mend_holds_the_account(relay, sandbox, code):
    """Held, not bounced, one request, and a log line that names the code and what to do."""
    sandbox.fault("token", "aadsts", code=code, count=0)
    one = relay()
    number = print_page(one.port, message("waits"))
    failed = one.wait_event("token-failed", account="scanner")
    assert failed["code"] == f"AADSTS{code}" and failed.level == "error"
    assert len(failed["remedy"]) > 20
    held = one.wait_event("account-held", account="scanner")
    assert f"AADSTS{code}" in held["reason"] and held["remedy"]
    print_page(one.port, message("waits too"))
    assert len(one.spool_files()) == 2 and len(sandbox.events("token")) == 1
    assert one.events("delivery", status="failed") == []
    sandbox.clear()
    one.reload()
    one.wait_event("account-resumed", account="scanner")
    one.wait_event("removed", msg=number)
    sandbox.wait(messages=2)


def test_wrong_secret_then_the_right_one(relay, sandbox):
    """The issue's own case: corrected file, SIGHUP, and it flows."""
    one = relay(start=False)
    path = one.secret_file("scanner.secret", "This-Is-Not-The-Secret-" + "x" * 10)
    one.start()
    print_page(one.port, message("secret"))
    failed = one.wait_event("token-failed", code="AADSTS7000215")
    assert "secret" in failed["remedy"].lower()
    one.wait_event("account-held")
    assert sandbox.messages() == [] and len(one.spool_files()) == 1
    one.secret_file("scanner.secret", sandbox.secret)
    assert os.path.exists(path)
    one.reload()
    sandbox.wait(messages=1)
    one.wait_event("account-resumed")


def test_held_account_survives_a_restart(relay, sandbox):
    sandbox.fault("token", "aadsts", code=7000215, count=0)
    one = relay()
    print_page(one.port, message("held"))
    one.wait_event("account-held")
    one.restart()
    one.wait_event("account-held")
    sandbox.clear()
    one.restart()
    sandbox.wait(messages=1)


@pytest.mark.parametrize("fault", [
    {"action": "http", "status": 500}, {"action": "http", "status": 503, "retry_after": 1},
    {"action": "http", "status": 429, "retry_after": 1},
    {"action": "http", "status": 200},                                  # captive portal: HTML
    {"action": "http", "status": 200, "body": ""}, {"action": "http", "status": 204, "body": ""},
    {"action": "http", "status": 200, "body": '{"error":"x"}'},
    {"action": "bad-json"}, {"action": "bad-json", "body": "[" * 100_000},
    {"action": "bad-json", "body": '{"token_type":"Bearer","expires_in":3599}'},
    {"action": "bad-json", "body": '{"token_type":"mac","expires_in":9,"access_token":"abc"}'},
    {"action": "bad-json", "body": '{"token_type":"Bearer","access_token":{"a":1}}'},
    {"action": "huge"}, {"action": "drop"}, {"action": "drop", "how": "rst"},
    {"action": "aadsts", "code": 90033}, {"action": "aadsts", "code": 90055},
], ids=lambda fault: "-".join(str(value)[:18] for value in fault.values()))
def test_passing_faults(relay, sandbox, fault):
    """Each is logged, nothing is held, and delivery goes on by itself."""
    sandbox.fault("token", count=1, **fault)
    one = relay()
    print_page(one.port, message("after all"))
    failed = one.wait_event("token-failed", account="scanner")
    assert failed["retry_in"]
    sandbox.wait(messages=1, timeout=FAILURE)
    assert one.events("account-held") == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(relay, sandbox, status):
    """TOK-01: the secret is not sent anywhere else."""
    sandbox.fault("token", "redirect", status=status,
                  location=f"https://localhost:{sandbox.token_port}/elsewhere/oauth2/v2.0/token")
    one = relay()
    print_page(one.port)
    one.wait_event("token-failed")
    sandbox.wait(messages=1, timeout=FAILURE)
    assert {event["tenant"] for event in sandbox.events("token")} == {"contoso.onmicrosoft.com"}


@pytest.mark.parametrize("token", [
    "", "a b", "abc\r\nRSET", "abc\x01\x01auth=Bearer other", "t\u00f6ken", "a\x00b", "x" * 70_000],
    ids=["empty", "space", "crlf", "ctrl-a", "umlaut", "nul", "long"])
def test_token_bytes_are_checked(relay, sandbox, token):
    """XOA, TOK-04: such a token never reaches the wire (the sandbox would record it)."""
    sandbox.fault("token", "forged-token", token=token)
    one = relay()
    print_page(one.port)
    one.wait_event("token-failed")
    sandbox.wait(messages=1, timeout=FAILURE)


@pytest.mark.parametrize("value", ["3600", None, 0, -1, 1e308, 0.5, 9223372036854775808, "soon",
                                   [1]], ids=str)
def test_expires_in(relay, sandbox, value):
    """TOK-05: a string is right, nonsense is clamped or refused, mail flows."""
    sandbox.fault("token", "expires-in", value=value)
    one = relay()
    print_page(one.port)
    sandbox.wait(messages=1, timeout=FAILURE)
    assert len(sandbox.events("token")) <= 3


@pytest.mark.parametrize("point, action", [("token-connect", "stall"), ("token", "hang")])
def test_endpoint_never_answers(relay, sandbox, point, action):
    """Neither taking mail nor another account waits for it."""
    match = {} if point == "token-connect" else {"match": {"tenant": "contoso"}}
    one = relay(start=False)
    one.config["accounts"].append(one.account(
        "fabrikam", client="66666666-7777-8888-9999-aaaaaaaaaaaa", mailbox="scanner@fabrikam.com"))
    one.config.pop("allow")
    one.config["devices"] = [{"name": "a", "address": "127.0.0.1", "account": "scanner"},
                             {"name": "b", "address": "127.0.0.2", "account": "fabrikam"}]
    one.write_config()
    one.start()
    sandbox.fault(point, action, **match)
    print_page(one.port, message("stuck"))
    sandbox.wait(stalled=1)
    for number in range(5):
        slow = print_page(one.port, message(f"stuck {number}"))
        assert int(one.wait_event("accepted", msg=slow)["took_ms"]) < 2000
    print_page(one.port, message("free"), source="127.0.0.2")
    sandbox.wait(messages=1, timeout=10)
    assert subject_of(sandbox.messages()[0]) == "free"
    sandbox.release()
    sandbox.wait(messages=7, timeout=60)


@pytest.mark.parametrize("variant", ["wrong-name", "expired", "self-signed", "unknown-ca"])
def test_certificate_of_the_endpoint(relay, sandbox, variant):
    """TOK-08: the secret is not sent to a stranger."""
    sandbox.set(token_certificate=variant)
    one = relay()
    print_page(one.port)
    failed = one.wait_event("token-failed")
    assert "certificate" in failed["error"].lower() or "ssl" in failed["error"].lower()
    assert sandbox.events("token") == []
    sandbox.set(token_certificate="good")
    sandbox.wait(messages=1, timeout=FAILURE)


def test_hostile_environment(relay, sandbox, tmp_path):
    """TOK-10, ENV-02: no proxy and no key log from the environment."""
    keylog = tmp_path / "keys"
    one = relay(env={"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9",
                     "ALL_PROXY": "http://127.0.0.1:9", "SSLKEYLOGFILE": str(keylog)})
    print_page(one.port)
    sandbox.wait(messages=1)
    assert not keylog.exists()


def test_error_text_cannot_forge_the_log(relay, sandbox):
    """TOK-13."""
    text = "AADSTS7000215: x\r\n2026-01-01T00:00:00.000Z error fake a=b\x1b[2J " + "y" * 9000
    body = {"error": "invalid_client", "error_description": text, "error_codes": [7000215]}
    sandbox.fault("token", "http", status=401, body=body)
    one = relay()
    print_page(one.port)
    one.wait_event("token-failed", code="AADSTS7000215")
    assert one.events("fake") == [] and "\x1b" not in one.text()


def test_secret_from_the_environment(relay, sandbox):
    one = relay(start=False, env={"SCANNER_SECRET": sandbox.secret})
    one.config["accounts"][0]["client_secret"] = "env:SCANNER_SECRET"
    one.write_config()
    one.start()
    print_page(one.port)
    sandbox.wait(messages=1)
    assert base64.b64encode(sandbox.secret.encode()).decode() not in one.text()


def test_each_failure_is_told_once_for_the_account(relay, sandbox):
    """The account waits for the token, and not once more for the rest of a second."""
    sandbox.off("token")
    one = relay()
    print_page(one.port)
    one.wait_event("token-failed", count=3)
    told = [event.name for event in one.events()
            if event.name in ("token-failed", "account-waiting")]
    assert told[:5] == ["token-failed", "account-waiting"] * 2 + ["token-failed"]
