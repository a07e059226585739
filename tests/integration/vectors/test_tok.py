# SPDX-License-Identifier: MIT
"""threats.md 2.14, TOK: what a token endpoint can do to us, and that no other account notices.

A relay gets an account for each vector of a section and one more, whose endpoint is sound. All the
vectors strike at once and for ever; then the sound account delivers. Rows that are proved elsewhere
are in ELSEWHERE.
"""
import base64
import glob
import gzip
import json
import os
import re
import smtplib
import socket

import pytest

from ..dialogue import message, print_page
from ..proxies import ConnectProxy
from .crowd import Crowd, Trap

TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JSON = {"Content-Type": "application/json; charset=utf-8"}

# What this file does not repeat: row, file, test.
ELSEWHERE = [
    ("TOK-01", "unit/common/test_http.c", "test_redirects_are_not_followed"),
    ("TOK-03", "unit/common/test_http.c", "test_large_replies"),
    ("TOK-03", "unit/common/test_http.c", "test_broken_replies"),
    ("TOK-04", "unit/oauth/test_token_response.c", "test_no_tokens"),
    ("TOK-04", "integration/test_token.py", "test_token_bytes_are_checked"),
    ("TOK-05", "integration/test_token.py", "test_expires_in"),
    ("TOK-06", "integration/test_token.py", "test_what_an_administrator_must_mend_holds_the_account"),
    ("TOK-07", "unit/common/test_http.c", "test_retry_after"),
    ("TOK-07", "unit/oauth/test_token_response.c", "test_waits"),
    ("TOK-08", "integration/test_token.py", "test_certificate_of_the_endpoint"),
    ("TOK-08", "integration/test_network.py", "test_silent_nameserver"),
    ("TOK-08", "integration/test_network.py", "test_dead_ipv6_does_not_stall"),
    ("TOK-10", "unit/common/test_http.c", "test_environment_is_ignored"),
    ("TOK-10", "unit/common/test_http_proxy.c", "test_environment_is_ignored"),
    ("TOK-11", "integration/test_rotation.py", "test_killed_around_the_first_use"),
    ("TOK-11", "integration/test_rotation.py", "test_killed_while_it_changes_all_the_time"),
    ("TOK-11", "integration/test_rotation.py", "test_the_reply_with_the_new_one_is_lost"),
    ("TOK-12", "unit/oauth/test_clock_skew.c", "test_skew"),
    ("TOK-13", "integration/test_token.py", "test_error_text_cannot_forge_the_log"),
]


@pytest.mark.parametrize("row, file, test", ELSEWHERE, ids=lambda value: value.split("/")[-1])
def test_elsewhere(row, file, test):
    with open(os.path.join(TESTS, file), encoding="utf-8") as source:
        text = source.read()
    assert re.fullmatch(r"TOK-\d\d", row) and re.search(rf"\b{test}\b", text), f"{file}: no {test}"


@pytest.fixture
def crowd(relay, sandbox):
    def make(vectors, **keywords):
        return Crowd(relay, sandbox, vectors, **keywords)
    return make


# --- TOK-01 ----------------------------------------------------------------------------------

def test_tok_01_redirects(crowd, sandbox):
    """Never followed; the secret is not sent again."""
    with Trap() as trap:
        places = {
            "TOK-01 same host": (302, f"https://localhost:{sandbox.token_port}/other/oauth2/v2.0/token"),
            "TOK-01 relative": (307, "/other/oauth2/v2.0/token"),
            "TOK-01 to http": (301, f"http://localhost:{trap.port}/"),
            "TOK-01 other host": (308, f"https://127.0.0.2:{trap.port}/"),
            "TOK-01 see other": (303, f"http://127.0.0.1:{trap.port}/"),
            "TOK-01 file": (307, "file:///etc/passwd"),
            "TOK-01 nonsense": (302, "\x01://"),
        }
        one = crowd({vector: {"action": "redirect", "status": status, "location": place}
                     for vector, (status, place) in places.items()})
        failed = one.strike()
        for vector, (status, _place) in places.items():
            assert failed[vector]["code"] == f"http-{status}", failed[vector]
        assert {event["tenant"] for event in sandbox.events("token")} == {sandbox.tenant}
        assert trap.visitors == []
        assert one.relay.events("account-held") == []
        one.mend()


# --- TOK-02 ----------------------------------------------------------------------------------

