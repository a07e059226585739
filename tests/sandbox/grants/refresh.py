# SPDX-License-Identifier: MIT
"""grant_type=refresh_token, with rotation (microsoft365.md 4.6)."""
from . import client_auth, scopes, users
from .ask import Refused


def answer(ask):
    ask.only("grant_type", "client_id", "refresh_token", "scope", *client_auth.FIELDS)
    app = users.application(ask)
    value = ask.need("refresh_token")
    token = ask.office.signins.refresh.find(value)
    if token is None:
        ask.office.vault.keep("refresh_token", value)
        ask.violation("a refresh token that was never issued")
        raise Refused(9002313)
    if token.public:
        client_auth.public(ask)
    else:
        client_auth.confidential(ask, app)
    if token.client != ask.note["client_id"].lower():
        raise Refused(70000)
    ask.note["refresh"] = token.number
    dead = ask.office.signins.refresh.dead(token)
    if dead:
        raise Refused(dead)
    user, tenant = users.check_user(ask, app, token.user)
    wanted = scopes.resolve(tenant, app, ask.form.get("scope") or token.scope)
    new = ask.office.signins.refresh.use(token, rotate=not tenant.get("plain"))
    if new:
        ask.note["new_refresh"] = new.number
    return users.reply(ask, app, tenant, user, wanted, new)
