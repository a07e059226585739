# SPDX-License-Identifier: MIT
"""The authorization endpoint, and the redemption of its codes with PKCE."""
import hashlib
import secrets
import urllib.parse

import pytest

from sandbox import jwt, world
from sandbox.browser import Browser, NoRedirect
from sandbox.raw import post, rules

SMTP = "https://outlook.office.com/SMTP.Send offline_access"
VERIFIER = jwt.b64url(secrets.token_bytes(32))
STATE = jwt.b64url(secrets.token_bytes(24))


def request(box, tenant=None, **changes):
    fields = {"client_id": box.public_client, "response_type": "code",
              "redirect_uri": "http://localhost:41234/", "scope": SMTP, "state": STATE,
              "code_challenge": jwt.b64url(hashlib.sha256(VERIFIER.encode()).digest()),
              "code_challenge_method": "S256", **changes}
    fields = {key: value for key, value in fields.items() if value is not None}
    return box.endpoint("authorize", tenant) + "?" + urllib.parse.urlencode(fields)


def sent(box, tenant=None, **changes):
    browser = Browser(box)
    return browser.fields(browser.location(request(box, tenant, **changes)))


def redeem(box, code, tenant=None, **changes):
    fields = {"grant_type": "authorization_code", "client_id": box.public_client, "code": code,
              "redirect_uri": "http://localhost:41234/", "code_verifier": VERIFIER, **changes}
    fields = {key: value for key, value in fields.items() if value is not None}
    return post(box, fields, path=f"/{tenant or box.tenant}/oauth2/v2.0/token")[:2]


def test_from_browser_to_tokens(box):
    back = sent(box, "organizations", login_hint=box.mailbox, prompt="select_account")
    assert set(back) == {"code", "state", "session_state"} and back["state"] == STATE
    status, body = redeem(box, back["code"], "organizations")
    assert status == 200 and body["refresh_token"] and "id_token" not in body
    kept = box.secrets()
    assert kept["code"] == [back["code"]] and kept["code_verifier"] == [VERIFIER]
    assert box.violations() == [] and box.events("authorize")[0]["user"] == box.mailbox


def test_web_client(box):
    redirect = "http://localhost:8400/callback"
    code = sent(box, client_id=box.client_id, redirect_uri=redirect)["code"]
    ours = {"client_id": box.client_id, "redirect_uri": redirect}
    assert redeem(box, code, **ours)[1]["error_codes"] == [7000218]
    status, body = redeem(box, code, **ours, client_secret=box.secret)
    assert status == 200 and box.refresh_tokens()[0]["public"] is False and body["refresh_token"]
    assert box.violations() == []


def test_native_client_with_a_secret(box):
    code = sent(box)["code"]
    assert redeem(box, code, client_secret="x")[1]["error_codes"] == [700025]


@pytest.mark.parametrize("redirect, native", [
    ("http://localhost", True), ("http://localhost:1", True), ("http://localhost:65535/", True),
    (world.NATIVE_REDIRECT, True), ("http://localhost:1/else", None),
    ("http://127.0.0.1:5000/", None), ("https://localhost:1/", None),
    ("http://localhost.example/", None), ("http://localhost:1/?x=1", None)])
def test_redirects_of_a_native_client(box, redirect, native):
    url = request(box, redirect_uri=redirect)
    if native:
        assert Browser(box).location(url).startswith(redirect)
        return
    with pytest.raises(NoRedirect) as caught:
        Browser(box).location(url)
    assert "AADSTS50011" in caught.value.args[1] and box.violations() == []


def test_redirect_of_a_web_client_is_exact(box):
    for redirect in ("http://localhost:8401/callback", "https://relay.contoso.com/oauth/"):
        with pytest.raises(NoRedirect):
            Browser(box).location(request(box, client_id=box.client_id, redirect_uri=redirect))


@pytest.mark.parametrize("tenant, changes, code", [
    (None, {"client_id": "99999999-2222-3333-4444-555555555555"}, 700016),
    ("nobody.example", {}, 90002), ("common", {"client_id": world.CLIENT}, 50194)])
def test_pages_instead_of_redirects(box, tenant, changes, code):
    with pytest.raises(NoRedirect) as caught:
        Browser(box).location(request(box, tenant, **changes))
    assert f"AADSTS{code}:" in caught.value.args[1]


