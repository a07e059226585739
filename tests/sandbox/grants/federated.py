# SPDX-License-Identifier: MIT
"""Workload identity federation: another issuer's JWT, used unchanged (microsoft365.md 4.8).

world.issuers: {issuer: {kid: public key in PEM}}; app["federated"]: {issuer, subject, audience}.
The comparison is exact, with case, as Microsoft's.
"""
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from .ask import Refused

SKEW = 300


def check(ask, app, header, claims, signature, signed):
    issuer, subject = claims.get("iss"), claims.get("sub")
    audiences = claims.get("aud")
    audiences = audiences if isinstance(audiences, list) else [audiences]
    records = app["federated"]
    told = {"issuer": issuer, "subject": subject, "audience": audiences[0] if audiences else ""}
    if not records:
        raise Refused(70021, **told)
    records = [record for record in records if record["issuer"] == issuer]
    if not records:
        raise Refused(700211, **told)
    records = [record for record in records if record["subject"] == subject]
    if not records:
        raise Refused(700213, **told)
    if not any(record["audience"] in audiences for record in records):
        raise Refused(700212, **told)
    _signature(ask, issuer, header, signature, signed)
    now = ask.world.now()
    if not isinstance(claims.get("exp"), (int, float)) or claims["exp"] <= now - SKEW or \
            claims.get("nbf", 0) > now + SKEW:
        raise Refused(700024, field="The federated token has ended or is not valid yet.")
    ask.note["auth"] = "federated"


def _signature(ask, issuer, header, signature, signed):
    pem = ask.world.issuers.get(issuer, {}).get(header.get("kid", ""))
    if header.get("alg") != "RS256" or pem is None:
        raise Refused(50013, field="The key was not found.")
    key = serialization.load_pem_public_key(pem.encode())
    try:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise Refused(50013, field="The signature is not the issuer's.") from None
