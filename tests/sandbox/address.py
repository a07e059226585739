# SPDX-License-Identifier: MIT
"""Strict syntax of what stands in EHLO, MAIL and RCPT (RFC 5321 4.1.2), and of header From."""
import email.parser
import email.policy
import ipaddress
import re

ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
UTF8_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
UTF8_QUOTED = r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"'      # RFC 6531 3.3 qtextSMTP
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN = rf"{LABEL}(?:\.{LABEL})*"
DOMAIN_RE = re.compile(DOMAIN)
MAILBOX_RE = re.compile(rf"((?:{ATOM}(?:\.{ATOM})*)|{QUOTED})@({DOMAIN}|\[[^\[\]\\]+\])")
UTF8_MAILBOX_RE = re.compile(
    rf"((?:{UTF8_ATOM}(?:\.{UTF8_ATOM})*)|{UTF8_QUOTED})@([A-Za-z0-9.\u0080-\U0010ffff-]+)")
PARAM_RE = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")


def valid_literal(text):
    """[192.0.2.1] or [IPv6:2001:db8::1]"""
    if not (text.startswith("[") and text.endswith("]")):
        return False
    inner = text[1:-1]
    try:
        if inner.lower().startswith("ipv6:"):
            ipaddress.IPv6Address(inner[5:])
        else:
            ipaddress.IPv4Address(inner)
    except ValueError:
        return False
    return True


def valid_helo(name):
    """A domain name or an address literal; a single label passes, as it does at Exchange."""
    if name.startswith("["):
        return valid_literal(name)
    return len(name) <= 255 and DOMAIN_RE.fullmatch(name) is not None


def valid_mailbox(text, utf8=False):
    match = (UTF8_MAILBOX_RE if utf8 else MAILBOX_RE).fullmatch(text)
    if not match:
        return False
    local, domain = match.groups()
    if len(local.encode()) > 64 or len(domain.encode()) > 255 or len(text.encode()) > 254:
        return False
    return not domain.startswith("[") or valid_literal(domain)


def parse_path(text, prefix):
    """`FROM:<a@b> X=1` -> ("a@b", [("X", "1")]). None when the form is wrong.

    The address itself is not judged here; an empty path gives "".
    """
    if text[:len(prefix)].upper() != prefix:
        return None
    rest = text[len(prefix):]
    if not rest.startswith("<"):
        return None
    end, quoted, at = -1, False, 1
    while at < len(rest):
        char = rest[at]
        if quoted and char == "\\":
            at += 1
        elif char == '"':
            quoted = not quoted
        elif char == ">" and not quoted:
            end = at
            break
        at += 1
    if end < 0:
        return None
    params, tail = [], rest[end + 1:]
    if tail:
        if not tail.startswith(" "):
            return None
        for word in tail[1:].split(" "):
            match = PARAM_RE.fullmatch(word)
            if not match:
                return None
            params.append((match[1].upper(), match[2]))
    return rest[1:end], params


def header_fields(header):
    """[(name, value as it stands)] of a raw header, unfolded, latin-1."""
    fields = []
    for line in header.decode("latin-1").split("\r\n"):
        if line[:1] in (" ", "\t") and fields:
            fields[-1][1] += "\r\n" + line
        elif ":" in line:
            name, _, value = line.partition(":")
            fields.append([name, value])
    return [(name, value.replace("\r\n", "").strip()) for name, value in fields]


def header_from(header):
    """Every address of every From field, in lower case; "" stands for one that cannot be read."""
    found = []
    parser = email.parser.BytesHeaderParser(policy=email.policy.SMTP)
    for name, value in header_fields(header):
        if name.strip().lower() != "from":
            continue
        if name != name.strip():
            return [""]                     # "From :" is obsolete syntax
        try:
            parsed = parser.parsebytes(b"From: " + value.encode("latin-1") + b"\r\n\r\n")["from"]
            addresses = [address.addr_spec.lower() for address in parsed.addresses]
            bad = any(not valid_mailbox(text) for text in addresses)
        except Exception:       # pylint: disable=broad-except  # the library's parser may raise
            addresses, bad = [], True       # anything on odd input; then it is odd
        found += [""] if bad or not addresses else addresses
    return found
