# SPDX-License-Identifier: MIT
"""The tests' own proxies: curl is the client, so that nobody tests his mistakes with themselves."""
import shutil
import subprocess

import pytest

from .proxies import ConnectProxy, SocksProxy

BOTH = pytest.mark.parametrize("kind", [ConnectProxy, SocksProxy])


@pytest.fixture
def curl(sandbox):
    """curl(proxy, password) asks the token endpoint by a name that only the proxy can find."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")

    def run(proxy, password=None):
        proxy.hosts["login.sandbox.test"] = "127.0.0.1"
        words = ["--proxy-user", f"{proxy.user}:{password}"] if password else []
        return subprocess.run(
            ["curl", "-s", "-S", "-m", "5", "--cacert", sandbox.ca_file, "--proxy",
             f"{proxy.scheme}://127.0.0.1:{proxy.port}", *words, "-d",
             "grant_type=client_credentials&client_id=x",
             f"https://login.sandbox.test:{sandbox.token_port}/common/oauth2/v2.0/token"],
            capture_output=True, text=True, timeout=20, check=False)

    return run


@BOTH
def test_goes_through(curl, sandbox, kind):
    with kind() as proxy:
        done = curl(proxy)
    assert "AADSTS50059" in done.stdout, done.stderr
    asked = proxy.requests[0]
    assert (asked["host"], asked["port"], asked["kind"]) == (
        "login.sandbox.test", sandbox.token_port, "name")
    assert proxy.problems == [] and b"grant_type" not in proxy.seen


@BOTH
def test_password(curl, kind):
    with kind("anna", "pass word:1") as proxy:
        assert "AADSTS50059" in curl(proxy, "pass word:1").stdout
        assert curl(proxy, "wrong").stdout == ""
        assert curl(proxy).stdout == ""
    assert proxy.requests[0]["user"] == "anna" and proxy.requests[0]["password"] == "pass word:1"
    assert proxy.problems == []


@pytest.mark.parametrize("kind, refuse", [
    (ConnectProxy, "garbage"), (ConnectProxy, "close"), (ConnectProxy, 403), (ConnectProxy, 407),
    (SocksProxy, "garbage"), (SocksProxy, "close"), (SocksProxy, 2), (SocksProxy, 5)])
def test_refuses(curl, kind, refuse):
    with kind(refuse=refuse) as proxy:
        done = curl(proxy)
    assert done.returncode != 0 and done.stdout == "" and proxy.problems == []


def test_plain_http_is_a_problem(curl, sandbox):
    with ConnectProxy() as proxy:
        subprocess.run(["curl", "-s", "-m", "5", "--proxy", proxy.url, sandbox.identity_endpoint()],
                       capture_output=True, timeout=20, check=False)
        assert proxy.problems and proxy.requests == []
