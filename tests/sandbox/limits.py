# SPDX-License-Identifier: MIT
"""What Exchange counts for each mailbox (microsoft365.md 1.2, 6.1)."""
import collections
import time


class Limits:
    def __init__(self, world):
        self._world = world
        self.reset()

    def reset(self):
        self._sent = collections.defaultdict(collections.deque)         # times of messages
        self._recipients = collections.defaultdict(collections.deque)   # (time, count)
        self._failures = collections.Counter()
        self._locked_until = {}
        self._open = collections.defaultdict(list)      # connections in the order of AUTH
        self.most_open = collections.Counter()          # high-water mark, for tests
        self.most_per_minute = collections.Counter()

    # --- connections ----------------------------------------------------------------------
    def opened(self, mailbox, conn):
        self._open[mailbox].append(conn)
        self.most_open[mailbox] = max(self.most_open[mailbox], len(self._open[mailbox]))

    def closed(self, mailbox, conn):
        if conn in self._open[mailbox]:
            self._open[mailbox].remove(conn)

    def too_many_connections(self, mailbox, conn):
        """Whether this connection is one beyond the limit (asked at the end of DATA)."""
        allowed = self._open[mailbox][:self._world.settings["connections"]]
        return conn not in allowed

    # --- messages a minute ----------------------------------------------------------------
    def seconds_until_rate_allows(self, mailbox):
        sent, now = self._sent[mailbox], time.monotonic()
        while sent and sent[0] <= now - 60:
            sent.popleft()
        if len(sent) < self._world.settings["per_minute"]:
            return 0.0
        return sent[0] + 60 - now

    def count_message(self, mailbox, recipients):
        now = time.monotonic()
        self._sent[mailbox].append(now)
        self._recipients[mailbox].append((now, recipients))
        self.seconds_until_rate_allows(mailbox)
        self.most_per_minute[mailbox] = max(self.most_per_minute[mailbox],
                                            len(self._sent[mailbox]))

    # --- recipients a day -----------------------------------------------------------------
    def over_daily(self, mailbox, more):
        window, now = self._recipients[mailbox], time.monotonic()
        while window and window[0][0] <= now - 86400:
            window.popleft()
        used = sum(count for _, count in window)
        return used + more > self._world.settings["recipients_per_day"]

    # --- lockout --------------------------------------------------------------------------
    def locked(self, mailbox):
        return time.monotonic() < self._locked_until.get(mailbox, 0)

    def auth_failed(self, mailbox):
        self._failures[mailbox] += 1
        if self._failures[mailbox] >= self._world.settings["lockout_after"]:
            self._locked_until[mailbox] = time.monotonic() + self._world.settings["lockout_seconds"]
            self._failures[mailbox] = 0

    def auth_worked(self, mailbox):
        self._failures[mailbox] = 0

    def describe(self):
        return {"most_open": dict(self.most_open), "most_per_minute": dict(self.most_per_minute),
                "open": {mailbox: len(conns) for mailbox, conns in self._open.items() if conns}}
