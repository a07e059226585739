# SPDX-License-Identifier: MIT
"""Authorization codes (microsoft365.md 4.4): ten minutes, one use, bound to what asked for them."""
import secrets

from .jwt import b64url

LIFE = 600


class AuthCode:
    def __init__(self, value, client, user, scope, path, redirect, native, challenge, expires):
        self.value, self.client, self.user, self.scope = value, client, user, scope
        self.path, self.redirect, self.native, self.challenge = path, redirect, native, challenge
        self.expires = expires
        self.offline = True
        self.used = False


class AuthCodes:
    def __init__(self, world, vault):
        self._world = world
        self._vault = vault
        self._codes = {}

    def reset(self):
        self._codes = {}

    def issue(self, *bound):
        value = self._vault.keep("code", "1.A" + b64url(secrets.token_bytes(600)))
        self._codes[value] = AuthCode(value, *bound, self._world.now() + LIFE)
        return self._codes[value]

    def find(self, value):
        return self._codes.get(value)
