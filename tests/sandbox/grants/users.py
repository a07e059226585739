# SPDX-License-Identifier: MIT
"""What the grants of users have in common: who may sign in where, and the reply with tokens."""
from . import scopes
from .ask import SHARED_TENANTS, Refused

PERSONAL = "consumers"


def application(ask):
    """The app of a request for a user, as far as the path allows it."""
    path = ask.note["tenant"].lower()
    if path in SHARED_TENANTS:
        app = ask.app(None)
        if path != PERSONAL and app["audience"] == "single":
            raise Refused(50194)
        if path == PERSONAL and app["audience"] != "all":
            raise Refused(700016)
        return app
    return ask.app(ask.tenant())


def scope_of(ask, app, text):
    """The scopes before anybody has signed in."""
    path = ask.note["tenant"].lower()
    return scopes.resolve(ask.world.tenant(path), app, text)


def check_user(ask, app, name):
    """The user and the tenant, if the user may sign in to this application at this path."""
    user = ask.world.user(name)
    if user is None:
        raise Refused(50034, field=name)
    tenant = ask.world.tenant(user["tenant"])
    path = ask.note["tenant"].lower()
    personal = tenant["key"] == PERSONAL
    fits = {"common": True, "organizations": not personal, "consumers": personal}.get(path)
    if fits is None:
        fits = ask.world.tenant(path)["key"] == tenant["key"]
    if not fits or personal and app["audience"] != "all" or \
            app["audience"] == "single" and app["tenant"] != tenant["key"]:
        raise Refused(50020, field=name)
    if not user["enabled"]:
        raise Refused(50057)
    return user, tenant


def first_reply(ask, app, tenant, user, wanted, scope, public, offline=None):
    """After a sign-in: a refresh token as well, where offline access was asked for."""
    refresh = None
    if wanted.offline if offline is None else offline:
        refresh = ask.office.signins.refresh.issue(
            ask.note["client_id"].lower(), user["upn"], scope, public)
        ask.note["new_refresh"] = refresh.number
    return reply(ask, app, tenant, user, wanted, refresh)


def reply(ask, app, tenant, user, wanted, refresh):
    """The tokens. `refresh`: the new refresh token, or None."""
    office, client = ask.office, ask.note["client_id"].lower()
    lifetime, said = ask.lifetime()
    public = bool(refresh.public) if refresh else "client_secret" not in ask.form
    access = office.issuer.user_token(ask.world, tenant, client, app, user, wanted, lifetime,
                                      public)
    body = {"token_type": "Bearer", "scope": wanted.text, "expires_in": said,
            "ext_expires_in": said, "access_token": office.vault.keep("access_token", access)}
    if tenant.get("plain"):
        del body["ext_expires_in"]
    if refresh:
        body["refresh_token"] = refresh.value
    if "openid" in wanted.openid:
        body["id_token"] = office.vault.keep("id_token", office.issuer.id_token(
            ask.world, tenant, client, user))
    ask.note["user"] = user["upn"]
    return body
