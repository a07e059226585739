# SPDX-License-Identifier: MIT
"""The certificate that devices see: renewed while the relay runs, and exported for them."""
import json
import os
import ssl
import subprocess

from .dialogue import Dialogue


def seen(port):
    """The certificate that a device sees."""
    with Dialogue(port) as talk:
        talk.hello()
        talk.starttls()
        return talk.socket.getpeercert(binary_form=True)


def certificate(folder, name):
    """A new pair; openssl's word is taken for it."""
    files = [os.path.join(folder, name + end) for end in (".crt", ".key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9",
                    "-subj", f"/CN={name}", "-out", files[0], "-keyout", files[1]],
                   check=True, stderr=subprocess.DEVNULL)
    with open(files[0], encoding="ascii") as file:
        return files, ssl.PEM_cert_to_DER_cert(file.read())


def link(target, name):
    os.symlink(target, name + ".new")
    os.rename(name + ".new", name)


def test_a_renewed_certificate(relay):
    """Links to new files, one after the other, as certbot does; the configuration is not read."""
    one = relay(start=False)
    old, old_der = certificate(one.dir, "old")
    new, new_der = certificate(one.dir, "new")
    live = [os.path.join(one.dir, "live" + end) for end in (".crt", ".key")]
    link(old[0], live[0])
    link(old[1], live[1])
    one.change({"tls": {"certificate": live[0], "key": live[1]}})
    one.start()
    assert seen(one.port) == old_der
    one.write_config("half = {")
    before = Dialogue(one.port)
    before.hello()
    link(new[0], live[0])
    refused = one.wait_event("files-refused")
    assert "this key is not the certificate's" in refused["error"]
    assert seen(one.port) == old_der                    # still
    link(new[1], live[1])
    one.wait_event("files-reloaded")
    assert seen(one.port) == new_der
    before.expect(250, "NOOP")                          # nobody has been disturbed
    before.close()
    assert len(one.events("files-refused")) == 1        # told once
    assert not one.events("reload-refused") and not one.events("reloaded")


def test_export(relay):
    """`tls export` prints what a device sees."""
    one = relay({"tls": None})
    der = seen(one.port)
    pem = one.cli("tls", "export").stdout
    assert ssl.PEM_cert_to_DER_cert(pem) == der
    assert "PRIVATE" not in pem
    told = json.loads(one.cli("tls", "export", "--json").stdout)
    assert told["pem"] == pem and "relay.contoso.com" in told["names"]
    assert "127.0.0.1" in told["names"]
