# SPDX-License-Identifier: MIT
"""GET authorize: what the browser of a user is sent to, and where it is sent then (4.4).

The user at the browser is the setting browser_user; with browser_error the sign-in ends so.
"""
import re
import urllib.parse
import uuid

from .. import aadsts
from ..httpd import Redirect
from . import users
from .ask import Refused

FIELDS = ("client_id", "response_type", "redirect_uri", "response_mode", "scope", "state",
          "code_challenge", "code_challenge_method", "prompt", "login_hint", "domain_hint",
          "nonce")
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
PROMPTS = ("login", "none", "consent", "select_account")


def answer(ask):
    """A page where the application is in doubt, else a redirect with code or error."""
    ask.only(*FIELDS, *(["access_type"] if ask.world.is_plain(ask.note["tenant"]) else []))
    try:
        app = users.application(ask)
        redirect = ask.need("redirect_uri")
        native = _registered(app, redirect)
        if native is None:
            raise Refused(50011, field=redirect)
    except Refused as refusal:
        return _page(ask, refusal)
    try:
        fields = _approve(ask, app, redirect, native)
    except Refused as refusal:
        ask.note["error"] = refusal.code
        _, body = aadsts.error(refusal.code, now=ask.world.now(), tenant=ask.note["tenant"],
                               client=ask.note["client_id"], **refusal.fields)
        fields = {"error": ON_REDIRECT.get(refusal.code, body["error"]),
                  "error_description": body["error_description"],
                  "error_uri": body["error_uri"]}
        if ask.world.is_plain(ask.note["tenant"]):
            fields = {"error": fields["error"]}
    if "state" in ask.form:
        fields["state"] = ask.form["state"]
    return 302, Redirect(_with(redirect, fields))


# What the redirect says where the token endpoint would say invalid_grant.
ON_REDIRECT = {65001: "consent_required", 50058: "login_required", 65004: "access_denied",
               50076: "interaction_required", 53003: "access_denied", 50105: "access_denied"}


def _page(ask, refusal):
    ask.note["error"] = refusal.code
    _, body = aadsts.error(refusal.code, now=ask.world.now(), tenant=ask.note["tenant"],
                           client=ask.note["client_id"], **refusal.fields)
    return 400, "<html><head><title>Sign in to your account</title></head><body>Sorry, but we're " \
                f"having trouble signing you in.<p>{body['error_description']}</body></html>"


def _registered(app, redirect):
    """True native, False web, None unknown. Native ones on http://localhost have any port."""
    if redirect in app["redirects"]["web"]:
        return False
    for known in app["redirects"]["native"]:
        if redirect == known or _loopback(known) and _loopback(known) == _loopback(redirect):
            return True
    return None


def _loopback(address):
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "http" or parts.hostname not in ("localhost", "127.0.0.1"):
        return None
    if parts.query or parts.fragment or parts.username:
        return None
    return parts.hostname, parts.path or "/"


def _with(redirect, fields):
    parts = urllib.parse.urlsplit(redirect)
    query = "&".join(filter(None, [parts.query, urllib.parse.urlencode(fields)]))
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


def _approve(ask, app, redirect, native):
    form = ask.form
    if form.get("response_type") != "code":
        ask.violation(f"response_type {form.get('response_type')!r}")
        raise Refused(700054 if form.get("response_type") else 900144, field="response_type")
    if form.get("response_mode", "query") != "query":
        ask.violation(f"response_mode {form['response_mode']!r}")
    if len(form.get("state", "")) < 22:
        ask.violation("state is missing or can be guessed")
    if form.get("prompt", "login") not in PROMPTS:
        ask.violation(f"prompt {form['prompt']!r}")
        raise Refused(90023, field="prompt")
    if form.get("code_challenge_method") != "S256" or \
            not CHALLENGE.fullmatch(form.get("code_challenge", "")):
        ask.violation("no PKCE challenge of 43 characters with S256")
        raise Refused(9002313)
    wanted = users.scope_of(ask, app, ask.need("scope"))
    plain = ask.world.is_plain(ask.note["tenant"])
    if not plain and not wanted.offline:
        ask.violation("authorize without offline_access")
    settings = ask.world.settings
    if settings["browser_error"]:
        raise Refused(int(settings["browser_error"]))
    if not settings["browser_user"]:
        raise Refused(50058)
    user, _ = users.check_user(ask, app, settings["browser_user"])
    code = ask.office.signins.codes.issue(
        ask.note["client_id"].lower(), user["upn"], form["scope"], ask.note["tenant"].lower(),
        redirect, native, form["code_challenge"])
    code.offline = form.get("access_type") == "offline" if plain else wanted.offline
    ask.note["user"] = user["upn"]
    return {"code": code.value} if plain else {"code": code.value,
                                               "session_state": str(uuid.uuid4())}
