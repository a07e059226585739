# SPDX-License-Identifier: MIT
"""What the directory remembers between requests: refresh tokens, codes, identifiers used once."""
from .auth_codes import AuthCodes
from .device_codes import DeviceCodes
from .refresh_tokens import RefreshTokens


class SignIns:
    def __init__(self, world, vault):
        self.refresh = RefreshTokens(world, vault)
        self.devices = DeviceCodes(world, vault)
        self.codes = AuthCodes(world, vault)
        self._used = set()

    def reset(self):
        for part in (self.refresh, self.devices, self.codes):
            part.reset()
        self._used = set()

    def first_use(self, kind, value):
        """Whether this value of this kind was never seen before."""
        fresh = (kind, value) not in self._used
        self._used.add((kind, value))
        return fresh
