# SPDX-License-Identifier: MIT
"""What exists in the sandbox: tenants, applications, mailboxes, rights, and the settings.

Everything here is data: the defaults below, overlaid by DIR/config.json if that exists, overlaid
by --config. Secrets are random and made anew for every run unless the configuration gives them.
"""
import copy
import json
import os
import random
import secrets
import string
import time
import uuid

TENANT = "contoso.onmicrosoft.com"
CLIENT = "11111111-2222-3333-4444-555555555555"
MAILBOX = "scanner@contoso.com"
SECOND_TENANT = "fabrikam.onmicrosoft.com"
SECOND_CLIENT = "66666666-7777-8888-9999-aaaaaaaaaaaa"
SECOND_MAILBOX = "scanner@fabrikam.com"
PUBLIC_CLIENT = "22222222-3333-4444-5555-666666666666"
USER = "anna@contoso.com"           # has no mailbox, but full access to SHARED_MAILBOX
SHARED_MAILBOX = "shared@contoso.com"
SYSTEM_IDENTITY = "33333333-4444-5555-6666-777777777777"     # of the machine (IMDS, Arc)
USER_IDENTITY = "44444444-5555-6666-7777-888888888888"       # user-assigned (IMDS)
PERSONAL = "consumers"              # the tenant of personal accounts: opaque tokens
PERSONAL_USER = "family@outlook.com"
GMAIL, GMAIL_CLIENT = "gmail.test", "relay.apps.gmail.test"     # not Microsoft: RFC 6749 alone
GMAIL_USER = "printer@gmail.test"
NATIVE_REDIRECT = "https://login.microsoftonline.com/common/oauth2/nativeclient"

MIB = 1024 * 1024

# microsoft365.md 1.2 (limits), 2 (HVE), 4.2 (token life), 6.1 (lockout). /set changes them.
SETTINGS = {
    "connections": 3,               # authenticated connections of one mailbox
    "per_minute": 30,               # messages of one mailbox in any 60 s
    "rate_mode": "defer",           # defer: 421 at MAIL; delay: the answer to MAIL waits
    "recipients_per_day": 10000,
    "recipients": 500,              # of one message
    "message_size": 35 * MIB,       # mailbox MaxSendSize, checked at the end of DATA
    "advertised_size": 157286400,   # EHLO SIZE, checked at MAIL and at the end of DATA
    "hve_recipients": 50,
    "hve_message_size": 10 * MIB,
    "hve_token_margin": 600,        # HVE refuses a token that ends sooner than this
    "token_lifetime": 3599,         # seconds; what the token says and what expires_in says
    "expires_in": None,             # if not null: put into the reply instead (any JSON value)
    "token_padding": 0,             # bytes added to the token, for tests of its length
    "smtp_certificate": "good",
    "token_certificate": "good",
    "smtp_tls_max": "1.3",
    "token_tls_max": "1.3",
    "omit": [],                     # EHLO keywords not offered
    "basic_auth": False,            # AUTH LOGIN works (with the mailbox's "password")
    "failed_auths": 3,              # failed AUTHs before the connection is closed
    "lockout_after": 10,            # failed AUTHs in a row before the mailbox is locked
    "lockout_seconds": 60,
    "record_wire": False,           # keep what each connection sends, byte for byte
    "idle_timeout": 300,            # microsoft365.md 1.2: about 5 minutes
    "refresh_lifetime": 90 * 86400,     # microsoft365.md 4.6: idle limit, in seconds
    "strict_rotation": False,       # a refresh token dies when a younger one is used
    "device_interval": 5,           # null: not said, and 5 (RFC 8628 3.2)
    "device_expires": 900,
    "browser_user": MAILBOX,        # who sits at the browser; null: nobody is signed in
    "browser_error": None,          # AADSTS code: how the sign-in at the browser ends
    "system_identity": True,        # the machine has one
    "user_identities": [USER_IDENTITY],
    "identity_lifetime": 86400,
    "identity_age": 0,              # a cached token: so many seconds of its life are over
    "identity_cache": True,         # the same token until it ends, as IMDS
    "arc_folder": None,             # null: DIR/arc-tokens
    "arc_suffix": ".key",
    "arc_key_bytes": 60,
    "arc_challenge": None,          # instead of "Basic realm={path}"
    "clock_skew": 0,                # seconds by which Microsoft's clock is ahead of ours
}