TOK_02 = {
    "TOK-02 captive portal": ({"status": 200}, "bad-reply"),
    "TOK-02 empty": ({"status": 200, "body": "", "headers": JSON}, "bad-reply"),
    "TOK-02 no content": ({"status": 204, "body": "", "headers": JSON}, "http-204"),
    "TOK-02 partial": ({"status": 206, "headers": JSON, "body": json.dumps(
        {"token_type": "Bearer", "expires_in": 3599, "access_token": "abc"})}, "http-206"),
    "TOK-02 error with 200": ({"status": 200, "headers": JSON, "body": json.dumps(
        {"error": "invalid_client"})}, "invalid_client"),
    "TOK-02 html with 400": ({"status": 400}, "http-400"),
    "TOK-02 not found": ({"status": 404, "body": "{}", "headers": JSON}, "http-404"),
}


def test_tok_02_no_token(crowd):
    """Somebody else's page, or half a reply: not ours, and it comes right by itself."""
    one = crowd({vector: {"action": "http", **what} for vector, (what, _) in TOK_02.items()})
    failed = one.strike()
    assert {vector: event["code"] for vector, event in failed.items()} == {
        vector: code for vector, (_, code) in TOK_02.items()}
    assert all(event.level == "warning" for event in failed.values())
    assert one.relay.events("account-held") == []
    one.mend()


