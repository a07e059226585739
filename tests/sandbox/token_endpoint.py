# SPDX-License-Identifier: MIT
"""The token endpoint: POST /{tenant}/oauth2/v2.0/token over HTTPS (microsoft365.md 4)."""
import asyncio
import re
import urllib.parse
import uuid

from . import aadsts, httpd
from . import wire as wires

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
# What a scope without its /.default must be. The Graph is there because people ask for it by
# mistake: they get a token, and Exchange refuses it (microsoft365.md 4.9).
RESOURCES = ("https://outlook.office365.com", "https://graph.microsoft.com")
FIELDS = ("grant_type", "client_id", "client_secret", "scope")
NO_STORE = [("Cache-Control", "no-store, no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
            ("X-Content-Type-Options", "nosniff"), ("x-ms-ests-server", "2.1.sandbox")]


def parse_form(body):
    """The fields of a form, in order. Raises ValueError when it is not well-formed."""
    fields = []
    for pair in body.decode("ascii").split("&"):
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ValueError(f"field without a value: {name!r}")
        if re.search(r"%(?![0-9A-Fa-f]{2})", pair) or re.search(r"[^!-~]", pair):
            raise ValueError("not percent-encoded")
        fields.append((urllib.parse.unquote_plus(name), urllib.parse.unquote_plus(value)))
    return fields


class TokenEndpoint:
    def __init__(self, world, recorder, faults, pki, issuer):
        self._world = world
        self._recorder = recorder
        self._faults = faults
        self._pki = pki
        self._issuer = issuer
        self._connections = 0

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
        status, body, note = self._judge(conn, request)
        context = {"conn": conn, "tenant": note["tenant"], "client_id": note["client_id"]}
        fault = self._faults.take("token", context)
        keep = True
        if fault:
            note["fault"] = fault.action
            sent, status, body, headers, keep = await self._tamper(wire, fault, note, status, body)
        else:
            sent, headers = None, []
        self._recorder.event("token", conn=conn, status=status, **note)
        if sent is None:
            headers = [("x-ms-request-id", str(uuid.uuid4())), *NO_STORE, *headers]
            await wire.write(httpd.response(status, body, headers))
        wants_close = (request.header("connection") or "").lower() == "close"
        return keep and not wants_close

    # --- what Microsoft would say ---------------------------------------------------------
    def _judge(self, conn, request):
        note = {"tenant": "", "client_id": "", "error": None, "user_agent":
                request.header("user-agent"), "grant_type": None, "scope": None}

        def refuse(code, **fields):
            note["error"] = code
            status, body = aadsts.error(code, tenant=note["tenant"], client=note["client_id"],
                                        **fields)
            return status, body, note

        def violation(detail):
            self._recorder.violation("token-request", conn, detail)

        match = re.fullmatch(r"/([^/]+)/oauth2/v2\.0/token", request.path)
        if not match:
            violation(f"path {request.path}")
            return 404, "<html><body>404</body></html>", note
        note["tenant"] = match[1]
        if request.method != "POST":
            violation(f"method {request.method}")
            return refuse(900561, field=request.method)
        kind = (request.header("content-type") or "").split(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            violation(f"content type {kind!r}")
            return refuse(900144, field="grant_type")
        if request.query:
            violation("fields in the URL")
        try:
            pairs = parse_form(request.body)
        except ValueError as error:
            violation(str(error))
            return refuse(9002313)
        form = dict(pairs)
        if len(form) != len(pairs):
            violation("a field was sent twice")
            return refuse(9002313)
        for name in form:
            if name not in FIELDS:
                violation(f"field {name!r} does not belong here")
        note["client_id"] = form.get("client_id", "")
        note["grant_type"], note["scope"] = form.get("grant_type"), form.get("scope")
        return self._judge_form(form, note, refuse, violation)

    def _judge_form(self, form, note, refuse, violation):
        for name in ("grant_type", "client_id"):
            if not form.get(name):
                violation(f"no {name}")
                return refuse(900144, field=name)
        if form["grant_type"] != "client_credentials":
            violation(f"grant_type {form['grant_type']}")
            return refuse(70003, field=form["grant_type"])
        if note["tenant"].lower() in ("common", "organizations", "consumers"):
            return refuse(50059)
        tenant = self._world.tenant(note["tenant"])
        if tenant is None:
            return refuse(90002)
        app = self._world.app(note["client_id"])
        if not GUID.fullmatch(note["client_id"]) or app is None or app["tenant"] != tenant["key"]:
            return refuse(700016)
        scope = form.get("scope", "")
        if not scope:
            violation("no scope")
            return refuse(900144, field="scope")
        if not scope.endswith("/.default") or " " in scope:
            return refuse(1002012, field=scope)
        resource = scope[:-len("/.default")]
        if resource not in RESOURCES:
            return refuse(500011, field=resource)
        given = form.get("client_secret")
        if not given:
            return refuse(7000218)
        same = [secret for secret in app["secrets"] if secret["value"] == given]
        if not same:
            return refuse(7000215)
        if all(secret.get("expired") for secret in same):
            return refuse(7000222)
        return self._grant(tenant, note, app, resource)

    def _grant(self, tenant, note, app, resource):
        settings = self._world.settings
        lifetime = settings["token_lifetime"]
        token = self._issuer.issue(tenant, note["client_id"].lower(), app, resource, lifetime,
                                   settings["token_padding"])
        said = lifetime if settings["expires_in"] is None else settings["expires_in"]
        return 200, {"token_type": "Bearer", "expires_in": said, "ext_expires_in": said,
                     "access_token": token}, note

    # --- faults ---------------------------------------------------------------------------
    async def _tamper(self, wire, fault, note, status, body):
        """(sent or None, status, body, more headers, keep the connection)."""
        act = getattr(self, "_fault_" + fault.action.replace("-", "_"))
        return await act(wire, fault, note, status, body)

    async def _fault_stall(self, wire, fault, note, status, body):
        await fault.hold(self._recorder, wire.lost)
        return None, status, body, [], True

    async def _fault_drop(self, wire, fault, note, status, body):
        wire.reset() if fault.get("how") == "rst" else wire.close()
        return True, 0, None, [], False

    async def _fault_http(self, wire, fault, note, status, body):
        headers = list((fault.get("headers") or {}).items())
        if fault.get("retry_after") is not None:
            headers.append(("Retry-After", str(fault.get("retry_after"))))
        text = fault.get("body")
        if text is None:
            text = "<html><head><title>Service Unavailable</title></head><body><h2>Our services " \
                   "aren't available right now</h2></body></html>"
        if isinstance(text, str) and "Content-Type" not in (fault.get("headers") or {}):
            headers.append(("Content-Type", "text/html"))
        return None, int(fault.get("status", 503)), text, headers, True

    async def _fault_aadsts(self, wire, fault, note, status, body):
        note["error"] = int(fault.get("code"))
        status, body = aadsts.error(note["error"], tenant=note["tenant"], client=note["client_id"])
        return None, status, body, [], True

    async def _fault_hang(self, wire, fault, note, status, body):
        if fault.get("where", "before") == "after":
            await wire.write(httpd.head(200, [("Content-Type", "application/json")], 2000))
        await fault.hold(self._recorder, wire.lost)
        return True, 0, None, [], False

    async def _fault_token_drip(self, wire, fault, note, status, body):
        for byte in httpd.response(status, body):
            await wire.write(bytes([byte]))
            await asyncio.sleep(float(fault.get("delay", 0.2)))
        return True, status, None, [], True

    async def _fault_redirect(self, wire, fault, note, status, body):
        place = fault.get("location") or f"https://localhost{'/elsewhere'}"
        return None, int(fault.get("status", 302)), "", [("Location", place)], True

    async def _fault_huge(self, wire, fault, note, status, body):
        left = int(fault.get("bytes", 64 * 1024 * 1024))
        await wire.write(httpd.head(200, [("Content-Type", "application/json")], left))
        await wire.write(b'{"access_token":"')
        left -= 17
        while left > 0:
            await wire.write(b"A" * min(left, 65536))
            left -= 65536
        return True, 200, None, [], False

    async def _fault_bad_json(self, wire, fault, note, status, body):
        text = fault.get("body", '{"token_type":"Bearer","expires_in":3599,"access_tok')
        return None, 200, text, [("Content-Type", "application/json; charset=utf-8")], True

    async def _fault_expires_in(self, wire, fault, note, status, body):
        if isinstance(body, dict) and "access_token" in body:
            body = {key: value for key, value in body.items() if "expires_in" not in key}
            if fault.get("value") is not None:
                body["expires_in"] = fault.get("value")
        return None, status, body, [], True

    async def _fault_forged_token(self, wire, fault, note, status, body):
        return None, 200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
                           "access_token": fault.get("token")}, [], True