PARTS = ("tenants", "apps", "mailboxes", "users", "issuers")


def random_secret():
    """Of the form Entra makes (40 characters), always with those that must be percent-encoded."""
    letters = string.ascii_letters + string.digits
    chars = [secrets.choice(letters + "._-") for _ in range(35)] + list("~+/=") + ["~"]
    random.SystemRandom().shuffle(chars)
    return "".join(chars)


def _tenant(name, *domains, **more):
    """opaque: access tokens are no JWTs; plain: not Microsoft, errors of RFC 6749 alone, refresh
    tokens do not rotate and `scopes` is all there is."""
    tenant = {"id": str(uuid.uuid4()), "name": name, "domains": list(domains), "opaque": False,
              "plain": False, "refresh_prefix": "1.A",
              "smtp_scope": "https://outlook.office.com/SMTP.Send"}
    tenant.update(more)
    return tenant


def _app(tenant, name, roles, **more):
    """secrets: [{value, expired}]; certificates: [PEM]; federated: [{issuer, subject, audience}];
    audience: single | multiple | all (personal accounts too); public: "Allow public client flows";
    scopes: delegated permissions with consent; redirects: exact, but native ones on localhost
    with any port."""
    app = {"tenant": tenant, "name": name, "object_id": str(uuid.uuid4()), "roles": roles,
           "secrets": [{"value": random_secret(), "expired": False}], "certificates": [],
           "federated": [], "public": False, "audience": "single", "disabled": False,
           "scopes": {"exchange": ["SMTP.Send", "Mail.Send"], "graph": ["User.Read", "SMTP.Send"]},
           "redirects": {"web": [], "native": []}}
    app.update(more)
    return app


def _mailbox(tenant, *full_access, **more):
    """full_access: applications and users; rbac: applications that need no role in the token."""
    box = {"tenant": tenant, "kind": "mailbox", "full_access": list(full_access), "send_as": [],
           "rbac": [], "aliases": [], "smtp_auth_disabled": False, "message_size": None, "password": None}
    box.update(more)
    return box


def _user(tenant, name):
    return {"tenant": tenant, "name": name, "object_id": str(uuid.uuid4()), "enabled": True}


def complete(data):
    """What a test has added gets the usual fields; a mailbox has a user, unless it is shared."""
    usual = {"tenants": lambda name: _tenant(name, name),
             "apps": lambda name: _app(TENANT, name, [], secrets=[]),
             "mailboxes": lambda name: _mailbox(TENANT), "users": lambda name: _user(TENANT, name)}
    for part, make in usual.items():
        for name, item in data[part].items():
            for key, value in make(name).items():
                item.setdefault(key, value)
    for address, box in data["mailboxes"].items():
        if box["kind"] != "shared":
            data["users"].setdefault(address, _user(box["tenant"], address))