# --- TOK-03 ----------------------------------------------------------------------------------

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
KIB, GIB = 1024, 1024 ** 3
GOOD = '{"token_type":"Bearer","expires_in":3599,"access_token":"abc"}'
BOMB = gzip.compress(b" " * 50_000_000)
TOK_03 = {
    "TOK-03 one too many": ({"text": f"{HEAD}Content-Length: {64 * KIB + 1}\r\n\r\n",
                             "repeat": " ", "times": 64 * KIB + 1}, "too-big"),
    "TOK-03 endless": ({"text": HEAD + "Transfer-Encoding: chunked\r\n\r\n",
                        "repeat": "1000\r\n" + " " * 4096 + "\r\n", "times": GIB // 4096}, "too-big"),
    "TOK-03 header flood": ({"text": HEAD, "repeat": "X-Flood: " + "x" * 500 + "\r\n",
                             "times": GIB // 500}, "too-big"),
    "TOK-03 gzip bomb": ({"base64": base64.b64encode(
        f"{HEAD}Content-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n".encode() + BOMB
    ).decode()}, "bad-reply"),
    "TOK-03 too short": ({"text": f"{HEAD}Content-Length: 500\r\n\r\n{GOOD}"}, "other"),
    "TOK-03 too long": ({"text": f"{HEAD}Content-Length: 20\r\n\r\n{GOOD}"}, "bad-reply"),
    "TOK-03 not HTTP": ({"text": "220 mail.example ESMTP\r\n"}, "other"),
    "TOK-03 nothing": ({"text": ""}, "other"),
}


def test_tok_03_size_and_form(crowd):
    """Ended by the cap; nothing of it is kept, nothing unpacked."""
    one = crowd({vector: {"action": "token-raw", **what} for vector, (what, _) in TOK_03.items()})
    failed = one.strike()
    assert {vector: event["code"] for vector, event in failed.items()} == {
        vector: code for vector, (_, code) in TOK_03.items()}
    assert one.relay.events("account-held") == []
    one.mend()


def test_tok_03_slowness(crowd, sandbox, fast_relay):
    """Octet by octet, or silence at any stage: ended by the deadline. Its clock runs fast."""
    vectors = {
        "TOK-03 drip": {"action": "token-drip", "delay": 0.5},
        "TOK-03 hang before": {"action": "hang"},
        "TOK-03 hang after the head": {"action": "hang", "where": "after"},
    }
    with socket.create_server(("127.0.0.1", 0)) as silent:     # accepts, and never says a word
        vectors["TOK-03 no handshake"] = {"account": {
            "token_endpoint": f"https://127.0.0.1:{silent.getsockname()[1]}/token"}}
        one = crowd(vectors, **fast_relay)
        failed = one.strike(timeout=60)
        sandbox.release()
    assert {event["code"] for event in failed.values()} == {"timeout"}
    assert one.relay.events("account-held") == []


@pytest.fixture
def fast_relay(release):
    """Keywords for a relay on whose clock 30 seconds pass in 3."""
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not library:
        pytest.skip("faketime is not installed")
    return {"program": release, "env": {"LD_PRELOAD": library[0], "FAKETIME": "+0 x10"}}


# --- TOK-04, TOK-05 --------------------------------------------------------------------------

def token(**more):
    return json.dumps({"token_type": "Bearer", "expires_in": 3599, "access_token": "abc", **more})


TOK_04 = {
    "TOK-04 truncated": GOOD[:-1],
    "TOK-04 trailing garbage": GOOD + "x",
    "TOK-04 two values": GOOD + GOOD,
    "TOK-04 byte order mark": "\ufeff" + GOOD,
    "TOK-04 deep": "[" * 60_000,
    "TOK-04 deep inside": '{"access_token":' + '{"a":' * 50 + "1" + "}" * 51,
    "TOK-04 doubled": '{"token_type":"Bearer","access_token":"abc","access_token":"def"}',
    "TOK-04 null": token(access_token=None),
    "TOK-04 number": token(access_token=7),
    "TOK-04 object": token(access_token={"a": 1}),
    "TOK-04 array": token(access_token=["abc"]),
    "TOK-04 empty": token(access_token=""),
    "TOK-04 nul": token(access_token="a\0b"),
    "TOK-04 ctrl-a": token(access_token="a\1b"),
    "TOK-04 crlf": token(access_token="a\r\nb"),
    "TOK-04 umlaut": token(access_token="\u00e4"),
    "TOK-04 missing": '{"token_type":"Bearer","expires_in":3599}',
    "TOK-04 other case": '{"token_type":"Bearer","Access_Token":"abc"}',
    "TOK-04 wrong type": token(token_type="mac"),
    "TOK-04 no type": '{"expires_in":3599,"access_token":"abc"}',
    "TOK-05 NaN": '{"token_type":"Bearer","expires_in":NaN,"access_token":"abc"}',
}


def test_tok_04_json(crowd, sandbox):
    """Refused, without a crash; and no octet of such a token reaches the mail server."""
    one = crowd({vector: {"action": "bad-json", "body": body} for vector, body in TOK_04.items()})
    failed = one.strike()
    assert {event["code"] for event in failed.values()} == {"bad-reply"}
    assert one.relay.events("account-held") == []
    assert len(sandbox.events("auth")) == 1     # the sound one's
    one.mend()


def test_tok_04_a_token_of_a_megabyte(crowd):
    one = crowd({"TOK-04 1 MB": {"action": "forged-token", "token": "x" * 1_000_000}})
    assert one.strike()["TOK-04 1 MB"]["code"] == "too-big"
    one.mend()


# --- TOK-06 ----------------------------------------------------------------------------------

TOK_06 = {
    "TOK-06 wrong secret": 7000215, "TOK-06 expired secret": 7000222, "TOK-06 sign in again": 70043,
    "TOK-06 session revoked": 50173, "TOK-06 unknown application": 700016,
}


def test_tok_06_what_somebody_must_mend(crowd):
    """Held, told once, not hammered: five minutes are between this request and the next."""
    one = crowd({vector: {"action": "aadsts", "code": code} for vector, code in TOK_06.items()})
    failed = one.strike()
    for vector, code in TOK_06.items():
        assert failed[vector]["code"] == f"AADSTS{code}" and failed[vector].level == "error"
        assert len(failed[vector]["remedy"]) > 20
        assert int(failed[vector]["retry_in"]) >= 300
        one.relay.wait_event("account-held", account=one.names[vector])
    for number, vector in enumerate(one.names):     # more mail does not mean more requests
        print_page(one.relay.port, message(vector), source=f"127.0.1.{number + 1}")
    one.free(count=2)
    assert {vector: len(one.requests(vector)) for vector in one.names} == dict.fromkeys(TOK_06, 1)
    assert one.relay.events("delivery", status="failed") == []


# --- TOK-07 ----------------------------------------------------------------------------------

HOUR = 3600
# Retry-After, and what must lie between now and the next request, in seconds.
TOK_07 = {
    "TOK-07 60": (429, "60", 60), "TOK-07 0": (429, "0", 1), "TOK-07 -1": (429, "-1", 5),
    "TOK-07 far": (429, "99999999999", HOUR), "TOK-07 missing": (429, None, 5),
    "TOK-07 words": (429, "soon", 5), "TOK-07 date of old": (429, "Sun, 22 Nov 2015 12:00:00 GMT", 1),
    "TOK-07 500": (500, None, 5), "TOK-07 502": (502, None, 5), "TOK-07 503": (503, "120", 120),
    "TOK-07 504": (504, None, 5),
}


def test_tok_07_throttled(crowd):
    """What the endpoint asks for is obeyed, within reason, with up to a tenth more."""
    one = crowd({vector: {"action": "http", "status": status, "retry_after": after}
                 for vector, (status, after, _) in TOK_07.items()})
    failed = one.strike()
    for vector, (status, _after, least) in TOK_07.items():
        assert failed[vector]["code"] == f"http-{status}"
        assert least <= int(failed[vector]["retry_in"]) <= least * 1.1 + 1, failed[vector]
    assert one.relay.events("account-held") == []


# --- TOK-08 ----------------------------------------------------------------------------------

def test_tok_08_nobody_to_trust(crowd, sandbox):
    """No connection, no name, no trust: all of it passing, and nothing is sent."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        refused = gone.getsockname()[1]
    path = f"/{sandbox.tenant}/oauth2/v2.0/token"
    with Trap(b"220 mail.example ESMTP\r\n") as mail:
        ports = {
            "TOK-08 refused": f"localhost:{refused}",
            "TOK-08 no such name": "login.invalid",
            "TOK-08 not TLS": f"localhost:{mail.port}",
        }
        vectors = {vector: {"account": {"token_endpoint": f"https://{place}{path}"}}
                   for vector, place in ports.items()}
        vectors["TOK-08 unknown authority"] = {"account": {
            "ca_file": "/etc/ssl/certs/ca-certificates.crt"}}
        one = crowd(vectors)
        failed = one.strike()
    assert failed["TOK-08 refused"]["code"] == "connect"
    assert failed["TOK-08 no such name"]["code"] == "dns"
    assert failed["TOK-08 not TLS"]["code"] == "tls"
    assert "issued by" in failed["TOK-08 unknown authority"]["error"]
    assert failed["TOK-08 unknown authority"]["code"] == "tls"
    assert all(event.level == "warning" for event in failed.values())
    assert len(sandbox.events("token")) == 1    # the sound one's
    assert one.relay.events("account-held") == []


# --- TOK-09 ----------------------------------------------------------------------------------

def test_tok_09_a_thousand_wait(relay, sandbox):
    """One request for all of them, however long it takes."""
    sandbox.fault("token", "stall")
    one = relay()
    with smtplib.SMTP("127.0.0.1", one.port, local_hostname="printer", timeout=60) as client:
        for number in range(1000):
            client.sendmail("scan@printer.local", ["b@fabrikam.com"], message(f"m{number}"))
    sandbox.wait(stalled=1)
    assert len(sandbox.events("token-connect")) == 1
    sandbox.release()
    sandbox.wait(messages=1000, timeout=120)
    assert len(sandbox.events("token-connect")) == len(sandbox.events("token")) == 1


# --- TOK-10 ----------------------------------------------------------------------------------

def test_tok_10_the_environment_names_proxies(relay, sandbox):
    """Neither does it make us take one, nor leave the one that is configured."""
    hostile = {name: "http://127.0.0.1:9" for name in (
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")}
    one = relay(env=hostile)
    print_page(one.port, message("straight"))
    sandbox.wait(messages=1)
    with ConnectProxy() as proxy:
        other = relay({"proxy": {"tokens": proxy.url}},
                      env={**hostile, "no_proxy": "*", "NO_PROXY": "*"})
        print_page(other.port, message("by proxy"))
        sandbox.wait(messages=2)
        assert [asked["port"] for asked in proxy.requests] == [sandbox.token_port]
        assert proxy.problems == []


# --- TOK-12 ----------------------------------------------------------------------------------

@pytest.mark.parametrize("ahead", [600, -600])
def test_tok_12_a_wrong_clock_is_named(relay, sandbox, ahead):
    """Tokens live by monotonic time, so mail flows; but somebody should know."""
    sandbox.set(clock_skew=ahead)
    one = relay()
    print_page(one.port, message("on time"))
    sandbox.wait(messages=1)
    event = one.wait_event("clock-skewed", account="scanner")
    assert abs(int(event["skew_s"]) + ahead) <= 5 and "clock" in event["remedy"]
    assert len(sandbox.events("token")) == 1


def test_tok_12_a_small_difference_is_not(relay, sandbox):
    sandbox.set(clock_skew=240)
    one = relay()
    print_page(one.port)
    sandbox.wait(messages=1)
    one.wait_event("token")
    assert one.events("clock-skewed") == []


def test_tok_12_refused_as_soon_as_it_was_issued(relay, sandbox):
    """One new token, then no more of them: not a storm that locks the mailbox."""
    sandbox.set(mailboxes={sandbox.mailbox: {"full_access": []}})
    one = relay()
    print_page(one.port, message("waits"))
    one.wait_event("account-held", account="scanner")
    for number in range(5):
        print_page(one.port, message(f"waits too {number}"))
    one.status()                                # a turn of its loop later
    assert len(sandbox.events("token")) <= 2 and len(sandbox.events("auth")) <= 2
    assert one.events("delivery", status="failed") == []
