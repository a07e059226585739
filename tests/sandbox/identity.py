# SPDX-License-Identifier: MIT
"""Managed identities over plain HTTP on loopback: IMDS of an Azure VM, and Arc (microsoft365.md 4.7).

Arc answers the first request 401 and names a file; the second one shows what is in it.
"""
import asyncio
import os
import re
import secrets

from . import httpd, token_faults, world as worlds
from . import wire as wires

PATH = "/metadata/identity/oauth2/token"
VERSIONS = {"imds": "2018-02-01", "arc": "2020-06-01"}
RESOURCES = ("https://outlook.office365.com", "https://graph.microsoft.com",
             "api://AzureADTokenExchange")
FIELDS = {"imds": ("api-version", "resource", "client_id", "object_id", "msi_res_id"),
          "arc": ("api-version", "resource")}
# What a client behind a proxy shows; none may be between the machine and its own metadata.
PROXIED = ("x-forwarded-for", "via", "forwarded", "proxy-connection", "proxy-authorization")


class Refused(Exception):
    """args: status, error, description"""


class Identity:
    """`kind`: imds or arc; also the fault point and the kind of its events."""

    def __init__(self, kind, office, faults, directory):
        self._kind = kind
        self._office = office
        self._world = office.world
        self._recorder = office.recorder
        self._faults = faults
        self._folder = os.path.join(directory, "arc-tokens")
        self._connections = 0
        self._keys = {}             # content of a challenge's file -> its path
        self._issued = {}           # (identity, resource) -> (token, issued, exp)

    def reset(self):
        for path in self._keys.values():
            _unlink(path)
        self._keys, self._issued = {}, {}

    async def serve(self, wire):
        self._connections += 1
        conn = f"{self._kind}{self._connections}"
        self._recorder.event(self._kind + "-connect", conn=conn, peer=wire.peer[0])
        try:
            while True:
                request = await asyncio.wait_for(httpd.read_request(wire), 120)
                if request is None or not await self._answer(wire, conn, request):
                    break
        except (wires.Closed, wires.LineTooLong, httpd.Bad, asyncio.TimeoutError) as error:
            self._recorder.event(self._kind + "-end", conn=conn, why=str(error))

    async def _answer(self, wire, conn, request):
        note = {"tenant": worlds.TENANT, "client_id": request.query.get("client_id", ""),
                "resource": request.query.get("resource"), "error": None, "identity": None,
                "user_agent": request.header("user-agent")}
        headers = [("Server", "IMDS/150.870.65.1854" if self._kind == "imds" else "himds")]
        fault = self._faults.take(self._kind, {"conn": conn, **note})
        if fault and fault.action == "drop" and fault.get("when") == "before":
            status, body = 0, None
        else:
            status, body, more = self._judge(conn, request, note)
            headers += more
        keep, sent = True, None
        if fault:
            note["fault"] = fault.action
            sent, status, body, more, keep = await token_faults.tamper(
                wire, self._recorder, fault, note, status, body, request)
            headers += more
        self._recorder.event(self._kind, conn=conn, status=status, **note)
        if sent is None:
            await wire.write(httpd.response(status, body, headers, self._world.now()))
        return keep and (request.header("connection") or "").lower() != "close"

    def _judge(self, conn, request, note):
        def violation(detail):
            self._recorder.violation("identity-request", conn, detail)

        try:
            self._form(request, violation)
            name = self._identity(request, violation)
            note["identity"] = name
            if self._kind == "arc":
                challenge = self._challenge(request, violation)
                if challenge:
                    note["error"] = "challenge"
                    return 401, "", [("WWW-Authenticate", challenge)]
            return 200, self._token(name, request.query["resource"]), []
        except Refused as refusal:
            status, error, text = refusal.args
            note["error"] = error
            return status, {"error": error, "error_description": text}, []

    def _form(self, request, violation):
        if request.path != PATH:
            violation(f"path {request.path}")
            raise Refused(404, "not_found", "The requested resource was not found")
        if request.method != "GET" or request.body:
            violation(f"method {request.method}, {len(request.body)} octets of body")
            raise Refused(405, "invalid_request", "Method not allowed")
        for name in PROXIED:
            if request.header(name) is not None:
                violation(f"header {name}")
                raise Refused(400, "invalid_request", "X-Forwarded-For is not allowed")
        if request.header("metadata") != "true":
            violation(f"Metadata: {request.header('metadata')!r}")
            raise Refused(400, "invalid_request", "Required metadata header not specified")
        names = [name for name, _ in request.pairs]
        if len(set(names)) != len(names) or set(names) - set(FIELDS[self._kind]):
            violation(f"query {names}")
        if request.query.get("api-version") != VERSIONS[self._kind]:
            violation(f"api-version {request.query.get('api-version')!r}")
            raise Refused(400, "invalid_request", "Identity: invalid api-version")
        resource = request.query.get("resource")
        if not resource:
            violation("no resource")
            raise Refused(400, "invalid_request", "Required query variable 'resource' is missing")
        if resource not in RESOURCES:
            raise Refused(400, "invalid_resource", "AADSTS500011: The resource principal named "
                          f"{resource} was not found in the tenant named {worlds.TENANT}.")

    def _identity(self, request, violation):
        """The client id of the identity that serves."""
        settings = self._world.settings
        wanted = request.query.get("client_id")
        if wanted is not None and self._kind == "imds":
            if wanted.lower() not in settings["user_identities"]:
                raise Refused(400, "invalid_request", "Identity not found")
            return wanted.lower()
        if request.query.get("object_id") or request.query.get("msi_res_id"):
            violation("the sandbox knows user-assigned identities by client_id alone")
        if settings["system_identity"]:
            return worlds.SYSTEM_IDENTITY
        if self._kind == "imds" and len(settings["user_identities"]) == 1:
            return settings["user_identities"][0]
        raise Refused(400, "invalid_request",
                      "Multiple user assigned identities exist, please specify the clientId / "
                      "resourceId of the identity in the token request"
                      if settings["user_identities"] else "Identity not found")

    def _challenge(self, request, violation):
        """The text of a challenge, or None when the request has met one."""
        given = request.header("authorization")
        if given is not None:
            match = re.fullmatch(r"Basic (\S+)", given)
            if not match or match[1] not in self._keys:
                violation("Authorization is not Basic with the content of the file")
            else:
                _unlink(self._keys.pop(match[1]))       # good for one use
                return None
        settings = self._world.settings
        folder = settings["arc_folder"] or self._folder
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, secrets.token_hex(16) + settings["arc_suffix"])
        key = secrets.token_urlsafe(settings["arc_key_bytes"])[:settings["arc_key_bytes"]]
        self._office.vault.keep("challenge_key", key)
        self._keys[key] = path
        with open(path, "w", encoding="ascii") as file:
            file.write(key)
        os.chmod(path, 0o640)
        if settings["arc_challenge"] is not None:
            return settings["arc_challenge"].replace(
                "{path}", path).replace("{name}", os.path.basename(path))
        return "Basic realm=" + path

    def _token(self, name, resource):
        """As IMDS: the same one for as long as it lives, and numbers are strings."""
        settings, now = self._world.settings, int(self._world.now())
        kept = self._issued.get((name, resource))
        if not kept or not settings["identity_cache"] or kept[2] <= now:
            lifetime = settings["identity_lifetime"]
            app = self._world.app(name)
            left = lifetime - settings["identity_age"]
            token = self._office.issuer.app_token(
                self._world, self._world.tenant(app["tenant"]), name, app, resource, left)
            kept = self._issued[name, resource] = (
                self._office.vault.keep("access_token", token), now - settings["identity_age"],
                now + left)
        token, issued, ends = kept
        return {"access_token": token, "client_id": name, "expires_in": str(ends - issued),
                "expires_on": str(ends), "ext_expires_in": str(ends - issued),
                "not_before": str(issued), "resource": resource, "token_type": "Bearer"}


def _unlink(path):
    if os.path.exists(path):
        os.unlink(path)
