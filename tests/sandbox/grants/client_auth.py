# SPDX-License-Identifier: MIT
"""How a client proves itself: a secret, a certificate, a federated token, or nothing (public)."""
from . import assertion
from .ask import Refused

FIELDS = ("client_secret", "client_assertion", "client_assertion_type")
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def confidential(ask, app):
    """The client must prove itself; says in the note by what."""
    secret, proof = ask.form.get("client_secret"), ask.form.get("client_assertion")
    if secret is not None and proof is not None:
        ask.violation("a secret and an assertion")
        raise Refused(9002313)
    if proof is not None or "client_assertion_type" in ask.form:
        ask.office.vault.keep("assertion", proof)
        if ask.form.get("client_assertion_type") != JWT_BEARER:
            ask.violation("client_assertion_type")
            raise Refused(900144, field="client_assertion_type")
        if not proof:
            ask.violation("an empty client_assertion")
            raise Refused(7000218)
        assertion.check(ask, app, proof)
    elif secret:
        ask.office.vault.keep("client_secret", secret)
        _secret(ask, app, secret)
    else:
        raise Refused(7000218)


def public(ask):
    """The client must not try to prove itself."""
    if any(name in ask.form for name in FIELDS):
        raise Refused(700025)


def _secret(ask, app, given):
    same = [number for number, secret in enumerate(app["secrets"]) if secret["value"] == given]
    if not same:
        raise Refused(7000215)
    living = [number for number in same if not app["secrets"][number].get("expired")]
    if not living:
        raise Refused(7000222)
    ask.note.update(auth="secret", key=living[0])
