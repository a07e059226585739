# SPDX-License-Identifier: MIT
"""grant_type=client_credentials: a token for the application itself (microsoft365.md 4.1)."""
from . import client_auth
from .ask import Refused

# What a scope without its /.default must be. The Graph is there because people ask for it by
# mistake: they get a token, and Exchange refuses it (microsoft365.md 4.9).
RESOURCES = ("https://outlook.office365.com", "https://graph.microsoft.com",
             "api://AzureADTokenExchange")


def answer(ask):
    ask.only("grant_type", "client_id", "scope", *client_auth.FIELDS)
    tenant = ask.tenant()
    app = ask.app(tenant)
    scope = ask.need("scope")
    if not scope.endswith("/.default") or " " in scope:
        raise Refused(1002012, field=scope)
    resource = scope[:-len("/.default")]
    if resource not in RESOURCES:
        raise Refused(500011, field=resource)
    if app["public"] and not (app["secrets"] or app["certificates"] or app["federated"]):
        client_auth.public(ask)
    client_auth.confidential(ask, app)
    lifetime, said = ask.lifetime()
    token = ask.office.issuer.app_token(ask.world, tenant, ask.note["client_id"].lower(), app,
                                        resource, lifetime)
    return {"token_type": "Bearer", "expires_in": said, "ext_expires_in": said,
            "access_token": ask.office.vault.keep("access_token", token)}
