# SPDX-License-Identifier: MIT
"""POST devicecode, and the grant that polls for its outcome (microsoft365.md 4.5)."""
import time

from . import client_auth, scopes, users
from .ask import Refused

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PAGE = "https://login.microsoft.com/device"


def start(ask):
    """The devicecode endpoint."""
    ask.only("client_id", "scope", "client_secret")
    app = users.application(ask)
    tenant = ask.world.tenant(ask.note["tenant"])
    if tenant and tenant.get("plain") and not tenant.get("device_code", False):
        raise Refused(70011, field="the mail scope")        # Gmail: not for limited devices
    wanted = users.scope_of(ask, app, ask.need("scope"))
    if not wanted.offline:
        ask.violation("devicecode without offline_access")
    code = ask.office.signins.devices.issue(ask.note["client_id"].lower(), ask.form["scope"],
                                            ask.note["tenant"].lower())
    settings = ask.world.settings
    ask.note["user_code"] = code.user_code
    body = {"user_code": code.user_code, "device_code": code.value, "verification_uri": PAGE,
            "expires_in": settings["device_expires"], "interval": settings["device_interval"],
            "message": f"To sign in, use a web browser to open the page {PAGE} and enter the code "
                       f"{code.user_code} to authenticate."}
    return 200, {key: value for key, value in body.items() if value is not None}


def answer(ask):
    ask.only("grant_type", "client_id", "device_code", *client_auth.FIELDS)
    app = users.application(ask)
    value = ask.need("device_code")
    code = ask.office.signins.devices.find(value)
    if code is None or code.client != ask.note["client_id"].lower():
        ask.violation("a device code that was never issued to this client")
        raise Refused(70018)
    if not app["public"]:
        raise Refused(7000218)
    client_auth.public(ask)
    if code.path != ask.note["tenant"].lower():
        ask.violation(f"device code of {code.path}")
        raise Refused(70018)
    pace = ask.office.signins.devices.polled(code, time.monotonic())
    ask.note["user_code"] = code.user_code
    if code.state in ("done", "told"):
        ask.violation("polled after the end")
        raise Refused(90120)
    if pace == "fast":
        ask.office.recorder.violation("device-poll", ask.conn, f"less than {code.interval - 5} s")
    if pace != "ok":
        raise Refused(70016, error="slow_down")
    return _outcome(ask, app, code)


def _outcome(ask, app, code):
    if code.state == "pending":
        raise Refused(70016)
    state, code.state = code.state, "told"
    if state == "declined":
        raise Refused(65004, error="authorization_declined")
    if state == "expired":
        raise Refused(70019)
    if state == "blocked":
        raise Refused(code.code or 530036)
    user, tenant = users.check_user(ask, app, code.user)
    wanted = scopes.resolve(tenant, app, code.scope)
    code.state = "done"
    return users.first_reply(ask, app, tenant, user, wanted, code.scope, public=True)
