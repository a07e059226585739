# SPDX-License-Identifier: MIT
"""The machine's own identity: an Azure VM's metadata service, an Arc-enabled server's agent."""
import contextlib
import os
import subprocess

import pytest

from sandbox.client import Sandbox

from .dialogue import message, print_page
from .namespace import namespace
from .proxies import ConnectProxy

ARC_FOLDER = "/var/opt/azcmagent/tokens"
RATE = {"settings": {"per_minute": 10**6, "recipients_per_day": 10**9}}


def become_machine(one, box, kind="imds", **more):
    """The account asks this machine instead of Entra."""
    account = one.config["accounts"][0]
    for key in ("client_secret", "client_id", "token_endpoint"):
        account.pop(key, None)
    account.update({"grant": "managed_identity",
                    "identity": {"imds": "azure-vm", "arc": "azure-arc"}[kind],
                    "identity_endpoint": box.identity_endpoint(kind), **more})
    one.write_config()
    return one


@pytest.fixture
def vm(relay, sandbox):
    def make(**more):
        return become_machine(relay(start=False), sandbox, **more).start()
    return make


# --- an Azure VM -----------------------------------------------------------------------------

def test_vm(vm, sandbox):
    one = vm()
    print_page(one.port, message("by itself"))
    sandbox.wait(messages=1)
    [asked] = sandbox.events("imds")
    assert asked["resource"] == "https://outlook.office365.com" and asked["client_id"] == ""
    assert sandbox.events("token") == []


def test_vm_with_an_identity_of_several(vm, sandbox):
    chosen = sandbox.info()["settings"]["user_identities"][0]
    one = vm(client_id=chosen)
    print_page(one.port)
    sandbox.wait(messages=1)
    assert sandbox.events("imds")[0]["identity"] == chosen


def test_never_by_a_proxy(relay, sandbox):
    """Not by the relay's, nor by the account's own, nor by the environment's."""
    with ConnectProxy() as proxy:
        one = relay(start=False, env={"http_proxy": proxy.url, "HTTP_PROXY": proxy.url,
                                      "all_proxy": proxy.url})
        one.config["proxy"] = {"tokens": proxy.url}
        one.config["accounts"][0]["proxy"] = {"tokens": proxy.url}
        become_machine(one, sandbox).start()
        print_page(one.port)
        sandbox.wait(messages=1)
        assert proxy.requests == [] and proxy.problems == []


def test_a_cached_token_ends_when_it_says(vm, sandbox):
    """IMDS gives out yesterday's token with yesterday's expires_in; expires_on is right."""
    sandbox.set(identity_lifetime=86400, identity_age=86400 - 1800)
    one = vm()
    print_page(one.port)
    sandbox.wait(messages=1)
    assert int(one.wait_event("token", status="fetched")["expires_in"]) <= 1800


@pytest.mark.parametrize("status, body", [
    (404, {"error": "not_found"}), (410, {"error": "gone"}), (429, {"error": "too_many_requests"}),
    (500, {"error": "unknown"}), (503, None)], ids=str)
def test_what_comes_right_by_itself(vm, sandbox, status, body):
    headers = {"Content-Type": "application/json"} if body else {}
    sandbox.fault("imds", "http", status=status, body=body, headers=headers, retry_after=1)
    one = vm()
    print_page(one.port)
    assert one.wait_event("token-failed", account="scanner").level == "warning"
    sandbox.wait(messages=1)
    assert one.events("account-held") == []


@pytest.mark.parametrize("settings, more, words", [
    ({"system_identity": False, "user_identities": []}, {}, "Azure portal, Virtual machines"),
    ({"system_identity": False, "user_identities": ["a" * 8, "b" * 8]}, {}, "client_id"),
    ({}, {"client_id": "99999999-0000-0000-0000-000000000000"}, "Azure portal, Virtual machines"),
    ({}, {"scope": "https://somewhere.else/.default"}, "scope"),
], ids=["none", "several", "another", "scope"])
def test_what_an_administrator_must_mend(vm, sandbox, settings, more, words):
    sandbox.set(**settings)
    one = vm(**more)
    print_page(one.port)
    failed = one.wait_event("token-failed", account="scanner")
    assert failed.level == "error" and words in failed["remedy"], failed["remedy"]
    one.wait_event("account-held", account="scanner")
    assert len(sandbox.events("imds")) == 1


def test_no_vm_at_all(relay, sandbox):
    with ConnectProxy() as gone:
        port = gone.port
    one = become_machine(relay(start=False), sandbox,
                         identity_endpoint=f"http://127.0.0.1:{port}/metadata/identity/oauth2/token")
    one.start()
    print_page(one.port)
    failed = one.wait_event("token-failed", code="connect")
    assert "is this an Azure VM" in failed["remedy"] and failed.level == "warning"


# --- a server with the Arc agent -------------------------------------------------------------

@pytest.fixture
def arc(make_relay):
    """arc(**settings) -> sandbox, relay (not started); with a /var/opt of their own."""
    with contextlib.ExitStack() as stack:
        def make(**settings):
            stack.enter_context(namespace(network=False))
            os.makedirs("/var/opt", exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "none", "/var/opt"], check=True)
            os.makedirs(ARC_FOLDER)
            box = stack.enter_context(Sandbox(config=RATE))
            box.set(arc_folder=ARC_FOLDER, **settings)
            one = become_machine(make_relay(box, start=False), box, "arc")
            stack.callback(one.stop)
            return box, one
        yield make


def test_arc(arc):
    box, one = arc()
    one.start()
    print_page(one.port, message("by the agent's leave"))
    box.wait(messages=1)
    assert [asked["status"] for asked in box.events("arc")] == [401, 200]
    assert box.violations() == []


@pytest.mark.parametrize("settings, words", [
    ({"arc_challenge": "Basic realm=/etc/ssl/private/ssl-cert-snakeoil.key"}, "not in the agent's"),
    ({"arc_challenge": f"Basic realm={ARC_FOLDER}/../tokens/a.key"}, "not in the agent's"),
    ({"arc_challenge": "Bearer"}, "without naming a file"),
    ({"arc_suffix": ".txt"}, "does not end in .key"),
    ({"arc_key_bytes": 5000}, "more than 4096 bytes"),
], ids=["elsewhere", "dots", "no file", "suffix", "large"])
def test_arc_file_rules(arc, settings, words):
    """Whoever speaks in the agent's place is shown nothing."""
    box, one = arc(**settings)
    one.start()
    print_page(one.port)
    failed = one.wait_event("token-failed", account="scanner")
    assert failed["code"] == "challenge" and words in failed["error"]
    one.wait_event("account-held", account="scanner")
    assert len(box.events("arc")) == 1 and box.violations() == []


def test_arc_folder_is_a_link(arc):
    box, one = arc()
    os.rename(ARC_FOLDER, "/var/opt/elsewhere")
    os.symlink("/var/opt/elsewhere", ARC_FOLDER)
    one.start()
    print_page(one.port)
    assert "symbolic link" in one.wait_event("token-failed", code="challenge")["error"]
    assert len(box.events("arc")) == 1
