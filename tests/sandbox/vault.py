# SPDX-License-Identifier: MIT
"""Every secret of this run: what the sandbox issued and what clients proved themselves with.

Kept for the canary (ENV-06): GET /secrets hands them to the test, which looks for them where they
must never be. user_code is not here: it is made to be shown.
"""
KINDS = ("client_secret", "access_token", "refresh_token", "id_token", "code", "device_code",
         "code_verifier", "assertion", "password", "challenge_key")


class Vault:
    def __init__(self):
        self.reset()

    def reset(self):
        self._values = {kind: {} for kind in KINDS}     # dictionaries, for their order

    def keep(self, kind, value):
        """Returns the value, so that it can stand where the value is made."""
        if value:
            self._values[kind][value] = True
        return value

    def describe(self, world):
        """With the secrets and passwords that nobody has used."""
        data = world.info()
        for app in data["apps"].values():
            for secret in app["secrets"]:
                self.keep("client_secret", secret["value"])
        for box in data["mailboxes"].values():
            self.keep("password", box["password"])
        return {kind: list(values) for kind, values in self._values.items()}
