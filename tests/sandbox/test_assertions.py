# SPDX-License-Identifier: MIT
"""client_credentials with a certificate or a federated token, and several credentials."""
import hashlib
import time

import pytest

from sandbox.raw import form, post, rules
from sandbox.signer import Certificate, Federation


@pytest.fixture(scope="module")
def ours():
    return Certificate()


@pytest.fixture(scope="module")
def stranger():
    return Certificate("stranger")


@pytest.fixture(scope="module")
def cluster():
    return Federation()


def codes(box, fields):
    status, body, _ = post(box, fields)
    return (status, *body.get("error_codes", []))


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
@pytest.mark.parametrize("print_of", ["x5t", "x5t#S256"])
def test_certificate(box, ours, algorithm, print_of):
    """The three combinations in use; PS256 with a SHA-1 thumbprint is nobody's."""
    header = {"alg": algorithm, "x5t#S256": None,
              print_of: ours.thumbprint(hashlib.sha1 if print_of == "x5t" else hashlib.sha256)}
    box.register(ours.pem)
    assert codes(box, ours.form(box, header=header)) == (200,)
    assert rules(box) == (["token-request"] if (algorithm, print_of) == ("PS256", "x5t") else [])
    note = box.events("token")[-1]
    assert (note["auth"], note["alg"], note["key"]) == ("certificate", algorithm, 0)
    assert len(box.secrets()["assertion"]) == len(box.secrets()["access_token"]) == 1


def test_the_second_of_two_certificates(box, ours, stranger):
    box.register(stranger.pem, ours.pem)
    assert codes(box, ours.form(box)) == (200,)
    assert box.events("token")[-1]["key"] == 1 and box.violations() == []


def test_certificate_not_registered(box, ours, stranger):
    assert codes(box, ours.form(box)) == (401, 700027)
    box.register(stranger.pem)
    assert codes(box, ours.form(box)) == (401, 700027)
    assert codes(box, ours.form(box, sign=stranger.sign())) == (401, 700027)
    box.register(ours.pem)
    assert codes(box, ours.form(box, sign=stranger.sign())) == (401, 700027)
    assert box.violations() == []       # each is what a wrong setting does, not a wrong client


@pytest.mark.parametrize("days", [(-9, -1), (1, 9)])
def test_certificate_outside_its_time(box, days):
    old = Certificate(days=days)
    box.register(old.pem)
    assert codes(box, old.form(box)) == (401, 700027)


def test_certificate_with_a_short_key(box):
    weak = Certificate(bits=1024)
    box.register(weak.pem)
    assert codes(box, weak.form(box)) == (401, 700027)


@pytest.mark.parametrize("salt, algorithm, header", [
    (20, "PS256", {}), (222, "PS256", {}), (32, "RS256", {}), (32, "PS256", {"alg": "RS256"})])
def test_signature_of_another_kind(box, ours, salt, algorithm, header):
    box.register(ours.pem)
    fields = ours.form(box, header=header, sign=ours.sign(algorithm, salt))
    assert codes(box, fields) == (401, 700027) and rules(box) == ["token-request"]


NOW = int(time.time())


@pytest.mark.parametrize("header, claims, code", [
    ({"alg": "none"}, {}, 50027), ({"alg": "HS256"}, {}, 50027), ({"alg": "PS512"}, {}, 50027),
    ({"typ": None}, {}, 50027), ({"x5t#S256": None}, {}, 50027), ({"x5t": "both"}, {}, 50027),
    ({}, {"jti": None}, 50027), ({}, {"exp": str(NOW + 500)}, 50027), ({}, {"nbf": None}, 50027),
    ({}, {"aud": "https://login.microsoftonline.com/x/oauth2/v2.0/token"}, 50027),
    ({}, {"sub": "somebody"}, 50048),
    ({}, {"exp": NOW + 3600}, 700024), ({}, {"exp": NOW - 100}, 700024),
])
def test_a_client_that_errs(box, ours, header, claims, code):
    box.register(ours.pem)
    assert codes(box, ours.form(box, header=header, claims=claims)) == (401, code)
    assert rules(box) == ["token-request"]


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "e30.e30.", "=.=.=", "W10.W10.AA",
                                  "eyJhbGciOjEsImFsZyI6Mn0.e30.AA"])
def test_not_a_token_at_all(box, ours, text):
    fields = {**ours.form(box), "client_assertion": text}
    assert codes(box, fields)[0] == 401 and rules(box) == ["token-request"]


def test_assertion_type_and_two_proofs(box, ours):
    box.register(ours.pem)
    fields = {**ours.form(box), "client_assertion_type": "jwt-bearer"}
    assert codes(box, fields) == (400, 900144)
    fields = {**ours.form(box), "client_secret": box.secret}
    assert codes(box, fields) == (400, 9002313) and rules(box) == ["token-request"]


def test_used_twice(box, ours):
    box.register(ours.pem)
    fields = ours.form(box)
    post(box, fields)
    assert rules(box) == []
    post(box, fields)
    assert rules(box) == ["token-request"]


@pytest.mark.parametrize("skew, code", [(-290, None), (290, None), (-500, 700024), (900, 700024)])
def test_clocks_apart(box, ours, skew, code):
    """Five minutes are forgiven; more is the clock's fault, not the client's. Date tells it."""
    box.register(ours.pem)
    box.set(clock_skew=skew)
    assert codes(box, ours.form(box)) == ((401, code) if code else (200,))
    headers = post(box)[2]
    told = time.mktime(time.strptime(headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
    assert abs(told - time.time() - skew) < 60 and box.violations() == []


def test_federated(box, cluster):
    cluster.trust(box)
    form_ = cluster.form(box)
    assert codes(box, form_) == (200,) and box.events("token")[-1]["auth"] == "federated"
    assert codes(box, form_) == (200,) and box.violations() == []       # used until it ends


@pytest.mark.parametrize("record, claims, code", [
    ({"issuer": "https://other.example"}, {}, 700211),
    ({"subject": "System:serviceaccount:relay"}, {}, 700213),
    ({"audience": "api://AzureADTokenExchangeUSGov"}, {}, 700212),
    ({}, {"aud": "api://else"}, 700212), ({}, {"sub": "else"}, 700213),
    ({}, {"iss": "https://else"}, 700211), ({}, {"exp": NOW - 1000}, 700024),
])
def test_federated_refused(box, cluster, record, claims, code):
    cluster.trust(box, **record)
    assert codes(box, cluster.form(box, **claims)) == (401, code) and box.violations() == []


def test_federated_strangers(box, cluster):
    assert codes(box, cluster.form(box)) == (401, 70021)
    cluster.trust(box)
    assert codes(box, Federation().form(box)) == (401, 50013)


def test_several_secrets(box):
    secrets = [{"value": "old-one", "expired": True}, {"value": box.secret, "expired": False},
               {"value": "newer", "expired": False}]
    box.set_app(secrets=secrets)
    assert codes(box, form(box, client_secret="old-one")) == (401, 7000222)
    assert codes(box, form(box)) == (200,) and box.events("token")[-1]["key"] == 1
    assert codes(box, form(box, client_secret="newer")) == (200,)
    assert codes(box, form(box, client_secret="none")) == (401, 7000215)
    box.set_app(disabled=True)
    assert codes(box, form(box)) == (401, 7000112)
