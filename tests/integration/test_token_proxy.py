# SPDX-License-Identifier: MIT
"""Tokens through a proxy; mail goes straight. What is the proxy's fault is said to be."""
import pytest

from .dialogue import message, print_page
from .proxies import ConnectProxy, SocksProxy

BOTH = pytest.mark.parametrize("kind", [ConnectProxy, SocksProxy])
PASSWORD = "pass word:1-of-the-proxy"


@pytest.fixture
def through(relay):
    """through(proxy, password) makes a relay that gets its tokens there."""
    def make(proxy, password=None, url=None):
        one = relay(start=False)
        one.config["proxy"] = {"tokens": url or proxy.url}
        if password:
            one.config["proxy"]["password"] = "file:" + one.secret_file("proxy.secret", password)
        one.write_config()
        return one.start()
    return make


@BOTH
def test_tokens_go_through_it_and_mail_does_not(through, sandbox, kind):
    with kind() as proxy:
        one = through(proxy)
        print_page(one.port, message("by proxy"))
        sandbox.wait(messages=1)
        [asked] = proxy.requests
        assert (asked["host"], asked["port"], asked["kind"]) == (
            "localhost", sandbox.token_port, "name")
        assert proxy.problems == [] and sandbox.secret.encode() not in proxy.seen


@BOTH
def test_it_knows_names_that_we_do_not(relay, sandbox, kind):
    with kind(hosts={"login.invalid": "127.0.0.1"}) as proxy:
        one = relay(start=False)
        account = one.config["accounts"][0]
        account["token_endpoint"] = account["token_endpoint"].replace("localhost", "login.invalid")
        one.config["proxy"] = {"tokens": proxy.url}
        one.write_config()
        one.start()
        print_page(one.port)
        failed = one.wait_event("token-failed")     # its certificate is for localhost
        assert failed["code"] == "tls" and proxy.requests[0]["host"] == "login.invalid"
        assert sandbox.events("token") == []


@BOTH
def test_password(through, sandbox, kind):
    with kind("anna", PASSWORD) as proxy:
        one = through(proxy, PASSWORD)
        print_page(one.port)
        sandbox.wait(messages=1)
        assert (proxy.requests[0]["user"], proxy.requests[0]["password"]) == ("anna", PASSWORD)
        assert proxy.problems == []


@pytest.mark.parametrize("kind, arguments, password, words", [
    (ConnectProxy, {"user": "anna", "password": "another"}, PASSWORD, "refuses the login"),
    (SocksProxy, {"user": "anna", "password": "another"}, PASSWORD, "refuses the login"),
    (ConnectProxy, {"user": "anna", "password": "another"}, None, "wants a login"),
    (SocksProxy, {"user": "anna", "password": "another"}, None, "wants a login"),
    (ConnectProxy, {"refuse": 403}, None, "does not allow connections to localhost"),
    (SocksProxy, {"refuse": 2}, None, "does not allow connections to localhost"),
    (ConnectProxy, {"refuse": 502}, None, "does not reach localhost"),
    (SocksProxy, {"refuse": 5}, None, "localhost refuses"),
    (ConnectProxy, {"refuse": "garbage"}, None, "is it a proxy of this kind"),
    (SocksProxy, {"refuse": "garbage"}, None, "is it a proxy of this kind"),
    (ConnectProxy, {"refuse": "close"}, None, "is it a proxy of this kind"),
    (SocksProxy, {"refuse": "close"}, None, "is it a proxy of this kind"),
])
def test_refusals(through, sandbox, kind, arguments, password, words):
    """Said in the log with what to change, without the password; it comes right by itself."""
    with kind(**arguments) as proxy:
        url = proxy.url if password else f"{proxy.scheme}://127.0.0.1:{proxy.port}"
        one = through(proxy, password, url)
        print_page(one.port, message("in the end"))
        failed = one.wait_event("token-failed", account="scanner")
        assert failed["code"] == "proxy" and failed.level == "warning"
        assert f"proxy 127.0.0.1:{proxy.port}: " in failed["error"] and words in failed["error"]
        assert one.events("account-held") == [] and sandbox.events("token") == []
        assert proxy.problems == []
        one.change({"proxy": None})
        one.reload()
        sandbox.wait(messages=1)


def test_nobody_there(through, sandbox):
    with ConnectProxy() as proxy:
        url = proxy.url
    one = through(None, url=url)
    print_page(one.port)
    failed = one.wait_event("token-failed", code="proxy")
    assert "check proxy.tokens, and that it runs" in failed["error"]
    print_page(one.port)
    assert sandbox.events("token") == []


def test_one_that_inspects_tls_is_named(through, sandbox):
    """Its certificate is not ours to trust; whose it is tells the administrator what to do."""
    sandbox.set(token_certificate="unknown-ca")
    with ConnectProxy() as proxy:
        one = through(proxy)
        print_page(one.port)
        failed = one.wait_event("token-failed", code="tls")
        assert "it was issued by" in failed["error"] and "ca_file" in failed["error"]
        assert sandbox.events("token") == []


def test_an_account_may_have_its_own(relay, sandbox):
    with ConnectProxy(refuse=403) as evil, ConnectProxy() as good:
        one = relay(start=False)
        one.config["proxy"] = {"tokens": evil.url}
        one.config["accounts"][0]["proxy"] = {"tokens": good.url}
        one.write_config()
        one.start()
        print_page(one.port)
        sandbox.wait(messages=1)
        assert evil.requests == [] and len(good.requests) == 1


def test_or_none(relay, sandbox):
    with ConnectProxy(refuse=403) as evil:
        one = relay(start=False)
        one.config["proxy"] = {"tokens": evil.url}
        one.config["accounts"][0]["proxy"] = {"tokens": "none"}
        one.write_config()
        one.start()
        print_page(one.port)
        sandbox.wait(messages=1)
        assert evil.requests == []
