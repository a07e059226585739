# SPDX-License-Identifier: MIT
"""Accounts of every grant, for `config`, with what the sandbox must know of them.

    one = relay(start=False)
    one.change(lambda config: config.update(accounts=[grants.certificate(one)]))
"""
import os

from sandbox.signer import Certificate, Federation

from . import sealed


def delegated(relay, name="scanner", **more):
    """A public client's account, to which somebody has to sign in (sealed.sign_in)."""
    account = relay.account(name, client=relay.sandbox.public_client)
    account.update(grant="delegated", scope=sealed.SCOPE, **more)
    return account


def _without_secret(relay, name, **more):
    account = relay.account(name)
    account.pop("client_secret")
    account.update(more)
    return account


def certificate(relay, name="scanner", made=None, **credential):
    """One credential: a certificate that the sandbox has registered."""
    made = made or Certificate()
    relay.sandbox.register(made.pem)
    public, private = made.write(relay.dir, name)
    relay.secrets.append(made.key_pem)
    return _without_secret(relay, name, credentials=[
        {"certificate": public, "key": "file:" + private, **credential}])


def federated(relay, name="scanner", issuer=None):
    """An assertion file, with a token of an issuer that the application trusts."""
    issuer = issuer or Federation()
    issuer.trust(relay.sandbox)
    path = relay.secret_file(name + ".assertion", issuer.token())
    return _without_secret(relay, name, grant="federated", assertion_file=path)


def managed(relay, name="scanner", identity="azure-vm", **more):
    """The machine's own identity."""
    account = _without_secret(relay, name, grant="managed_identity", identity=identity)
    for key in ("tenant", "client_id", "token_endpoint"):
        del account[key]
    account["identity_endpoint"] = relay.sandbox.identity_endpoint(
        "imds" if identity == "azure-vm" else "arc")
    account.update(more)
    return account


ARC = "/var/opt/azcmagent/tokens"


def behind_arc(sandbox):
    """A wrapper in which the sandbox's folder stands where the agent's is. Needs root."""
    os.makedirs(sandbox.arc_folder, exist_ok=True)
    sandbox.set(arc_challenge=f"Basic realm={ARC}/{{name}}")
    script = f'mount -t tmpfs none /var/opt && mkdir -p {ARC} && ' \
             f'mount --bind {sandbox.arc_folder} {ARC} && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "arc"]
