# SPDX-License-Identifier: MIT
"""The grants of the token endpoint, one module each. GRANTS is the whole of it."""
from . import client_credentials, code, device, refresh

GRANTS = {
    "client_credentials": client_credentials.answer,
    "refresh_token": refresh.answer,
    "authorization_code": code.answer,
    device.GRANT: device.answer,
}
