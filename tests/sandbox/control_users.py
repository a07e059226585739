# SPDX-License-Identifier: MIT
"""Control calls about sign-ins: what an administrator or a user does at Microsoft's side."""
from . import aadsts, world
from .grants import scopes


class UserControl:
    def __init__(self, box):
        self._world = box.world
        self._signins = box.signins
        self.ROUTES = {
            ("GET", "/refresh-tokens"): self._tokens,
            ("POST", "/issue"): self._issue,
            ("POST", "/end"): self._end,
            ("GET", "/devices"): self._devices,
            ("POST", "/device"): self._device,
        }

    def _tokens(self, _request):
        return self._signins.refresh.describe()

    def _issue(self, request):
        """A refresh token of a user, as if there had been a sign-in."""
        wanted = request.json()
        client = wanted.get("client_id", world.PUBLIC_CLIENT)
        app, user = self._world.app(client), self._world.user(wanted["user"])
        if app is None or user is None:
            raise ValueError("no such app or user")
        tenant = self._world.tenant(user["tenant"])
        scope = wanted.get("scope", tenant["smtp_scope"])
        scopes.resolve(tenant, app, scope)
        token = self._signins.refresh.issue(
            client, user["upn"], scope, wanted.get("public", app["public"]))
        return {"refresh_token": token.value, "number": token.number}

    def _end(self, request):
        """Refresh tokens die: {"code", "user", "client_id", "public"}."""
        wanted = request.json()
        code = int(wanted.get("code", 50173))
        if code not in aadsts.ERRORS:
            raise ValueError(f"no error {code}")
        return {"ended": self._signins.refresh.end(
            code, wanted.get("user"), wanted.get("client_id"), wanted.get("public"))}

    def _devices(self, _request):
        return self._signins.devices.describe()

    def _device(self, request):
        """{"act": approve, decline, expire, block, slow_down; "user", "user_code", "code"}"""
        wanted = request.json()
        user = wanted.get("user", world.MAILBOX)
        if wanted["act"] == "approve" and self._world.user(user) is None:
            raise ValueError(f"no user {user!r}")
        if wanted.get("code") is not None and wanted["code"] not in aadsts.ERRORS:
            raise ValueError(f"no error {wanted['code']}")
        return self._signins.devices.act(wanted["act"], user, wanted.get("user_code"),
                                         wanted.get("code"))
