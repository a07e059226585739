# SPDX-License-Identifier: MIT
"""What the relay keeps in its state, by another implementation of common/seal.h and
oauth/account_record.h: to look at it, and to prepare what a test begins with."""
import base64
import hashlib
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HEAD, NONCE, KEY_ID = 13, 12, slice(5, 13)
SCOPE = "https://outlook.office.com/SMTP.Send offline_access"


class WrongKey(Exception):
    pass


def key_path(relay):
    return os.path.join(relay.state, "seal.key")


def path(relay, account="scanner"):
    return os.path.join(relay.state, "accounts", account)


def _put(name, data):
    with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)


def key(relay):
    """The relay's key; makes one where there is none."""
    if not os.path.exists(key_path(relay)):
        _put(key_path(relay), base64.b64encode(os.urandom(32)) + b"\n")
    with open(key_path(relay), "rb") as file:
        return base64.b64decode(file.read().strip(), validate=True)


def close(secret, account, record):
    head = b"OARS\1" + hashlib.sha256(secret).digest()[:8]
    nonce = os.urandom(NONCE)
    text = json.dumps(record).encode()
    return head + nonce + AESGCM(secret).encrypt(nonce, text, head + b"accounts/" + account.encode())


def read(relay, account="scanner"):
    """The record; None where there is no file."""
    try:
        with open(path(relay, account), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    secret = key(relay)
    if data[KEY_ID] != hashlib.sha256(secret).digest()[:8]:
        raise WrongKey
    try:
        text = AESGCM(secret).decrypt(data[HEAD:HEAD + NONCE], data[HEAD + NONCE:],
                                      data[:HEAD] + b"accounts/" + account.encode())
    except InvalidTag:
        raise ValueError("damaged") from None
    return json.loads(text)


def unseal(data, account, keys):
    """What lies in a record's file, as text; "" where none of the keys opens it."""
    for secret in keys:
        if data[KEY_ID] == hashlib.sha256(secret).digest()[:8]:
            try:
                return AESGCM(secret).decrypt(
                    data[HEAD:HEAD + NONCE], data[HEAD + NONCE:],
                    data[:HEAD] + b"accounts/" + account.encode()).decode()
            except (InvalidTag, UnicodeDecodeError):
                return ""
    return ""


def secrets_in(record):
    """What must be nowhere else: (kind, value) of a record's text."""
    found = json.loads(record) if record else {}
    for kind in ("access_token", "refresh_token"):
        yield kind, found.get(kind)
    for credential in found.get("added", []):
        yield "added secret", credential.get("secret")
        yield "added key", credential.get("key")


def write(relay, record, account="scanner"):
    os.makedirs(os.path.dirname(path(relay, account)), mode=0o700, exist_ok=True)
    _put(path(relay, account), close(key(relay), account, record))


def binding(account, grant="delegated"):
    """Of an account as the configuration has it."""
    parts = [grant, account["token_endpoint"], account["client_id"], account["scope"],
             account.get("login", account["mailbox"]) if grant == "delegated" else "", "", ""]
    return hashlib.sha256(b"".join(part.encode() + b"\0" for part in parts)).hexdigest()


def delegated(relay, name="scanner", **more):
    """A public client's account for `config`, to which somebody has to sign in."""
    account = relay.account(name)
    del account["client_secret"]
    account.update(grant="delegated", client_id=relay.sandbox.public_client, scope=SCOPE, **more)
    return account


def sign_in(relay, name="scanner", refresh_token=None):
    """As if `oauthrelay login` had been used before the relay's start. Returns the refresh token."""
    account = next(one for one in relay.config["accounts"] if one["name"] == name)
    token = refresh_token or relay.sandbox.issue_refresh_token(account["mailbox"])
    now = int(os.stat(relay.state).st_mtime * 1000)
    relay.secrets.append(token)
    write(relay, {"version": 1, "binding": binding(account), "refresh_token": token,
                  "refresh_used": now, "signed_in": now}, name)
    return token