def defaults():
    return {
        "tenants": {
            TENANT: _tenant("Contoso", "contoso.com", TENANT),
            SECOND_TENANT: _tenant("Fabrikam", "fabrikam.com", SECOND_TENANT),
            PERSONAL: _tenant("Personal", "outlook.com", opaque=True, refresh_prefix="M.C5_BAY.0.U.-",
                              id="9188040d-6c67-4c5b-b112-36a304b66dad"),
            GMAIL: _tenant("Gmail", GMAIL, opaque=True, plain=True, refresh_prefix="1//0",
                           scopes=["https://mail.google.com/"],
                           smtp_scope="https://mail.google.com/"),
        },
        "apps": {
            CLIENT: _app(TENANT, "SMTP relay", ["SMTP.SendAsApp", "Mail.Send"], redirects={
                "web": ["https://relay.contoso.com/oauth", "http://localhost:8400/callback"],
                "native": []}),
            PUBLIC_CLIENT: _app(TENANT, "SMTP relay (desktop)", [], secrets=[], public=True,
                                audience="all", redirects={"web": [], "native": [
                                    "http://localhost", NATIVE_REDIRECT]}),
            SECOND_CLIENT: _app(SECOND_TENANT, "Fabrikam relay", ["SMTP.SendAsApp"]),
            SYSTEM_IDENTITY: _app(TENANT, "print-server", ["SMTP.SendAsApp"], secrets=[]),
            USER_IDENTITY: _app(TENANT, "relay-identity", ["SMTP.SendAsApp"], secrets=[]),
            GMAIL_CLIENT: _app(GMAIL, "Gmail relay", [], redirects={
                "web": ["https://relay.contoso.com/oauth"],
                "native": ["http://localhost", "http://127.0.0.1"]}),
        },
        "mailboxes": {
            MAILBOX: _mailbox(TENANT, CLIENT, SYSTEM_IDENTITY, USER_IDENTITY,
                              send_as=["invoices@contoso.com"]),
            "second@contoso.com": _mailbox(TENANT, CLIENT),
            SHARED_MAILBOX: _mailbox(TENANT, CLIENT, USER, kind="shared"),
            "hve@contoso.com": _mailbox(TENANT, CLIENT, kind="hve"),
            SECOND_MAILBOX: _mailbox(SECOND_TENANT, SECOND_CLIENT),
            PERSONAL_USER: _mailbox(PERSONAL),
            GMAIL_USER: _mailbox(GMAIL),
        },
        "users": {
            USER: _user(TENANT, "Anna"),        # complete() makes those of the mailboxes
        },
        "issuers": {},          # of federated tokens: {issuer: {kid: public key in PEM}}
        "settings": dict(SETTINGS),
    }


def overlay(base, extra):
    """Nested dictionaries are merged, anything else is replaced."""
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            overlay(base[key], value)
        else:
            base[key] = value
    return base


class World:
    """Owned by the event loop; read by the token endpoint and the submission server."""

    def __init__(self, directory, extra=None):
        data = defaults()
        path = os.path.join(directory, "config.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                overlay(data, json.load(file))
        overlay(data, extra or {})
        complete(data)
        self._initial = copy.deepcopy(data)
        self._data = data
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
        self.revoked_before = 0.0       # tokens issued before this moment are refused

    def reset(self):
        self._data = copy.deepcopy(self._initial)
        self.revoked_before = 0.0

    @property
    def settings(self):
        return self._data["settings"]

    @property
    def issuers(self):
        return self._data["issuers"]

    def now(self):
        """Microsoft's clock."""
        return time.time() + self.settings["clock_skew"]

    def is_plain(self, tenant):
        """Whether the provider of this name is not Microsoft: errors in RFC 6749's words alone."""
        found = self.tenant(tenant)
        return bool(found and found.get("plain"))

    def set(self, values):
        """What POST /set does. Raises ValueError on anything it does not know."""
        for key, value in values.items():
            if key in SETTINGS:
                self.settings[key] = value
            elif key in PARTS:
                overlay(self._data[key], value)
                complete(self._data)
            elif key == "secret":               # short form: the one valid secret of CLIENT
                self._data["apps"][CLIENT]["secrets"] = [{"value": value, "expired": False}]
            else:
                raise ValueError(f"unknown setting {key!r}")

    def tenant(self, name):
        """By any of its domains or its id; None if there is none."""
        for key, tenant in self._data["tenants"].items():
            if name.lower() in (key, tenant["id"], *tenant["domains"]):
                return {"key": key, **tenant}
        return None

    def app(self, client_id):
        return self._data["apps"].get(client_id.lower())

    def user(self, name):
        """The user of this principal name, with "upn"; None if there is none."""
        user = self._data["users"].get(name.lower())
        return user and {"upn": name.lower(), **user}

    def mailbox(self, address):
        """The mailbox with this primary address or alias, as (primary address, mailbox)."""
        wanted = address.lower()
        for primary, box in self._data["mailboxes"].items():
            if wanted == primary or wanted in box["aliases"]:
                return primary, box
        return None, None

    def may_send_as(self, primary, address):
        """microsoft365.md 1.3: the mailbox itself, its aliases, Send As. HVE: itself alone."""
        box = self._data["mailboxes"][primary]
        wanted = address.lower()
        if box["kind"] == "hve":
            return wanted == primary
        return wanted == primary or wanted in box["aliases"] or wanted in box["send_as"]

    def info(self):
        """For GET /info. It holds the secrets: the caller is the test that needs them."""
        return copy.deepcopy({key: self._data[key] for key in
                              (*PARTS, "settings")})
