# SPDX-License-Identifier: MIT
"""Device codes: the start, polling by the book, and every end."""
import pytest

from sandbox import world
from sandbox.grants.device import GRANT
from sandbox.raw import post, rules

SMTP = "https://outlook.office.com/SMTP.Send offline_access"


def start(box, client=None, tenant=None, **changes):
    fields = {"client_id": client or box.public_client, "scope": SMTP, **changes}
    return post(box, fields, path=f"/{tenant or box.tenant}/oauth2/v2.0/devicecode")[:2]


def poll(box, code, client=None, tenant=None, **changes):
    fields = {"grant_type": GRANT, "client_id": client or box.public_client, "device_code": code,
              **changes}
    return post(box, fields, path=f"/{tenant or box.tenant}/oauth2/v2.0/token")[:2]


@pytest.fixture
def code(box):
    """A device code that may be polled without waiting."""
    box.set(device_interval=0.01)
    return start(box)[1]["device_code"]


def test_from_start_to_tokens(box):
    status, body = start(box, tenant="organizations", scope=SMTP + " openid")
    assert status == 200 and set(body) == {"user_code", "device_code", "verification_uri",
                                           "expires_in", "interval", "message"}
    assert (body["expires_in"], body["interval"]) == (900, 5) and body["user_code"].isalnum()
    told = box.device("approve")
    assert told["user_code"] == body["user_code"] and told["state"] == "approved"
    status, tokens = poll(box, body["device_code"], tenant="organizations")
    assert status == 200 and {"access_token", "refresh_token", "id_token"} <= set(tokens)
    secrets = box.secrets()
    assert secrets["device_code"] == [body["device_code"]]
    assert secrets["refresh_token"] == [tokens["refresh_token"]] and box.violations() == []
    assert poll(box, body["device_code"], tenant="organizations")[1]["error_codes"] == [90120]
    assert rules(box) == ["token-request"]                          # nobody polls after the end


@pytest.mark.parametrize("act, more, error, number", [
    (None, {}, "authorization_pending", 70016),
    ("decline", {}, "authorization_declined", 65004),
    ("expire", {}, "expired_token", 70019), ("block", {}, "invalid_grant", 530036),
    ("block", {"code": 53003}, "invalid_grant", 53003),
    ("slow_down", {}, "slow_down", 70016),
    ("approve", {"user": world.PERSONAL_USER}, "invalid_grant", 50020)])
def test_outcomes(box, code, act, more, error, number):
    if act:
        box.device(act, **more)
    status, body = poll(box, code)
    assert (status, body["error"], body["error_codes"]) == (400, error, [number])
    assert box.violations() == []


def test_told_to_slow_down(box, code):
    """From then on five seconds more: who comes sooner breaks the rule, and hears it again."""
    box.device("slow_down")
    assert poll(box, code)[1]["error"] == "slow_down"
    assert box.devices()[0]["interval"] > 5 and box.violations() == []
    assert poll(box, code)[1]["error"] == "slow_down"
    assert rules(box) == ["device-poll"] and box.devices()[0]["interval"] > 10


def test_polled_too_fast(box):
    box.set(device_interval=None)
    body = start(box)[1]
    assert "interval" not in body                           # then it is 5 (RFC 8628 3.2)
    assert poll(box, body["device_code"])[1]["error"] == "authorization_pending"
    assert poll(box, body["device_code"])[1]["error"] == "slow_down"
    assert rules(box) == ["device-poll"] and box.devices()[0]["interval"] == 10


def test_its_time_is_over(box, code):
    box.set(clock_skew=901)
    assert poll(box, code)[1]["error"] == "expired_token" and box.violations() == []


def test_clients_and_tenants(box, code):
    assert poll(box, code, client_secret="x")[1]["error_codes"] == [700025]
    assert start(box, client="99999999-2222-3333-4444-555555555555")[1]["error_codes"] == [700016]
    assert start(box, scope="https://outlook.office365.com/SMTP.SendAsApp offline_access")[1][
        "error_codes"] == [70011]
    other = start(box, client=box.client_id)[1]["device_code"]      # "public client flows": No
    assert poll(box, other, client=box.client_id)[1]["error_codes"] == [7000218]
    assert start(box, client=box.client_id, tenant="common")[1]["error_codes"] == [50194]
    assert box.violations() == []
    assert poll(box, code, tenant="common")[1]["error_codes"] == [70018]
    assert poll(box, "BAQ-unknown")[1]["error_codes"] == [70018] and rules(box) == ["token-request"]


def test_gmail_has_none_for_mail(box):
    status, body = start(box, world.GMAIL_CLIENT, world.GMAIL, scope="https://mail.google.com/")
    assert (status, body) == (400, {"error": "invalid_scope", "error_description": "Bad Request"})


def test_offline_access_is_not_forgotten(box):
    assert start(box, scope="https://outlook.office.com/SMTP.Send")[0] == 200
    assert rules(box) == ["token-request"]


def test_faults(box):
    box.fault("devicecode", "aadsts", code=90033)
    assert start(box)[0] == 503
    box.fault("devicecode", "http", status=429, retry_after=3)
    assert start(box)[0] == 429
    assert start(box)[0] == 200 and len(box.events("devicecode")) == 3
