# SPDX-License-Identifier: MIT
"""Delegated scopes: which resource, which permissions (microsoft365.md 4.9)."""
from .ask import Refused

OPENID = ("openid", "profile", "email", "offline_access")
# Names of one resource; what a token says as aud is the name that was asked for.
RESOURCES = {"https://outlook.office.com": "exchange", "https://outlook.office365.com": "exchange",
             "https://graph.microsoft.com": "graph"}
PERMISSIONS = {
    "exchange": ("SMTP.Send", "Mail.Send", "IMAP.AccessAsUser.All", "POP.AccessAsUser.All"),
    "graph": ("SMTP.Send", "Mail.Send", "User.Read", "IMAP.AccessAsUser.All"),
}


class Scopes:
    """resource: the aud of the token; names: its scp; openid: those of OPENID asked for."""

    def __init__(self, resource, names, openid, plain=False):
        self.resource, self.names, self.openid = resource, names, openid
        self._plain = plain

    @property
    def text(self):
        """As the reply says it: without offline_access."""
        ours = list(self.names) if self._plain else \
            [f"{self.resource}/{name}" for name in self.names]
        return " ".join(ours + [word for word in self.openid if word != "offline_access"])

    @property
    def offline(self):
        return "offline_access" in self.openid


def resolve(tenant, app, text):
    """The scopes of a request of a user of this tenant (None: not known yet). Raises Refused."""
    words = text.split()
    if not words:
        raise Refused(900144, field="scope")
    if tenant is not None and tenant.get("plain"):
        return _plain(tenant, words)
    openid = [word for word in words if word in OPENID]
    found = [_one(word) for word in words if word not in OPENID]
    resources = {resource for resource, _ in found}
    if len({RESOURCES[resource] for resource in resources}) > 1 or len(resources) > 1:
        raise Refused(700022, field=text)
    if not found:
        raise Refused(700023, field=text)
    resource = found[0][0]
    kind = RESOURCES[resource]
    granted = app["scopes"].get(kind, [])
    names = []
    for _, name in found:
        names += granted if name == ".default" else [name]
    for name in names:
        if name not in granted:
            raise Refused(65001)
    if not names:
        raise Refused(65001)
    return Scopes(resource, names, openid)


def _one(word):
    """(resource, permission) of one scope; a bare name is the Graph's."""
    resource, slash, name = word.rpartition("/")
    if not slash:
        resource = "https://graph.microsoft.com"
    if resource.startswith("https://") and resource not in RESOURCES:
        raise Refused(500011, field=resource)
    if resource not in RESOURCES or \
            name != ".default" and name not in PERMISSIONS[RESOURCES[resource]]:
        raise Refused(70011, field=word)
    return resource, name


def _plain(tenant, words):
    for word in words:
        if word not in tenant["scopes"]:
            raise Refused(70011, field=word)
    return Scopes(words[0], words, [], plain=True)
