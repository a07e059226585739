# SPDX-License-Identifier: MIT
"""refresh_token: client types, rotation, death, scopes; and delegated tokens at the server."""
import json

import pytest

from sandbox import client, jwt, world
from sandbox.raw import Raw, post, refresh_form, rules, user_token

SMTP = "https://outlook.office.com/SMTP.Send offline_access"


def at(box, fields, tenant=None):
    return post(box, fields, path=f"/{tenant or box.tenant}/oauth2/v2.0/token")


def code(box, fields, tenant=None):
    status, body, _ = at(box, fields, tenant)
    return status if status == 200 else body["error_codes"][0]


@pytest.fixture
def value(box):
    return box.issue_refresh_token()


def test_reply(box, value):
    status, body, _ = at(box, refresh_form(box, value))
    assert status == 200 and set(body) == {
        "token_type", "scope", "expires_in", "ext_expires_in", "access_token", "refresh_token"}
    assert body["scope"] == "https://outlook.office.com/SMTP.Send"
    assert body["refresh_token"] != value and 1000 < len(body["refresh_token"]) < 2000
    claims = json.loads(jwt.unb64url(body["access_token"].split(".")[1]))
    assert claims["aud"] == "https://outlook.office.com" and claims["scp"] == "SMTP.Send"
    assert claims["upn"] == box.mailbox and "roles" not in claims and claims["appidacr"] == "0"
    assert set(box.secrets()["refresh_token"]) == {value, body["refresh_token"]}
    assert value not in json.dumps(box.events()) and box.violations() == []
    assert "id_token" in at(box, refresh_form(box, value, scope=SMTP + " openid"))[1]


def test_public_and_confidential(box, value):
    assert code(box, refresh_form(box, value, client_secret="x")) == 700025
    own = box.issue_refresh_token(client=box.client_id)
    fields = refresh_form(box, own, box.client_id)
    assert code(box, fields) == 7000218
    assert code(box, {**fields, "client_secret": "wrong"}) == 7000215
    assert code(box, {**fields, "client_secret": box.secret}) == 200
    assert code(box, refresh_form(box, value, box.client_id)) == 70000      # another's token
    assert box.violations() == []


def test_old_token_lives_on(box, value):
    """As Microsoft says: each use gives a new one, and the old is not revoked."""
    first = at(box, refresh_form(box, value))[1]["refresh_token"]
    assert code(box, refresh_form(box, first)) == code(box, refresh_form(box, value)) == 200
    told = box.refresh_tokens()
    assert [token["parent"] for token in told] == [None, 1, 2, 1] and told[0]["uses"] == 2


def test_strict_rotation(box, value):
    """The old one dies when the new one is first used, not before: a lost reply costs nothing."""
    box.set(strict_rotation=True)
    lost = at(box, refresh_form(box, value))[1]["refresh_token"]
    kept = at(box, refresh_form(box, value))[1]["refresh_token"]
    third = at(box, refresh_form(box, kept))[1]["refresh_token"]
    assert code(box, refresh_form(box, value)) == 70000
    assert code(box, refresh_form(box, third)) == 200
    assert code(box, refresh_form(box, kept)) == 70000
    assert code(box, refresh_form(box, lost)) == 200                # a branch of its own


def test_reply_lost(box, value):
    box.fault("token", "drop", match={"grant_type": "refresh_token"})
    with pytest.raises(OSError):
        at(box, refresh_form(box, value))
    assert len(box.refresh_tokens()) == 2
    box.fault("token", "drop", when="before")
    with pytest.raises(OSError):
        at(box, refresh_form(box, value))
    assert len(box.refresh_tokens()) == 2


@pytest.mark.parametrize("death", [50173, 70043, 700082, 70008, 65001])
def test_ended(box, value, death):
    assert box.end_refresh_tokens(death, user=box.mailbox) == 1
    status, body, _ = at(box, refresh_form(box, value))
    assert (status, body["error"], body["error_codes"]) == (400, "invalid_grant", [death])


def test_idle_limit(box, value):
    box.set(refresh_lifetime=100, clock_skew=99)
    younger = at(box, refresh_form(box, value))[1]["refresh_token"]
    box.set(clock_skew=250)
    assert code(box, refresh_form(box, value)) == code(box, refresh_form(box, younger)) == 700082


def test_password_change(box, value):
    """Kills what a public client has; a confidential client's survives (4.6)."""
    own = box.issue_refresh_token(client=box.client_id)
    box.change_password(box.mailbox)
    assert code(box, refresh_form(box, value)) == 50173
    assert code(box, refresh_form(box, own, box.client_id, client_secret=box.secret)) == 200
    box.set(users={box.mailbox: {"enabled": False}})
    assert code(box, refresh_form(box, own, box.client_id, client_secret=box.secret)) == 50057


