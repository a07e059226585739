# SPDX-License-Identifier: MIT
"""Faults: where, what, how often. POST /fault adds one, POST /clear removes all.

A fault is {point, action, count, skip, match, ...arguments}. At each point the oldest fault that
matches and is not used up is taken. count 0 means for ever; skip lets the first N pass.
match compares what is known at the point (mailbox, mail_from, rcpt, tenant, client_id, grant_type,
scope, tls, conn, helo) with a wanted value: text by "contains", anything else by equality.
"""
import asyncio

# point -> what it is. SMTP points carry the command's name; the reply is what is tampered with.
POINTS = {
    "greeting": "a connection was accepted, nothing sent yet",
    "ehlo": "EHLO or HELO", "starttls": "STARTTLS", "auth": "the AUTH command",
    "auth-response": "the credentials were received, not yet judged",
    "mail": "MAIL", "rcpt": "RCPT", "data": "DATA, before the 354",
    "data-body": "in the middle of the message, after `bytes` octets of it",
    "bdat": "BDAT, before the chunk is answered", "eod": "the whole message was received",
    "rset": "RSET", "noop": "NOOP", "quit": "QUIT",
    "token-connect": "the token endpoint accepted a connection, no TLS yet",
    "token": "a token request was read", "devicecode": "a request for a device code was read",
    "authorize": "a browser asks for the page to sign in",
    "imds": "a request to the VM's metadata service", "arc": "one to Arc's agent",
}

TOKEN = ("token", "devicecode", "authorize", "imds", "arc")
SMTP = tuple(point for point in POINTS if point not in TOKEN + ("token-connect",))

# action -> (points where it works, arguments it takes)
ACTIONS = {
    "reply": (SMTP, ("text", "close", "store")),    # this reply instead of the command's effect
    "stall": (SMTP + ("token-connect",) + TOKEN, ("seconds", "text")),  # wait, or until released
    # before | unanswered | after; a token request is dropped after its effect, unless `before`
    "drop": (SMTP + ("token-connect",) + TOKEN, ("when", "how")),
    "raw": (SMTP, ("text", "base64", "perform", "close")),  # any bytes instead of the reply
    "endless": (SMTP, ("line",)),                   # continuation lines without end
    "long-line": (SMTP, ("bytes",)),                # one line of so many octets
    "nul": (SMTP, ()),                              # a reply with a NUL inside
    "garbage": (SMTP, ("bytes",)),                  # random octets
    "drip": (SMTP, ("delay",)),                     # the reply, one octet every `delay` seconds
    "omit": (("ehlo",), ("keywords",)),             # EHLO without these
    "inject": (("starttls",), ("text",)),           # plain text behind the 220
    "certificate": (("starttls",), ("variant",)),
    "challenge": (("auth-response",), ("json",)),   # 334 + JSON, then 535 (microsoft365.md 5)
    "early-250": (("data",), ()),                   # 354 and the final 250 at once
    "http": (TOKEN, ("status", "headers", "body", "retry_after")),
    # a natural error of this number; another `error`; `plain`: without any AADSTS
    "aadsts": (TOKEN, ("code", "error", "plain")),
    "hang": (TOKEN, ("where", "seconds")),          # before | after the headers
    "token-drip": (TOKEN, ("delay",)),
    "redirect": (TOKEN, ("location", "status")),
    "huge": (TOKEN, ("bytes",)),
    # any bytes instead of the response: text, then `repeat` so many times, then the end
    "token-raw": (TOKEN, ("text", "base64", "repeat", "times")),
    "bad-json": (TOKEN, ("body",)),
    "expires-in": (TOKEN, ("value",)),              # value null: the field is left out
    "echo": (("auth-response",) + TOKEN, ("code",)),    # refuses, in the words of the request
    "forged-token": (TOKEN, ("token",)),            # 200 with this access_token
}
GENERIC = ("point", "action", "count", "skip", "match", "bytes")


class Fault:
    def __init__(self, number, spec):
        self.id = number
        self.point = spec["point"]
        self.action = spec["action"]
        self.count = int(spec.get("count", 1))
        self.skip = int(spec.get("skip", 0))
        self.match = spec.get("match", {})
        self.args = {key: value for key, value in spec.items() if key not in GENERIC[:5]}
        self.hits = 0
        self.waiting = 0
        self._released = asyncio.Event()

    def get(self, name, default=None):
        return self.args.get(name, default)

    def matches(self, context):
        for key, wanted in self.match.items():
            actual = context.get(key)
            if isinstance(wanted, str) and isinstance(actual, str):
                if wanted.lower() not in actual.lower():
                    return False
            elif wanted != actual:
                return False
        return True

    def release(self):
        self._released.set()

    async def hold(self, recorder, gone=None):
        """Waits `seconds`, or until released, or until the peer is gone (`gone` is its event)."""
        self.waiting += 1
        recorder.notify()
        waits = [asyncio.ensure_future(self._released.wait())]
        if gone is not None:
            waits.append(asyncio.ensure_future(gone.wait()))
        try:
            await asyncio.wait(waits, timeout=self.get("seconds"),
                               return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            self.waiting -= 1
            recorder.notify()

    def describe(self):
        return {"id": self.id, "point": self.point, "action": self.action, "count": self.count,
                "skip": self.skip, "match": self.match, "hits": self.hits,
                "waiting": self.waiting, **self.args}


class FaultBook:
    def __init__(self, recorder):
        self._recorder = recorder
        self._faults = []
        self._made = 0

    def add(self, spec):
        """The new fault's id; ValueError says what is wrong with the specification."""
        point, action = spec.get("point"), spec.get("action")
        if point not in POINTS:
            raise ValueError(f"unknown point {point!r}; one of {', '.join(POINTS)}")
        if action not in ACTIONS:
            raise ValueError(f"unknown action {action!r}; one of {', '.join(ACTIONS)}")
        points, arguments = ACTIONS[action]
        if point not in points:
            raise ValueError(f"{action!r} does not work at {point!r}, only at {', '.join(points)}")
        unknown = set(spec) - set(GENERIC) - set(arguments)
        if unknown:
            raise ValueError(f"{action!r} does not take {', '.join(sorted(unknown))}")
        self._made += 1
        self._faults.append(Fault(self._made, spec))
        return self._made

    def take(self, point, context):
        for fault in self._faults:
            if fault.point != point or not fault.matches(context):
                continue
            if fault.count and fault.hits >= fault.count:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.hits += 1
            self._recorder.event("fault", id=fault.id, point=point, action=fault.action,
                                 conn=context.get("conn"))
            return fault
        return None

    def find(self, point, context):
        """The fault that take() would look at, untouched; None if there is none."""
        for fault in self._faults:
            if fault.point == point and fault.matches(context) and \
                    (not fault.count or fault.hits < fault.count):
                return fault
        return None

    def release(self, number=None):
        for fault in self._faults:
            if number is None or fault.id == number:
                fault.release()

    def clear(self):
        self.release()
        self._faults = []

    @property
    def waiting(self):
        return sum(fault.waiting for fault in self._faults)

    def describe(self):
        return [fault.describe() for fault in self._faults]
