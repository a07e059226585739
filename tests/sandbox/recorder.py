# SPDX-License-Identifier: MIT
"""What happened: events, violations, and waiting for either.

An event is a fact (a connection, a command, a reply, a token request). A violation is something
that a correct client never does; tests require that there are none. Secrets never get here: the
callers mask AUTH and form fields first.
"""
import asyncio
import collections
import time


class Recorder:
    def __init__(self):
        self.reset()
        self._changed = asyncio.Event()

    def reset(self):
        self.events = []
        self.violations = []
        self.counts = collections.Counter()

    def event(self, kind, **fields):
        self.events.append({"n": len(self.events) + 1, "time": round(time.time(), 6),
                            "kind": kind, **fields})
        self.counts[kind] += 1
        self.notify()

    def violation(self, rule, conn, detail):
        if isinstance(detail, bytes):
            detail = repr(detail[:200])
        self.violations.append({"time": round(time.time(), 6), "rule": rule, "conn": conn,
                                "detail": detail})
        self.event("violation", rule=rule, conn=conn, detail=detail)

    def notify(self):
        """Wakes everybody who waits in wait_for, to look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def wait_for(self, predicate, timeout):
        """True as soon as predicate() is; False when the time is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while not predicate():
            left = end - loop.time()
            if left <= 0:
                return False
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except asyncio.TimeoutError:
                return bool(predicate())
        return True
