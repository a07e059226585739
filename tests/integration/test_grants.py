# SPDX-License-Identifier: MIT
"""Each grant from the configuration to the mail that arrives, and how the sandbox was asked."""
import os

import pytest

from sandbox.signer import Certificate, Federation

from . import grants, sealed
from .dialogue import message, print_page


@pytest.fixture
def send(relay, sandbox):
    """send(account, ...) makes the account of a relay, sends a message and returns the relay."""
    def make(account, ready=None, **keywords):
        one = relay(start=False, **keywords)
        one.change(lambda config: config.update(accounts=[account(one)]))
        if ready:
            ready(one)
        one.start()
        print_page(one.port, message("granted"))
        sandbox.wait(messages=1)
        return one

    return make


def anew(sandbox):
    """The next message needs a new connection and a new token."""
    sandbox.revoke()
    sandbox.off("smtp")
    sandbox.on("smtp")


def kept(one, token):
    """The record is written beside the work: mail does not wait for it."""
    one.wait_until(lambda: sealed.read(one)["refresh_token"] == token["value"])


def last(sandbox, *keys, kind="token"):
    event = sandbox.events(kind)[-1]
    return tuple(event.get(key) for key in keys)


def test_secret(send, sandbox):
    send(lambda one: one.account())
    assert last(sandbox, "grant_type", "auth", "status") == ("client_credentials", "secret", 200)


@pytest.mark.parametrize("options, algorithm, thumbprint", [
    ({}, "PS256", "x5t#S256"), ({"algorithm": "RS256"}, "RS256", "x5t#S256"),
    ({"algorithm": "RS256", "thumbprint": "sha1"}, "RS256", "x5t")])
def test_certificate(send, sandbox, options, algorithm, thumbprint):
    send(lambda one: grants.certificate(one, **options))
    assert last(sandbox, "auth", "alg", "thumbprint") == ("certificate", algorithm, thumbprint)


def test_certificate_in_a_chain(send, sandbox):
    """Only the first of a file is the application's."""
    ours, above = Certificate(), Certificate("issuing CA")

    def chained(one):
        account = grants.certificate(one, made=ours)
        with open(account["credentials"][0]["certificate"], "a", encoding="ascii") as file:
            file.write(above.pem)
        return account

    send(chained)
    assert last(sandbox, "auth") == ("certificate",)


def test_federated(send, sandbox):
    """The file is read anew for each request: the next token is the issuer's next."""
    issuer = Federation()
    one = send(lambda one: grants.federated(one, issuer=issuer))
    assert last(sandbox, "auth") == ("federated",)
    one.secret_file("scanner.assertion", issuer.token(sub="somebody else"))
    anew(sandbox)
    print_page(one.port, message("again"))
    assert one.wait_event("token-failed")["code"] == "AADSTS700213"


@pytest.mark.parametrize("client", [False, True], ids=["system", "user-assigned"])
def test_azure_vm(send, sandbox, client):
    more = {"client_id": sandbox.user_identity} if client else {}
    send(lambda one: grants.managed(one, **more))
    assert last(sandbox, "identity", kind="imds") == (
        sandbox.user_identity if client else sandbox.system_identity,)
    assert sandbox.events("token-connect") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts the agent's folder: root only")
def test_azure_arc(send, sandbox):
    send(lambda one: grants.managed(one, identity="azure-arc"),
         wrapper=grants.behind_arc(sandbox))
    assert [event["status"] for event in sandbox.events("arc")] == [401, 200]


def test_delegated(send, sandbox):
    one = send(grants.delegated, ready=sealed.sign_in)
    assert last(sandbox, "grant_type", "user", "auth") == ("refresh_token", sandbox.mailbox, None)
    kept(one, sandbox.refresh_tokens()[-1])


def test_delegated_strict(send, sandbox):
    """Rotation at a server that lets the old one die: what was kept is the youngest."""
    sandbox.set(strict_rotation=True)
    one = send(grants.delegated, ready=sealed.sign_in)
    anew(sandbox)
    print_page(one.port, message("again"))
    sandbox.wait(messages=2)
    told = sandbox.refresh_tokens()
    assert [token["died_of"] for token in told] == [70000, None, None]
    kept(one, told[-1])
