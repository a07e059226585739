# SPDX-License-Identifier: MIT
"""Forms as a correct client sends them: application/x-www-form-urlencoded, each field once."""
import re
import urllib.parse

TYPE = "application/x-www-form-urlencoded"


def parse(body):
    """The fields of a form, in order. Raises ValueError when it is not well-formed."""
    fields = []
    for pair in body.decode("ascii").split("&"):
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ValueError(f"field without a value: {name!r}")
        if re.search(r"%(?![0-9A-Fa-f]{2})", pair) or re.search(r"[^!-~]", pair):
            raise ValueError("not percent-encoded")
        fields.append((urllib.parse.unquote_plus(name), urllib.parse.unquote_plus(value)))
    return fields
