# SPDX-License-Identifier: MIT
"""Errors of the Microsoft identity platform, in its own words (microsoft365.md 4.2, 4.12)."""
import collections
import time
import uuid

from .aadsts_short import SHORT, SUBERRORS
from .aadsts_table import TABLE

# code -> (HTTP status, error, description)
ERRORS = {**SHORT, **TABLE}
UNKNOWN = "Something that nobody has heard of has happened."
PLAIN = {"invalid_client": "The OAuth client was not found.",
         "invalid_grant": "Token has been expired or revoked.",
         "authorization_pending": "Precondition Required", "slow_down": "Forbidden",
         "access_denied": "Forbidden"}


def plain(code, now=None, **fields):
    """The same refusal at a provider that knows only RFC 6749."""
    del now
    status, name, _ = ERRORS.get(code, (400, "invalid_request", UNKNOWN))
    name = fields.get("error", name)
    return status, {"error": name, "error_description": PLAIN.get(name, "Bad Request")}


def error(code, now=None, **fields):
    """(status, JSON object) as the token endpoint answers."""
    status, name, text = ERRORS.get(code, (400, "invalid_request", UNKNOWN))
    known = collections.defaultdict(str, fields)
    name = fields.get("error", name)
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(now))
    body = {
        "error": name,
        "error_description": f"AADSTS{code}: {text.format_map(known)} Trace ID: {trace} "
                             f"Correlation ID: {correlation} Timestamp: {stamp}",
        "error_codes": [code], "timestamp": stamp, "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    if code in SUBERRORS:
        body["suberror"] = SUBERRORS[code]
    return status, body
