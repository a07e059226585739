# SPDX-License-Identifier: MIT
"""What the process keeps to itself: TLS keys, memory, and whom it starts (threats.md ENV-02)."""
import smtplib
import ssl

import pytest

from .dialogue import message, print_page


# Says that OpenSSL knows no algorithm at all: whoever reads it speaks no TLS.
HOSTILE_OPENSSL = """
openssl_conf = all
[all]
providers = sect
[sect]
null = empty
[empty]
activate = 1
"""


@pytest.fixture
def hostile(tmp_path):
    """An environment that would send tokens elsewhere, and write down or break all TLS."""
    conf = tmp_path / "openssl.cnf"
    conf.write_text(HOSTILE_OPENSSL)
    proxy = "http://127.0.0.1:9"
    return {"SSLKEYLOGFILE": str(tmp_path / "keys"), "OPENSSL_CONF": str(conf),
            "OPENSSL_MODULES": str(tmp_path), "SSL_CERT_FILE": str(conf),
            "SSL_CERT_DIR": str(tmp_path), "CURL_CA_BUNDLE": str(conf),
            "https_proxy": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy,
            "HOSTALIASES": str(conf), "RES_OPTIONS": "ndots:15", "LOCALDOMAIN": "evil.example"}


def test_a_hostile_environment_has_no_say(relay, sandbox, hostile, tmp_path):
    """TLS from the device, to the host and to the token endpoint: none writes a key down."""
    one = relay(env=hostile)
    with smtplib.SMTP("127.0.0.1", one.port, timeout=30) as client:
        client.starttls(context=ssl._create_unverified_context())
        client.sendmail("scan@printer.local", ["b@fabrikam.com"], message())
    sandbox.wait(messages=1)
    assert not (tmp_path / "keys").exists()
    assert sandbox.events("token") != []


def limits(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return {line[:26].strip(): line[26:].split() for line in file}


def test_no_core_dump(relay):
    one = relay(wrapper=("prlimit", "--core=unlimited"))
    assert limits(one.pid)["Max core file size"][:2] == ["0", "0"]


def test_nobody_is_started(relay, sandbox):
    """So that no child has a secret among its arguments or in its environment: there is none."""
    one = relay()
    print_page(one.port)
    sandbox.wait(messages=1)
    with open(f"/proc/{one.pid}/task/{one.pid}/children", encoding="ascii") as file:
        assert file.read() == ""
    with open(f"/proc/{one.pid}/cmdline", "rb") as file:
        assert sandbox.secret.encode() not in file.read()
