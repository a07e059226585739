# SPDX-License-Identifier: MIT
"""grant_type=authorization_code: redemption with PKCE (microsoft365.md 4.4, RFC 7636)."""
import hashlib
import re

from .. import jwt
from . import client_auth, scopes, users
from .ask import Refused

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def answer(ask):
    ask.only("grant_type", "client_id", "code", "redirect_uri", "code_verifier", "scope",
             *client_auth.FIELDS)
    app = users.application(ask)
    value, redirect = ask.need("code"), ask.need("redirect_uri")
    code = ask.office.signins.codes.find(value)
    if code is None:
        ask.violation("a code that was never issued")
        raise Refused(9002313)
    tenant_of_user = ask.world.tenant(ask.world.user(code.user)["tenant"])
    if code.native and not tenant_of_user["plain"]:
        client_auth.public(ask)
    else:
        client_auth.confidential(ask, app)
    if code.client != ask.note["client_id"].lower() or code.path != ask.note["tenant"].lower():
        ask.violation("a code of another client or tenant")
        raise Refused(700005)
    if code.redirect != redirect:
        ask.violation(f"redirect_uri {redirect!r} is not the one of the request")
        raise Refused(500112, field=redirect)
    _proof(ask, code)
    if code.used:
        ask.violation("a code was redeemed twice")
        raise Refused(54005)
    if ask.world.now() >= code.expires:
        raise Refused(70008)
    code.used = True
    user, tenant = users.check_user(ask, app, code.user)
    wanted = scopes.resolve(tenant, app, ask.form.get("scope") or code.scope)
    return users.first_reply(ask, app, tenant, user, wanted, code.scope,
                             public=code.native and not tenant["plain"], offline=code.offline)


def _proof(ask, code):
    verifier = ask.form.get("code_verifier", "")
    ask.office.vault.keep("code_verifier", verifier)
    if code.challenge is None:
        if verifier:
            raise Refused(501481)
        return
    if not VERIFIER.fullmatch(verifier):
        ask.violation("code_verifier is missing or malformed")
        raise Refused(501481)
    if jwt.b64url(hashlib.sha256(verifier.encode()).digest()) != code.challenge:
        ask.violation("code_verifier does not match")
        raise Refused(501481)