@pytest.mark.parametrize("scope, wanted", [
    (SMTP, 200), ("https://outlook.office365.com/SMTP.Send", 200),
    ("https://outlook.office.com/.default", 200), ("SMTP.Send", 200), ("User.Read", 200),
    ("https://outlook.office.com/IMAP.AccessAsUser.All", 65001),
    ("https://outlook.office365.com/SMTP.SendAsApp", 70011), ("offline_access", 700023),
    ("https://outlook.office.com/SMTP.Send User.Read", 700022), ("SMTP.Nothing", 70011),
    ("https://outlook.example/.default", 500011)])
def test_scopes(box, value, scope, wanted):
    assert code(box, refresh_form(box, value, scope=scope)) == wanted and box.violations() == []


def test_tenants(box, value):
    fields = refresh_form(box, value)
    assert code(box, fields, "common") == code(box, fields, "organizations") == 200
    assert code(box, fields, "consumers") == code(box, fields, "fabrikam.onmicrosoft.com") == 50020
    own = refresh_form(box, box.issue_refresh_token(client=box.client_id), box.client_id,
                       client_secret=box.secret)
    assert code(box, own, "organizations") == 50194                 # a single-tenant app
    assert code(box, own, "consumers") == 700016


def test_never_issued(box):
    assert code(box, refresh_form(box, "1.AXmade-up")) == 9002313
    assert rules(box) == ["token-request"]


def test_personal_accounts_have_opaque_tokens(box):
    fields = refresh_form(box, box.issue_refresh_token(world.PERSONAL_USER))
    assert code(box, fields) == 50020 and code(box, fields, "organizations") == 50020
    access = at(box, fields, "consumers")[1]["access_token"]
    assert access.startswith("EwB") and access.count(".") == 0
    with Raw(box) as raw:
        raw.tls()
        assert raw.xoauth2(access, world.PERSONAL_USER).startswith(b"235 ")


def test_a_provider_that_is_not_microsoft(box):
    """Errors in RFC 6749's words, opaque tokens, no rotation, the secret sent all the same."""
    app = box.info()["apps"][world.GMAIL_CLIENT]
    value = box.issue_refresh_token(world.GMAIL_USER, world.GMAIL_CLIENT)
    fields = refresh_form(box, value, world.GMAIL_CLIENT)
    status, body, _ = at(box, fields, world.GMAIL)
    assert (status, set(body)) == (401, {"error", "error_description"})
    assert body["error"] == "invalid_client"
    fields["client_secret"] = app["secrets"][0]["value"]
    status, body, _ = at(box, fields, world.GMAIL)
    assert status == 200 and set(body) == {"token_type", "scope", "expires_in", "access_token"}
    with Raw(box) as raw:
        raw.tls()
        assert raw.xoauth2(body["access_token"], world.GMAIL_USER).startswith(b"235 ")
    box.end_refresh_tokens()
    status, body, _ = at(box, fields, world.GMAIL)
    assert (status, body["error"]) == (400, "invalid_grant") and "AADSTS" not in str(body)


@pytest.mark.parametrize("user, mailbox, changes, works", [
    ("scanner@contoso.com", "scanner@contoso.com", {}, True),
    ("anna@contoso.com", "shared@contoso.com", {}, True),
    ("anna@contoso.com", "scanner@contoso.com", {}, False),
    ("second@contoso.com", "shared@contoso.com", {}, False),
    ("scanner@contoso.com", "scanner@fabrikam.com", {}, False),
    ("scanner@contoso.com", "scanner@contoso.com", {"scope": "SMTP.Send"}, False),
    ("scanner@contoso.com", "scanner@contoso.com",
     {"scope": "https://outlook.office.com/Mail.Send"}, False),
    ("hve@contoso.com", "hve@contoso.com",
     {"scope": "https://outlook.office365.com/.default"}, True),
])
def test_at_the_submission_server(box, user, mailbox, changes, works):
    with Raw(box) as raw:
        raw.tls()
        reply = raw.xoauth2(user_token(box, user, **changes), mailbox)
    assert reply.startswith(b"235 " if works else b"535 ") and box.violations() == []


def test_mailbox_that_a_test_adds(box):
    """It has what others have, and a user; a shared one has none who could sign in."""
    box.set(mailboxes={"new@contoso.com": {}, "all@contoso.com": {"kind": "shared"}})
    with Raw(box) as raw:
        raw.tls()
        assert raw.xoauth2(user_token(box, "new@contoso.com"), "new@contoso.com").startswith(b"235")
    with pytest.raises(client.SandboxError):
        box.issue_refresh_token("all@contoso.com")


def test_disabled_user_at_the_submission_server(box):
    access = user_token(box)
    box.set(users={box.mailbox: {"enabled": False}})
    with Raw(box) as raw:
        raw.tls()
        assert raw.xoauth2(access).startswith(b"535 ")
