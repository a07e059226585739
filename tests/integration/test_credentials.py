# SPDX-License-Identifier: MIT
"""How accounts prove who they are: several credentials, certificates, federation, managed
identities, sign-ins; and that none of it is asked for more often than needed."""
import os
import time

import pytest

from sandbox.signer import Certificate, Federation

from . import sealed
from .dialogue import message, print_page

DAY_MS = 86400 * 1000
ENDED, GOOD = "An-Ended-Client-Secret-" + "x" * 20, "A-Good-Client-Secret-" + "y" * 20


def own(one, **changes):
    """The relay's one account, without the client_secret of the defaults."""
    account = one.account(**changes)
    account.pop("client_secret")
    one.change(lambda config: config.update(accounts=[account]))
    return account


def deliver(one, sandbox, subject="page"):
    before = len(sandbox.messages())
    print_page(one.port, message(subject))
    sandbox.wait(messages=before + 1)


def new_token_needed(one):
    """The next message needs a request, whatever is in use now."""
    one.stop()
    os.unlink(sealed.path(one))
    one.start()


def refuse_the_token(sandbox):
    """The next message meets 535, in a new session."""
    sandbox.revoke()
    sandbox.off("smtp")
    sandbox.on("smtp")


@pytest.fixture
def two_secrets(relay, sandbox):
    """A relay with a secret that has ended and a good one; not started."""
    one = relay(start=False)
    sandbox.set_app(secrets=[{"value": ENDED, "expired": True}, {"value": GOOD, "expired": False}])
    own(one, credentials=[{"secret": "file:" + one.secret_file("ended", ENDED)},
                          {"secret": "file:" + one.secret_file("good", GOOD)}])
    return one


# --- several credentials ------------------------------------------------------------------
def test_the_next_one_is_used_when_one_is_refused(two_secrets, sandbox):
    one = two_secrets.start()
    deliver(one, sandbox)
    refused = one.wait_event("credential-refused", account="scanner")
    assert refused.level == "warning" and refused["code"] == "AADSTS7000222"
    assert refused["credential"] == "credential 1 (client secret)" and refused["remedy"]
    assert one.wait_event("token")["credential"] == "credential 2 (client secret)"
    assert [event["key"] for event in sandbox.events("token") if not event["error"]] == [1]
    assert one.events("token-failed") == [] and one.events("account-held") == []


def test_all_of_them_are_refused(two_secrets, sandbox):
    sandbox.set_app(secrets=[{"value": ENDED, "expired": True}, {"value": GOOD, "expired": True}])
    one = two_secrets.start()
    number = print_page(one.port)
    failed = one.wait_event("token-failed", account="scanner")
    assert failed["code"] == "AADSTS7000222" and "1 more" in failed["error"]
    one.wait_event("account-held")
    assert len(sandbox.events("token")) == 2        # each once
    sandbox.set_app(secrets=[{"value": ENDED, "expired": True}, {"value": GOOD, "expired": False}])
    one.reload()
    one.wait_event("removed", msg=number)


# --- certificates -------------------------------------------------------------------------
@pytest.mark.parametrize("algorithm, thumbprint, shown", [
    (None, None, ("PS256", "x5t#S256")), ("PS256", "sha256", ("PS256", "x5t#S256")),
    ("RS256", "sha1", ("RS256", "x5t"))])
def test_certificate(relay, sandbox, algorithm, thumbprint, shown):
    one = relay(start=False)
    certificate = Certificate()
    sandbox.register(certificate.pem)
    pem, key = certificate.write(one.dir)
    own(one, credentials=[{"certificate": pem, "key": "file:" + key, "algorithm": algorithm,
                           "thumbprint": thumbprint}])
    one.start()
    deliver(one, sandbox)
    event, = sandbox.events("token")
    assert event["auth"] == "certificate" and (event["alg"], event["thumbprint"]) == shown
    assert one.wait_event("token")["credential"] == "certificate"


def test_a_certificate_that_is_not_registered(relay, sandbox):
    """Held with what to do; a secret behind it serves meanwhile, where there is one."""
    one = relay(start=False)
    certificate = Certificate()
    pem, key = certificate.write(one.dir)
    credentials = [{"certificate": pem, "key": "file:" + key}]
    own(one, credentials=credentials)
    one.start()
    number = print_page(one.port)
    assert one.wait_event("token-failed")["code"] == "AADSTS700027"
    one.wait_event("account-held")
    credentials.append({"secret": "file:" + one.secret_file("secret", sandbox.secret)})
    own(one, credentials=credentials)
    one.reload()
    one.wait_event("removed", msg=number)
    assert one.wait_event("credential-refused")["credential"] == "credential 1 (certificate)"
    sandbox.register(certificate.pem)
    new_token_needed(one)
    deliver(one, sandbox)
    assert sandbox.events("token")[-1]["auth"] == "certificate"


