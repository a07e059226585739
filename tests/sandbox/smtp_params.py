# SPDX-License-Identifier: MIT
"""Parameters of MAIL and RCPT, as strict as their RFCs: 1870, 6152, 6531, 3461, 4954."""
import re

from . import replies

XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+"
XTEXT_RE = re.compile(XTEXT)
ORCPT_RE = re.compile(rf"[A-Za-z0-9-]+;{XTEXT}")


class Refused(Exception):
    """The parameters are wrong; `reply` says so."""

    def __init__(self, what, reply=replies.BAD_ARGUMENTS):
        super().__init__(what)
        self.reply = reply


def _decoded(text):
    """The text of an xtext; printable ASCII only (RFC 3461 4, 4.4)."""
    plain = re.sub(r"\+([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), text)
    if not all(" " <= char <= "~" for char in plain):
        raise ValueError
    return plain


def _size(text):
    if not text or not text.isascii() or not text.isdigit() or len(text) > 20:
        raise ValueError
    return int(text)


def _one_of(*words):
    def take(text):
        if (text or "").upper() not in words:
            raise ValueError
        return text.upper()
    return take


def _smtputf8(text):
    if text is not None:
        raise ValueError
    return True


def _envid(text):
    if not text or len(text) > 100 or not XTEXT_RE.fullmatch(text):
        raise ValueError
    return _decoded(text)


def _auth(text):
    if not text or not XTEXT_RE.fullmatch(text):
        raise ValueError
    return _decoded(text)


def _notify(text):
    words = (text or "").upper().split(",")
    if words != ["NEVER"] and not set(words) <= {"SUCCESS", "FAILURE", "DELAY"}:
        raise ValueError
    if len(set(words)) != len(words):
        raise ValueError
    return words


def _orcpt(text):
    if not text or len(text) > 500 or not ORCPT_RE.fullmatch(text):
        raise ValueError
    return _decoded(text)


MAIL = {"SIZE": _size, "BODY": _one_of("7BIT", "8BITMIME", "BINARYMIME"), "SMTPUTF8": _smtputf8,
        "RET": _one_of("FULL", "HDRS"), "ENVID": _envid, "AUTH": _auth}
RCPT = {"NOTIFY": _notify, "ORCPT": _orcpt}
# The keyword of EHLO that offers a parameter.
OFFERED_BY = {"SIZE": "SIZE", "BODY": "8BITMIME", "SMTPUTF8": "SMTPUTF8", "RET": "DSN",
              "ENVID": "DSN", "AUTH": "AUTH", "NOTIFY": "DSN", "ORCPT": "DSN"}


def parse(params, table, omitted):
    """{"SIZE": 1234, ...} of [("SIZE", "1234"), ...]; `omitted`: keywords EHLO did not say."""
    found = {}
    for name, text in params:
        if name not in table:
            raise Refused("unknown " + name, replies.UNKNOWN_PARAM)
        if name in found:
            raise Refused("twice " + name)
        if OFFERED_BY[name] in omitted:
            raise Refused("not offered " + name, replies.UNKNOWN_PARAM)
        try:
            found[name] = table[name](text)
        except ValueError:
            raise Refused(name) from None
    return found
