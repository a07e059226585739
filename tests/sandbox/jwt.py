# SPDX-License-Identifier: MIT
"""Access tokens as Entra issues them (RS256-signed JWTs), and the check of them."""
import base64
import json
import secrets
import time
import uuid

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class Invalid(Exception):
    """Why a token is no good (for the event log; the client only hears 535)."""


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    if any(c not in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" for c in text):
        raise Invalid("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Issuer:
    def __init__(self):
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._kid = b64url(secrets.token_bytes(20))
        self._opaque = {}           # token -> its claims

    def app_token(self, world, tenant, client_id, app, audience, lifetime):
        """An app-only token with the claims of a real one, 1.5 to 2 kB long."""
        claims = self._common(world, tenant, client_id, app, audience, lifetime)
        claims.update({"idtyp": "app", "oid": app["object_id"], "sub": app["object_id"]})
        if app["roles"]:                # RBAC for Applications: no claim at all
            claims["roles"] = app["roles"]
        return self._sign(claims, world.settings["token_padding"])

    def user_token(self, world, tenant, client_id, app, user, wanted, lifetime, public):
        """A delegated token: scp and the user instead of roles. Opaque where the tenant is."""
        claims = self._common(world, tenant, client_id, app, wanted.resource, lifetime)
        claims.update({"idtyp": "user", "appidacr": "0" if public else "1",
                       "amr": ["pwd", "mfa"], "name": user["name"], "oid": user["object_id"],
                       "scp": " ".join(wanted.names), "sub": b64url(secrets.token_bytes(32)),
                       "unique_name": user["upn"], "upn": user["upn"]})
        if tenant["opaque"]:
            token = "EwB4A8l6" + base64.b64encode(secrets.token_bytes(900)).decode() \
                if not tenant["plain"] else "ya29." + b64url(secrets.token_bytes(140))
            self._opaque[token] = claims
            return token
        return self._sign(claims, world.settings["token_padding"])

    def id_token(self, world, tenant, client_id, user):
        now = int(world.now())
        return self._sign({
            "aud": client_id, "iss": f"https://login.microsoftonline.com/{tenant['id']}/v2.0",
            "iat": now, "nbf": now, "exp": now + 3900, "name": user["name"],
            "oid": user["object_id"], "preferred_username": user["upn"],
            "rh": "1." + b64url(secrets.token_bytes(48)) + ".",
            "sub": b64url(secrets.token_bytes(32)), "tid": tenant["id"],
            "uti": b64url(secrets.token_bytes(16)), "ver": "2.0"})

    def _common(self, world, tenant, client_id, app, audience, lifetime):
        now = int(world.now())
        return {
            "aud": audience, "iss": f"https://sts.windows.net/{tenant['id']}/",
            "iat": now, "nbf": now, "exp": now + int(lifetime),
            "aio": base64.b64encode(secrets.token_bytes(45)).decode(),
            "app_displayname": app["name"], "appid": client_id, "appidacr": "1",
            "idp": f"https://sts.windows.net/{tenant['id']}/",
            "rh": "1." + b64url(secrets.token_bytes(48)) + ".", "sid": str(uuid.uuid4()),
            "tenant_region_scope": "EU", "tid": tenant["id"],
            "uti": b64url(secrets.token_bytes(16)), "ver": "1.0",
            "wids": ["0997a1d0-0d1d-4acb-b408-d5ca73121e90"],
            "xms_ftd": b64url(secrets.token_bytes(48)), "xms_idrel": "7 4",
            "xms_rd": b64url(secrets.token_bytes(90)), "xms_tdbr": "EU",
            "iat_ms": time.time(),
        }

    def _sign(self, claims, extra_bytes=0):
        if extra_bytes:
            claims["xms_pad"] = b64url(secrets.token_bytes(extra_bytes * 9 // 16))
        header = {"typ": "JWT", "nonce": b64url(secrets.token_bytes(32)), "alg": "RS256",
                  "x5t": self._kid, "kid": self._kid}
        body = ".".join(b64url(json.dumps(part, separators=(",", ":")).encode())
                        for part in (header, claims))
        signature = self._key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256())
        return body + "." + b64url(signature)

    def verify(self, token, now):
        """The claims, once form, signature and times are right. Raises Invalid."""
        claims = self._opaque.get(token) or self._open(token)
        if claims["exp"] <= now:
            raise Invalid("expired")
        if claims["nbf"] > now + 300:
            raise Invalid("not yet valid")
        return claims

    def _open(self, token):
        parts = token.split(".")
        if len(parts) != 3:
            raise Invalid("not three parts")
        try:
            header, claims = (json.loads(unb64url(part)) for part in parts[:2])
            signature = unb64url(parts[2])
        except (ValueError, TypeError) as error:
            raise Invalid(f"not a JWT: {error}") from error
        if header.get("alg") != "RS256" or header.get("kid") != self._kid:
            raise Invalid("wrong algorithm or key")
        try:
            self._key.public_key().verify(signature, ".".join(parts[:2]).encode(),
                                          padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise Invalid("signature") from error
        return claims
