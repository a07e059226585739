# SPDX-License-Identifier: MIT
"""The identity platform over HTTPS (microsoft365.md 4): /{tenant}/oauth2/v2.0/... ; ROUTES is all.

The grants are in grants/, what faults do in token_faults.py.
"""
import asyncio
import re
import uuid

from . import aadsts, forms, httpd, token_faults
from . import wire as wires
from .grants import GRANTS, authorize, device
from .grants.ask import Ask, Refused

NO_STORE = [("Cache-Control", "no-store, no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
            ("X-Content-Type-Options", "nosniff"), ("x-ms-ests-server", "2.1.sandbox")]


class TokenEndpoint:
    def __init__(self, office, faults, pki):
        self._office = office
        self._world = office.world
        self._recorder = office.recorder
        self._faults = faults
        self._pki = pki
        self._connections = 0
        # path -> (fault point and event, the method it wants, who answers)
        self.ROUTES = {
            "token": ("token", "POST", self._grant),
            "devicecode": ("devicecode", "POST", device.start),
            "authorize": ("authorize", "GET", authorize.answer),
        }

    async def serve(self, wire):
        self._connections += 1
        conn = f"t{self._connections}"
        self._recorder.event("token-connect", conn=conn, peer=wire.peer[0])
        try:
            fault = self._faults.take("token-connect", {"conn": conn})
            if fault and not await self._before_tls(wire, fault):
                return
            settings = self._world.settings
            await wire.start_tls(self._pki.context(settings["token_certificate"],
                                                   settings["token_tls_max"]))
            while True:
                request = await asyncio.wait_for(httpd.read_request(wire), 120)
                if request is None:
                    break
                if not await self._answer(wire, conn, request):
                    break
        except (wires.Closed, wires.LineTooLong, httpd.Bad, asyncio.TimeoutError) as error:
            self._recorder.event("token-end", conn=conn, why=str(error))
        finally:
            self._recorder.event("token-disconnect", conn=conn)

    async def _before_tls(self, wire, fault):
        if fault.action == "stall":
            await fault.hold(self._recorder, wire.lost)
            return not wire.lost.is_set()
        wire.reset() if fault.get("how") == "rst" else wire.close()
        return False

    async def _answer(self, wire, conn, request):
        """Answers one request; False if the connection is to end."""
        note = {"tenant": "", "client_id": "", "error": None, "user_agent":
                request.header("user-agent"), "grant_type": None, "scope": None}
        point, judge = self._route(conn, request, note)
        fault = self._faults.take(point, {"conn": conn, **note})
        keep, sent, headers = True, None, []
        if fault and fault.action == "drop" and fault.get("when") == "before":
            status, body = 0, None
        else:
            status, body = judge()
        if isinstance(body, httpd.Redirect):
            headers, body = [("Location", body.location)], ""
        if fault:
            note["fault"] = fault.action
            sent, status, body, more, keep = await token_faults.tamper(
                wire, self._recorder, fault, note, status, body, request)
            headers = headers + more
        self._recorder.event(point, conn=conn, status=status, **note)
        if sent is None:
            headers = [("x-ms-request-id", str(uuid.uuid4())), *NO_STORE, *headers]
            await wire.write(httpd.response(status, body, headers, self._world.now()))
        wants_close = (request.header("connection") or "").lower() == "close"
        return keep and not wants_close

    # --- what Microsoft would say ---------------------------------------------------------
    def _route(self, conn, request, note):
        """(fault point, a function that gives status and body)"""
        def violation(detail):
            self._recorder.violation("token-request", conn, detail)

        match = re.fullmatch(r"/([^/]+)/oauth2/v2\.0/([a-z]+)", request.path)
        if not match or match[2] not in self.ROUTES:
            violation(f"path {request.path}")
            return "token", lambda: (404, "<html><body>404</body></html>")
        note["tenant"] = match[1]
        point, method, answer = self.ROUTES[match[2]]
        try:
            form = self._form(request, method, violation)
        except Refused as refusal:
            return point, self._refusal(refusal, note)
        note.update(client_id=form.get("client_id", ""), grant_type=form.get("grant_type"),
                    scope=form.get("scope"))
        ask = Ask(self._office, conn, request, form, note)

        def judge():
            try:
                return answer(ask)
            except Refused as refusal:
                return self._refusal(refusal, note)()
        return point, judge

    def _refusal(self, refusal, note):
        def answer():
            note["error"] = refusal.code
            tell = aadsts.plain if self._world.is_plain(note["tenant"]) else aadsts.error
            return tell(refusal.code, tenant=note["tenant"], client=note["client_id"],
                        now=self._world.now(), **refusal.fields)
        return answer

    @staticmethod
    def _form(request, method, violation):
        """The fields, each once. Raises Refused."""
        if request.method != method:
            violation(f"method {request.method}")
            raise Refused(900561, field=request.method)
        if method == "GET":
            pairs = request.pairs
        else:
            kind = (request.header("content-type") or "").split(";")[0].strip().lower()
            if kind != forms.TYPE:
                violation(f"content type {kind!r}")
                raise Refused(900144, field="grant_type")
            if request.query:
                violation("fields in the URL")
            try:
                pairs = forms.parse(request.body)
            except ValueError as error:
                violation(str(error))
                raise Refused(9002313) from error
        form = dict(pairs)
        if len(form) != len(pairs):
            violation("a field was sent twice")
            raise Refused(9002313)
        return form

    @staticmethod
    def _grant(ask):
        kind = ask.need("grant_type")
        ask.need("client_id")
        if kind not in GRANTS:
            ask.violation(f"grant_type {kind}")
            raise Refused(70003, field=kind)
        return 200, GRANTS[kind](ask)
