# SPDX-License-Identifier: MIT
"""Users of the relay: passwords, hashes, the file, and what a client sends to log in."""
import base64
import os
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

USERS = {"erp": "Correct-Horse 7%\"\\:", "nas": "p\u00e4ss", "one": "x" * 200, "t": "u"}


def b64(*parts):
    return base64.b64encode(b"\0".join(part.encode() for part in parts)).decode()


def plain(user="erp", password=None):
    """The AUTH PLAIN command of a user with the right password, or with another."""
    return f"AUTH PLAIN {b64('', user, USERS[user] if password is None else password)}"


def hash_of(password):
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_SHA512, rounds=1000))


def write(one, users=None, options=None):
    """Writes the users file of a relay; its log must not show one of the passwords."""
    users, options = USERS if users is None else users, options or {}
    path = os.path.join(one.state, "users")
    with open(path, "w", encoding="utf-8") as file:
        for name, word in users.items():
            more = ":" + options[name] if name in options else ""
            file.write(f"{name}:{hash_of(word)}{more}\n")
    os.chmod(path, 0o600)
    one.secrets += [word for word in users.values() if len(word) > 8]
    return path


def server(relay, config=None, listener=None, device=None, options=None, change=None):
    """A relay with a listener that requires a login, which may be shown in clear from 127.0.0.0/8;
    change(relay) may do more to its configuration before it starts."""
    one = relay(start=False)
    one.config["listeners"][0].update(listener or {"auth": "required"})
    one.config["devices"] = [device or {"name": "here", "address": "127.0.0.0/8",
                                        "cleartext_auth": True}]
    one.config.update(config or {})
    if change:
        change(one)
    write(one, options=options)
    one.write_config()
    return one.start()
