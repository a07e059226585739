# SPDX-License-Identifier: MIT
"""Device codes and what becomes of them (microsoft365.md 4.5, RFC 8628)."""
import secrets

from .jwt import b64url

LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"
ACTS = ("approve", "decline", "expire", "block", "slow_down")
EARLY = 0.25            # seconds a poll may be early: timers and the way here are not exact


class DeviceCode:
    def __init__(self, value, user_code, client, scope, path, interval, expires):
        self.value, self.user_code = value, user_code
        self.client, self.scope, self.path = client, scope, path
        self.interval, self.expires = interval, expires
        self.state = "pending"      # approved, declined, expired, blocked, done
        self.user = None
        self.code = None            # AADSTS code of a block
        self.polled = None
        self.polls = 0
        self.slow = False           # the next poll hears slow_down

    def describe(self):
        return {"user_code": self.user_code, "client_id": self.client, "scope": self.scope,
                "tenant": self.path, "state": self.state, "user": self.user,
                "interval": self.interval, "polls": self.polls}


class DeviceCodes:
    def __init__(self, world, vault):
        self._world = world
        self._vault = vault
        self._codes = {}

    def reset(self):
        self._codes = {}

    def issue(self, client, scope, path):
        settings = self._world.settings
        value = self._vault.keep("device_code", "B" + b64url(secrets.token_bytes(150)))
        user_code = "".join(secrets.choice(LETTERS) for _ in range(9))
        code = DeviceCode(value, user_code, client, scope, path, settings["device_interval"] or 5,
                          self._world.now() + settings["device_expires"])
        self._codes[value] = code
        return code

    def find(self, value):
        code = self._codes.get(value)
        if code and code.state == "pending" and self._world.now() >= code.expires:
            code.state = "expired"
        return code

    def polled(self, code, when):
        """"ok", "slow" (told to be, by control) or "fast" (before its time). `when`: monotonic."""
        early = code.polled is not None and when - code.polled < code.interval - EARLY
        code.polled = when
        code.polls += 1
        if early or code.slow:
            code.interval += 5              # RFC 8628 3.5: this and all subsequent requests
        told, code.slow = code.slow, False
        return "fast" if early else "slow" if told else "ok"

    def act(self, act, user=None, user_code=None, code=None):
        """What the user does at the other device. The newest pending code unless one is named."""
        if act not in ACTS:
            raise ValueError(f"unknown act {act!r}; one of {', '.join(ACTS)}")
        if user_code is not None:
            found = [one for one in self._codes.values() if one.user_code == user_code]
        else:
            found = [one for one in self._codes.values() if one.state == "pending"]
        if not found:
            raise ValueError("no such device code is pending")
        one = found[-1]
        if act == "slow_down":
            one.slow = True
        else:
            one.state = {"approve": "approved", "decline": "declined", "expire": "expired",
                         "block": "blocked"}[act]
            one.user, one.code = user, code
        return one.describe()

    def describe(self):
        return [code.describe() for code in self._codes.values()]