@pytest.mark.parametrize("setting, error", [
    ({"browser_error": 65004}, "access_denied"), ({"browser_error": 65001}, "consent_required"),
    ({"browser_user": None}, "login_required"), ({"browser_error": 53003}, "access_denied"),
    ({"browser_user": "nobody@contoso.com"}, "invalid_grant"),
    ({"browser_error": 90033}, "temporarily_unavailable")])
def test_errors_come_back_by_redirect(box, setting, error):
    box.set(**setting)
    back = sent(box)
    assert (back["error"], back["state"]) == (error, STATE) and "code" not in back
    assert back["error_description"].startswith("AADSTS") and box.violations() == []


@pytest.mark.parametrize("changes, error", [
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": None}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge": VERIFIER + "x"}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"), ({"state": None}, None),
    ({"state": "1234"}, None), ({"response_mode": "fragment"}, None), ({"extra": "1"}, None),
    ({"access_type": "offline"}, None), ({"prompt": "never"}, "invalid_request"),
    ({"scope": "https://outlook.office.com/SMTP.Send"}, None)])
def test_what_a_correct_client_never_asks(box, changes, error):
    assert sent(box, **changes).get("error") == error and rules(box) == ["token-request"]


def test_wrong_scope_is_no_violation(box):
    assert sent(box, scope="SMTP.SendAsApp offline_access")["error"] == "invalid_scope"
    assert box.violations() == []


@pytest.mark.parametrize("changes, code", [
    ({"code_verifier": "A" * 43}, 501481), ({"code_verifier": "short"}, 501481),
    ({"code_verifier": None}, 501481), ({"redirect_uri": "http://localhost:41235/"}, 500112),
    ({"tenant": "common"}, 700005), ({"code": "made-up"}, 9002313),
    ({"redirect_uri": None}, 900144)])
def test_redemption_by_a_client_that_errs(box, changes, code):
    issued = sent(box)["code"]
    status, body = redeem(box, **{"code": issued, **changes})
    assert (status, body["error_codes"]) == (400, [code]) and rules(box) == ["token-request"]


def test_single_use(box):
    issued = sent(box)["code"]
    assert redeem(box, issued)[0] == 200
    assert redeem(box, issued)[1]["error_codes"] == [54005] and rules(box) == ["token-request"]


def test_ten_minutes(box):
    issued = sent(box)["code"]
    box.set(clock_skew=601)
    assert redeem(box, issued)[1]["error_codes"] == [70008] and box.violations() == []


def test_personal_account(box):
    box.set(browser_user=world.PERSONAL_USER)
    assert sent(box, "organizations")["error"] == "invalid_grant"
    status, body = redeem(box, sent(box, "consumers")["code"], "consumers")
    assert status == 200 and body["access_token"].startswith("EwB")


@pytest.mark.parametrize("access_type", ["offline", None])
def test_gmail(box, access_type):
    """A secret in spite of the native redirect, and a refresh token only for access_type."""
    box.set(browser_user=world.GMAIL_USER)
    app = box.info()["apps"][world.GMAIL_CLIENT]
    back = sent(box, world.GMAIL, client_id=world.GMAIL_CLIENT, access_type=access_type,
                scope="https://mail.google.com/")
    assert set(back) == {"code", "state"}
    status, body = redeem(box, back["code"], world.GMAIL, client_id=world.GMAIL_CLIENT,
                          client_secret=app["secrets"][0]["value"])
    assert status == 200 and ("refresh_token" in body) == bool(access_type)
    assert box.violations() == []
    box.set(browser_error=65004)
    back = sent(box, world.GMAIL, client_id=world.GMAIL_CLIENT, scope="https://mail.google.com/")
    assert back == {"error": "access_denied", "state": STATE}


def test_browser_goes_on_to_the_listener(box):
    """sign_in() ends at the redirect's address, here the sandbox's own control port."""
    redirect = f"http://localhost:{box.control_port}/"
    box.set(apps={box.public_client: {"redirects": {"web": [], "native": ["http://localhost"]}}})
    status, text = Browser(box).sign_in(request(box, redirect_uri=redirect))
    assert status == 404 and "no GET /" in text
