# SPDX-License-Identifier: MIT
"""Managed identities: IMDS and Arc."""
import http.client
import json
import os
import time
import urllib.parse

import pytest

from sandbox import jwt
from sandbox.raw import Raw, rules

RESOURCE = "https://outlook.office365.com"
VERSIONS = {"imds": "2018-02-01", "arc": "2020-06-01"}


def get(box, kind="imds", headers=None, method="GET", path=None, **changes):
    """(status, JSON or text, headers)"""
    fields = {"api-version": VERSIONS[kind], "resource": RESOURCE, **changes}
    query = urllib.parse.urlencode({key: value for key, value in fields.items() if value})
    url = urllib.parse.urlsplit(box.identity_endpoint(kind))
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
    try:
        connection.request(method, f"{path or url.path}?{query}",
                           headers={"Metadata": "true"} if headers is None else headers)
        response = connection.getresponse()
        text = response.read().decode()
        return response.status, json.loads(text) if text[:1] == "{" else text, response.headers
    finally:
        connection.close()


def test_imds_reply(box):
    status, body, _ = get(box)
    assert status == 200 and set(body) == {
        "access_token", "client_id", "expires_in", "expires_on", "ext_expires_in", "not_before",
        "resource", "token_type"}
    assert body["expires_in"] == "86400" and body["client_id"] == box.system_identity
    assert abs(int(body["expires_on"]) - time.time() - 86400) < 60
    claims = json.loads(jwt.unb64url(body["access_token"].split(".")[1]))
    assert claims["roles"] == ["SMTP.SendAsApp"] and claims["aud"] == RESOURCE
    with Raw(box) as raw:
        raw.tls()
        assert raw.xoauth2(body["access_token"]).startswith(b"235 ")
    assert box.secrets()["access_token"] == [body["access_token"]] and box.violations() == []


def test_imds_keeps_its_token(box):
    """expires_in is that of the issue: only expires_on says what is left."""
    box.set(identity_age=80000)
    first = get(box)[1]
    assert first["expires_in"] == "86400" and int(first["expires_on"]) - time.time() < 6500
    assert get(box)[1]["access_token"] == first["access_token"]
    box.set(identity_cache=False)
    assert get(box)[1]["access_token"] != first["access_token"]


def test_imds_identities(box):
    assert get(box, client_id=box.user_identity)[1]["client_id"] == box.user_identity
    status, body, _ = get(box, client_id=box.client_id)
    assert (status, body["error"], body["error_description"]) == (
        400, "invalid_request", "Identity not found")
    box.set(system_identity=False)
    assert get(box)[1]["client_id"] == box.user_identity
    box.set(user_identities=[box.user_identity, box.system_identity])
    assert get(box)[1]["error_description"].startswith("Multiple user assigned identities exist")
    assert get(box, resource="https://outlook.example")[1]["error"] == "invalid_resource"
    assert box.violations() == []


@pytest.mark.parametrize("kind", ["imds", "arc"])
@pytest.mark.parametrize("changes", [
    {"headers": {}}, {"headers": {"Metadata": "false"}}, {"method": "POST"},
    {"headers": {"Metadata": "true", "X-Forwarded-For": "10.0.0.1"}},
    {"headers": {"Metadata": "true", "Via": "1.1 proxy"}}, {"resource": None},
    {"api-version": "2017-01-01"}, {"api-version": None}, {"path": "/metadata/else"}])
def test_what_a_correct_client_never_asks(box, kind, changes):
    assert get(box, kind, **changes)[0] in (400, 404, 405)
    assert rules(box) == ["identity-request"]


def answered(box, key):
    return get(box, "arc", {"Metadata": "true", "Authorization": "Basic " + key})


def challenged(box):
    status, _, headers = get(box, "arc")
    scheme, _, path = headers["WWW-Authenticate"].partition(" realm=")
    assert status == 401 and scheme == "Basic"
    return path


def test_arc(box):
    path = challenged(box)
    assert os.path.dirname(path) == box.arc_folder and path.endswith(".key")
    with open(path, encoding="ascii") as file:
        key = file.read()
    assert box.secrets()["challenge_key"] == [key]
    status, body, _ = answered(box, key)
    assert status == 200 and body["client_id"] == box.system_identity and box.violations() == []
    assert not os.path.exists(path)
    assert answered(box, key)[0] == 401 and rules(box) == ["identity-request"]


def test_arc_with_the_wrong_key(box):
    challenged(box)
    assert answered(box, "guess")[0] == 401 and rules(box) == ["identity-request"]


def test_arc_challenges_to_refuse(box, tmp_path):
    box.set(arc_folder=str(tmp_path), arc_key_bytes=5000, arc_suffix=".txt")
    path = challenged(box)
    assert path.startswith(str(tmp_path)) and os.path.getsize(path) == 5000
    box.set(arc_challenge="Basic realm=/etc/shadow")
    assert challenged(box) == "/etc/shadow"
    box.reset()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["imds", "arc"])
@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
def test_faults(box, kind, status):
    box.fault(kind, "http", status=status, body={"error": "x", "error_description": "y"})
    assert get(box, kind)[0] == status
    assert get(box, kind)[0] == (200 if kind == "imds" else 401)
    assert box.events(kind)[0]["fault"] == "http" and box.violations() == []


def test_off_and_on(box):
    box.off("imds")
    with pytest.raises(OSError):
        get(box)
    box.on("imds")
    assert get(box)[0] == 200
