# SPDX-License-Identifier: MIT
"""What the directory remembers between requests: identifiers that may be used once."""


class SignIns:
    def __init__(self, world, vault):
        self._world = world
        self._vault = vault
        self.reset()

    def reset(self):
        self._used = set()

    def first_use(self, kind, value):
        """Whether this value of this kind was never seen before."""
        fresh = (kind, value) not in self._used
        self._used.add((kind, value))
        return fresh
