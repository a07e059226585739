# SPDX-License-Identifier: MIT
"""Every error of microsoft365.md 4.12 can be raised; each has status, error and text."""
import json

import pytest

from sandbox import aadsts, jwt
from sandbox.raw import Raw, form, post, token

# As in the table, row by row.
CODES = """
7000215 7000222 70002 700016 700011 7000112 70001 90002 900023 90038 900439 900382 900432 90051
50049 700027 700024 700030 50012 50027 50013 500133 50048 900384 90014 900144 90023 9002313 90100
90013 901002 70021 700211 700212 700213 7002137 7002138 700025 7000218 70011 28002 28003 700022
700023 1002012 70003 70005 500011 50001 650054 650053 65001 65004 90094 90095 90008 65005 650056
650052 650057 9001023 50194 50059 50128 90124 90130 90019 9002332 50011 50105 50034 50020 50126
50053 50055 50144 50057 50056 50058 50072 50074 50076 50079 50078 50158 53000 53001 530003 50097
50155 53003 53002 53004 53010 53011 530032 530034 530035 530036 50131 50005 50173 70000 70008 700082
700084 70043 50089 50132 50133 50135 50139 50085 700005 700020 54005 501481 70016 70018 70019 90119
90120 50134 500021 500022 50002 50196 50033 50087 50088 50166 90006 90012 90024 90033 90055 90090
90091 40010 70012 80001 80002 80005 80014
"""
ERRORS = {"invalid_request", "invalid_grant", "unauthorized_client", "invalid_client",
          "unsupported_grant_type", "invalid_resource", "interaction_required", "access_denied",
          "temporarily_unavailable", "consent_required", "invalid_scope", "server_error",
          "unsupported_response_type", "authorization_pending", "bad_verification_code",
          "expired_token"}


def test_the_table_is_whole():
    assert {int(code) for code in CODES.split()} <= set(aadsts.ERRORS)
    for code, (status, error, text) in aadsts.ERRORS.items():
        assert error in ERRORS and len(text) > 20, code
        assert (status == 401) <= (error in ("invalid_client", "unauthorized_client")), code
        assert (status >= 429) == (error in ("temporarily_unavailable", "server_error")), code


def test_each_by_fault(box):
    for code in sorted(aadsts.ERRORS):
        box.fault("token", "aadsts", code=code)
        status, body, _ = post(box)
        assert status == aadsts.ERRORS[code][0] and body["error_codes"] == [code]
        assert body["error"] == aadsts.ERRORS[code][1]
        assert body["error_description"].startswith(f"AADSTS{code}: ") and "{" not in str(
            body["error_description"])
    assert box.violations() == []


def test_fault_with_a_number_nobody_knows(box):
    """Codes may come and go (Microsoft's own warning): the class is that of `error`."""
    box.fault("token", "aadsts", code=7999999, error="invalid_grant")
    status, body, _ = post(box)
    assert (status, body["error"], body["error_codes"]) == (400, "invalid_grant", [7999999])


def claims(text):
    return json.loads(jwt.unb64url(text.split(".")[1]))


@pytest.mark.parametrize("roles, user, works", [
    (["SMTP.SendAsApp"], "scanner@contoso.com", True), (["Mail.Send"], "scanner@contoso.com", False),
    (["Mail.Send"], "hve@contoso.com", True), (["SMTP.SendAsApp"], "hve@contoso.com", False),
    ([], "scanner@contoso.com", False)])
def test_roles(box, roles, user, works):
    box.set_app(roles=roles)
    access = token(box)
    assert claims(access).get("roles", []) == roles
    with Raw(box) as raw:
        raw.tls()
        assert raw.xoauth2(access, user).startswith(b"235 ") == works


def test_rbac_for_applications(box):
    """The right is in Exchange, the token has no role; with the role the old rule counts."""
    box.set_app(roles=[])
    box.set(mailboxes={"scanner@contoso.com": {"rbac": [box.client_id], "full_access": []}})
    with Raw(box) as raw:
        raw.tls()
        assert raw.xoauth2(token(box)).startswith(b"235 ")
    box.set_app(roles=["SMTP.SendAsApp"])
    with Raw(box) as raw:
        raw.tls()
        assert raw.xoauth2(token(box)).startswith(b"535 5.7.3 ")


def test_wrong_audience(box):
    access = post(box, form(box, scope="https://graph.microsoft.com/.default"))[1]["access_token"]
    assert claims(access)["aud"] == "https://graph.microsoft.com"
    with Raw(box) as raw:
        raw.tls()
        assert raw.xoauth2(access).startswith(b"535 5.7.3 ")