# --- federation ---------------------------------------------------------------------------
def test_the_assertion_file_is_read_for_each_request(relay, sandbox):
    """Another program changes it every hour; an old one would be refused."""
    one = relay(start=False)
    federation = Federation()
    federation.trust(sandbox)
    path = one.secret_file("assertion", federation.token())
    own(one, grant="federated", assertion_file=path)
    one.start()
    deliver(one, sandbox)
    one.secret_file("assertion", federation.token())
    new_token_needed(one)
    deliver(one, sandbox)
    assert [event["auth"] for event in sandbox.events("token")] == ["federated"] * 2
    os.unlink(path)
    refuse_the_token(sandbox)
    number = print_page(one.port)
    failed = one.wait_event("token-failed", code="assertion")
    assert path in failed["error"]
    one.wait_event("account-held")
    one.secret_file("assertion", federation.token())
    one.reload()
    one.wait_event("removed", msg=number)


# --- managed identity ---------------------------------------------------------------------
@pytest.mark.parametrize("which", ["system", "user"])
def test_managed_identity_of_a_virtual_machine(relay, sandbox, which):
    one = relay(start=False)
    account = own(one, grant="managed_identity", identity="azure-vm",
                  identity_endpoint=sandbox.identity_endpoint("imds"))
    del account["client_id"], account["token_endpoint"]
    if which == "user":
        account["client_id"] = sandbox.user_identity
    one.write_config()
    one.start()
    deliver(one, sandbox)
    assert len(sandbox.events("imds")) == 1 and sandbox.events("token") == []
    assert one.wait_event("token")["credential"] == "managed identity"


# --- signing in ---------------------------------------------------------------------------
@pytest.fixture
def signed_in(relay, sandbox):
    """signed_in(days_ago) makes a relay whose refresh token was used so long ago; not started."""
    def make(days_ago=0.0):
        one = relay(start=False)
        one.change(lambda config: config.update(accounts=[sealed.delegated(one)]))
        sealed.sign_in(one)
        record = sealed.read(one)
        record["refresh_used"] = record["signed_in"] = int((time.time() - days_ago * 86400) * 1000)
        sealed.write(one, record)
        return one
    return make


def test_the_refresh_token_is_used_weekly_without_mail(signed_in, sandbox):
    """Due in a few seconds after the start; and overdue at a start."""
    one = signed_in(days_ago=7 - 3 / 86400)
    used = sealed.read(one)["refresh_used"]
    one.start()
    one.wait_event("token", account="scanner")
    one.wait_until(lambda: sealed.read(one)["refresh_used"] > used)
    event, = sandbox.events("token")
    assert event["grant_type"] == "refresh_token" and not event["error"]
    record = sealed.read(one)
    assert record["refresh_used"] >= used + 7 * DAY_MS      # not before its time
    assert record["refresh_token"] == sandbox.refresh_tokens()[-1]["value"]
    late = signed_in(days_ago=30)
    late.start()
    late.wait_event("token", account="scanner")
    assert len(sandbox.events("token")) == 2


def test_nor_more_often(signed_in, sandbox):
    one = signed_in(days_ago=6.9)
    one.start()
    one.reload()
    one.stop()
    assert sandbox.events("token-connect") == []


def test_nobody_has_signed_in(relay, sandbox):
    """Said at the start, and mail is held with the command to run."""
    one = relay(start=False)
    one.change(lambda config: config.update(accounts=[sealed.delegated(one)]))
    one.start()
    failed = one.wait_event("token-failed", account="scanner")
    assert failed.level == "error" and "oauthrelay login scanner" in failed["remedy"]
    print_page(one.port)
    held = one.wait_event("account-held")
    assert "oauthrelay login scanner" in held["remedy"] and int(held["retry_in"]) > 200
    assert sandbox.events("token-connect") == []


def test_the_sign_in_is_revoked(signed_in, sandbox):
    """The token that still lives goes on being used; without one the account is held."""
    one = signed_in()
    one.start()
    deliver(one, sandbox)
    sandbox.end_refresh_tokens(50173)
    deliver(one, sandbox)
    refuse_the_token(sandbox)
    number = print_page(one.port)
    failed = one.wait_event("token-failed", code="AADSTS50173")
    assert "oauthrelay login scanner" in failed["remedy"]
    assert "oauthrelay login scanner" in one.wait_event("account-held")["remedy"]
    one.stop()
    sealed.sign_in(one)
    one.start()
    one.wait_event("removed", msg=number)
