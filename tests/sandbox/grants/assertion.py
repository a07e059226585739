# SPDX-License-Identifier: MIT
"""Client assertions: JWTs signed with a registered certificate (microsoft365.md 4.3), or those of
another issuer that the application trusts (4.8, federated.py).

What Microsoft would tolerate and a correct client does not do is a violation besides.
"""
import hashlib
import json
import time
import uuid

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .. import jwt
from . import federated
from .ask import Refused

SKEW = 300                      # seconds a client's clock may be wrong
LIFE = 600                      # seconds an assertion may live
CLAIMS = {"aud": str, "iss": str, "sub": str, "jti": str, "exp": int, "nbf": int, "iat": int}
HEADER = {"alg", "typ", "x5t", "x5t#S256", "kid"}
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
ANY_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
PADDINGS = {"PS256": PSS, "RS256": padding.PKCS1v15()}


def check(ask, app, token):
    """Raises Refused unless the application may prove itself with this token."""
    header, claims, signature, signed = _parse(ask, token)
    ask.note["alg"] = header.get("alg")
    if not isinstance(claims.get("iss"), str):
        _malformed(ask, "claim iss")
    if claims.get("iss") != ask.note["client_id"]:
        federated.check(ask, app, header, claims, signature, signed)
        return
    _form(ask, header, claims)
    certificate = _certificate(ask, app, header)
    _signature(ask, certificate, header["alg"], signature, signed)
    _claims(ask, claims)
    ask.note["auth"] = "certificate"


def _malformed(ask, why):
    ask.violation("assertion: " + why)
    raise Refused(50027, field=why)


def _parse(ask, token):
    parts = token.split(".")
    if len(parts) != 3:
        _malformed(ask, "not three parts")
    try:
        header, claims = (_object(jwt.unb64url(part)) for part in parts[:2])
        signature = jwt.unb64url(parts[2])
    except (ValueError, TypeError, jwt.Invalid) as error:
        _malformed(ask, str(error))
    if any(jwt.b64url(jwt.unb64url(part)) != part for part in parts):
        _malformed(ask, "base64url is not canonical")
    return header, claims, signature, ".".join(parts[:2]).encode()


def _object(raw):
    def pairs(items):
        value = dict(items)
        if len(value) != len(items):
            raise ValueError("a name twice")
        return value

    value = json.loads(raw.decode("utf-8"), object_pairs_hook=pairs)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _form(ask, header, claims):
    if header.get("alg") not in PADDINGS:
        _malformed(ask, f"alg {header.get('alg')!r}")
    if header.get("typ") != "JWT":
        _malformed(ask, f"typ {header.get('typ')!r}")
    if set(header) - HEADER:
        ask.violation(f"assertion: header {sorted(set(header) - HEADER)}")
    if ("x5t" in header) == ("x5t#S256" in header):
        _malformed(ask, "exactly one of x5t and x5t#S256 is wanted")
    if header["alg"] == "PS256" and "x5t" in header:
        ask.violation("assertion: PS256 goes with x5t#S256")
    for name, kind in CLAIMS.items():
        if not isinstance(claims.get(name), kind) or isinstance(claims.get(name), bool):
            _malformed(ask, f"claim {name}")
    if set(claims) - set(CLAIMS):
        ask.violation(f"assertion: claims {sorted(set(claims) - set(CLAIMS))}")


def _certificate(ask, app, header):
    """The registered certificate that the header names."""
    wanted = header.get("x5t") or header.get("x5t#S256")
    digest = hashlib.sha1 if "x5t" in header else hashlib.sha256
    for number, pem in enumerate(app["certificates"]):
        certificate = x509.load_pem_x509_certificate(pem.encode())
        der = certificate.public_bytes(serialization.Encoding.DER)
        if jwt.b64url(digest(der).digest()) != wanted:
            continue
        ask.note.update(key=number, thumbprint="x5t" if "x5t" in header else "x5t#S256")
        now = time.gmtime(ask.world.now())[:6]
        if certificate.not_valid_after.timetuple()[:6] < now or \
                certificate.not_valid_before.timetuple()[:6] > now:
            raise Refused(700027, field="The key used is expired.")
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < 2048:
            raise Refused(700027, field="The key is not RSA of 2048 bits or more.")
        return certificate
    raise Refused(700027, field="The key was not found.")


def _verifies(key, signature, signed, scheme):
    try:
        key.verify(signature, signed, scheme, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _signature(ask, certificate, algorithm, signature, signed):
    key = certificate.public_key()
    if _verifies(key, signature, signed, PADDINGS[algorithm]):
        return
    if _verifies(key, signature, signed, ANY_PSS):
        ask.violation(f"assertion: PSS signature with another salt than 32 bytes, or {algorithm}")
    elif _verifies(key, signature, signed, PADDINGS["RS256"]):
        ask.violation("assertion: RS256 signature under another alg")
    raise Refused(700027, field="The key used does not verify the signature.")


def _claims(ask, claims):
    if claims["sub"] != claims["iss"]:
        ask.violation("assertion: sub is not iss")
        raise Refused(50048)
    if claims["aud"] != ask.url:
        ask.violation(f"assertion: aud {claims['aud']!r} is not {ask.url!r}")
        raise Refused(50027, field="aud")
    now = ask.world.now()
    if claims["exp"] <= claims["nbf"] or claims["exp"] - claims["nbf"] > LIFE:
        ask.violation(f"assertion: lives {claims['exp'] - claims['nbf']} s")
        raise _not_now(now, claims)
    if claims["nbf"] > now + SKEW or claims["exp"] <= now - SKEW:
        raise _not_now(now, claims)
    try:
        uuid.UUID(claims["jti"])
    except ValueError:
        ask.violation("assertion: jti is not a GUID")
    if not ask.office.signins.first_use("jti", claims["jti"]):
        ask.violation("assertion: jti was used before")


def _not_now(now, claims):
    stamps = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(min(max(value, 0), 2**40)))
              for value in (now, claims.get("nbf", 0), claims["exp"])]
    return Refused(700024, field="Current time: {}, assertion valid from {}, expiry time of "
                                 "assertion {}.".format(*stamps))
