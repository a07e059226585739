# SPDX-License-Identifier: MIT
"""Refresh tokens: their life, rotation and death (microsoft365.md 4.6)."""
from .jwt import b64url
import secrets

EXPIRED, REVOKED, INVALID = 700082, 50173, 70000


class RefreshToken:
    def __init__(self, number, value, client, user, scope, public, now, parent=None):
        self.number, self.value = number, value
        self.client, self.user, self.scope, self.public = client, user, scope, public
        self.used = now             # its idle limit counts from here
        self.parent = parent
        self.died_of = None         # AADSTS code
        self.uses = 0

    def describe(self):
        return {"number": self.number, "value": self.value, "client_id": self.client,
                "user": self.user, "scope": self.scope, "public": self.public, "uses": self.uses,
                "parent": self.parent.number if self.parent else None, "died_of": self.died_of}


class RefreshTokens:
    def __init__(self, world, vault):
        self._world = world
        self._vault = vault
        self._tokens = {}

    def reset(self):
        self._tokens = {}

    def issue(self, client, user, scope, public, parent=None):
        tenant = self._world.tenant(self._world.user(user)["tenant"])
        value = self._vault.keep("refresh_token", tenant["refresh_prefix"] + b64url(
            secrets.token_bytes(70 if tenant.get("plain") else 780)))
        token = RefreshToken(len(self._tokens) + 1, value, client, user, scope, public,
                             self._world.now(), parent)
        self._tokens[value] = token
        return token

    def find(self, value):
        return self._tokens.get(value)

    def dead(self, token):
        """The code of its death, or None."""
        if token.died_of is None and \
                self._world.now() - token.used > self._world.settings["refresh_lifetime"]:
            token.died_of = EXPIRED
        return token.died_of

    def use(self, token, rotate=True):
        """The new one. The old one lives on, as Microsoft says; with strict_rotation it dies as
        soon as a younger one is used."""
        token.uses += 1
        token.used = self._world.now()
        if self._world.settings["strict_rotation"]:
            older = token.parent
            while older:
                older.died_of = older.died_of or INVALID
                older = older.parent
        if not rotate:
            return None
        return self.issue(token.client, token.user, token.scope, token.public, token)

    def end(self, code, user=None, client=None, public=None):
        """All living ones that match die of this code; how many."""
        count = 0
        for token in self._tokens.values():
            if token.died_of is None and user in (None, token.user) and \
                    client in (None, token.client) and public in (None, token.public):
                token.died_of = code
                count += 1
        return count

    def describe(self):
        return [token.describe() for token in self._tokens.values()]
