# SPDX-License-Identifier: MIT
"""One request to the token endpoint while it is judged, and the refusal of it."""
SHARED_TENANTS = ("common", "organizations", "consumers")


class Refused(Exception):
    """`code` is a number of aadsts.ERRORS; `fields` fill its text."""

    def __init__(self, code, **fields):
        super().__init__(code, fields)
        self.code, self.fields = code, fields


class Office:
    """What every grant needs; one for the life of the sandbox."""

    def __init__(self, world, recorder, issuer, vault, signins):
        self.world = world
        self.recorder = recorder
        self.issuer = issuer
        self.vault = vault
        self.signins = signins


class Ask:
    """form: the fields; note: what the event log will say (never a secret)."""

    def __init__(self, office, conn, request, form, note):
        self.office = office
        self.world = office.world
        self.conn = conn
        self.url = f"https://{request.header('host')}{request.path}"
        self.form = form
        self.note = note

    def violation(self, detail):
        self.office.recorder.violation("token-request", self.conn, detail)

    def only(self, *names):
        """A correct client sends nothing that the grant does not know."""
        for name in self.form:
            if name not in names:
                self.violation(f"field {name!r} does not belong here")

    def need(self, name):
        value = self.form.get(name)
        if not value:
            self.violation(f"no {name}")
            raise Refused(900144, field=name)
        return value

    def tenant(self):
        """The one tenant of the path, for what no user is part of."""
        if self.note["tenant"].lower() in SHARED_TENANTS:
            raise Refused(50059)
        tenant = self.world.tenant(self.note["tenant"])
        if tenant is None:
            raise Refused(90002)
        return tenant

    def app(self, tenant=None):
        """The application, installed in this tenant (None: a path that any tenant shares)."""
        app = self.world.app(self.need("client_id"))
        if app is None or not self._reaches(app, tenant):
            raise Refused(700016)
        if app["disabled"]:
            raise Refused(7000112)
        return app

    @staticmethod
    def _reaches(app, tenant):
        return tenant is None or app["tenant"] == tenant["key"] or app["audience"] != "single"

    def lifetime(self):
        """(what the token says, what expires_in says)"""
        settings = self.world.settings
        said = settings["token_lifetime"] if settings["expires_in"] is None \
            else settings["expires_in"]
        return settings["token_lifetime"], said
