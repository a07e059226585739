# SPDX-License-Identifier: MIT
"""The token endpoint: its reply, its errors, its faults."""
import json
import re
import urllib.error

import pytest

from sandbox import jwt
from sandbox.raw import form, post, rules


def test_token_reply(box):
    status, body, headers = post(box)
    assert status == 200 and headers["Cache-Control"] == "no-store, no-cache"
    assert set(body) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    assert body["token_type"] == "Bearer" and body["expires_in"] == 3599
    assert 1400 <= len(body["access_token"]) <= 2100
    claims = json.loads(jwt.unb64url(body["access_token"].split(".")[1]))
    assert claims["aud"] == "https://outlook.office365.com"
    assert "SMTP.SendAsApp" in claims["roles"] and claims["appid"] == box.client_id
    assert claims["exp"] - claims["iat"] == 3599
    assert all(secret["value"] not in json.dumps(box.events())
               for app in box.info()["apps"].values() for secret in app["secrets"])


@pytest.mark.parametrize("change, status, error, code", [
    ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
    ({"client_secret": None}, 401, "invalid_client", 7000218),
    ({"client_id": "99999999-2222-3333-4444-555555555555"}, 400, "unauthorized_client", 700016),
    ({"scope": "https://outlook.office365.com/SMTP.Send"}, 400, "invalid_scope", 1002012),
    ({"scope": "https://outlook.office.com/.default"}, 400, "invalid_resource", 500011),
    ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ({"grant_type": None}, 400, "invalid_request", 900144),
])
def test_token_errors(box, change, status, error, code):
    got, body, _ = post(box, form(box, **change))
    assert (got, body["error"], body["error_codes"]) == (status, error, [code])
    assert re.match(rf"AADSTS{code}: .* Trace ID: [0-9a-f-]{{36}} Correlation ID: [0-9a-f-]{{36}} "
                    r"Timestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$", body["error_description"])
    assert {"timestamp", "trace_id", "correlation_id", "error_uri"} <= set(body)


def test_token_tenant_and_expired_secret(box):
    assert post(box, path="/nobody.example/oauth2/v2.0/token")[1]["error_codes"] == [90002]
    assert post(box, path="/common/oauth2/v2.0/token")[1]["error_codes"] == [50059]
    apps = {box.client_id: {"secrets": [{"value": "old", "expired": True}]}}
    box.set(apps=apps)
    assert post(box, form(box, client_secret="old"))[1]["error_codes"] == [7000222]


@pytest.mark.parametrize("body, headers", [
    (b"grant_type=client_credentials&grant_type=client_credentials", {}),
    (b"grant_type=client credentials", {}),
    (b"grant_type=client_credentials%zz", {}),
    (b"{}", {"Content-Type": "application/json"}),
])
def test_token_form_is_strict(box, body, headers):
    assert post(box, body=body, headers=headers)[0] == 400
    assert "token-request" in rules(box)


def test_token_faults(box):
    box.fault("token", "http", status=429, retry_after=7)
    status, _, headers = post(box)
    assert status == 429 and headers["Retry-After"] == "7"
    box.fault("token", "http", status=500)
    assert post(box)[1].startswith("<html>")
    box.fault("token", "redirect", location="https://localhost:1/x", status=307)
    status, _, headers = post(box)                  # urllib does not repeat a POST elsewhere
    assert (status, headers["Location"]) == (307, "https://localhost:1/x")
    box.fault("token", "token-drip", delay=0.0005)
    assert post(box)[0] == 200
    box.fault("token", "bad-json")
    assert isinstance(post(box)[1], str)
    box.fault("token", "expires-in", value="3600")
    assert post(box)[1]["expires_in"] == "3600"
    box.fault("token", "expires-in", value=None)
    assert "expires_in" not in post(box)[1]
    box.fault("token", "aadsts", code=7000222)
    assert post(box)[1]["error_codes"] == [7000222]
    box.fault("token", "drop")
    with pytest.raises((urllib.error.URLError, OSError)):
        post(box)
    assert post(box)[0] == 200 and box.violations() == []


@pytest.mark.parametrize("point, action, more", [
    ("token", "hang", {}), ("token", "hang", {"where": "after"}),
    ("token-connect", "stall", {})])
def test_token_hangs(box, point, action, more):
    box.fault(point, action, **more)
    with pytest.raises((urllib.error.URLError, OSError)):
        post(box, timeout=0.5)
    assert post(box)[0] == 200
