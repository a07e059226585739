# SPDX-License-Identifier: MIT
"""The relay's log as data: one event a line, `TIME level event key=value key="quoted"`."""
import codecs
import re
import threading
import time

LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (debug|info|warning|error) "
                  r"([a-z0-9-]+)((?: [a-z_]+=(?:\"(?:[^\"\\]|\\.)*\"|[!-~]*))*)")
PAIR = re.compile(r" ([a-z_]+)=(\"(?:[^\"\\]|\\.)*\"|[!-~]*)")
REPORT = re.compile(r"the loop has not turned|blocking call|AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|"
                    r"Assertion `|loopguard|SUMMARY: ")


class Event(dict):
    """A dictionary of the keys, with time, level and name as attributes."""

    def __init__(self, match):
        super().__init__()
        self.time, self.level, self.name = match[1], match[2], match[3]
        for key, word in PAIR.findall(match[4]):
            if word.startswith('"'):
                word = codecs.escape_decode(word[1:-1].encode("utf-8"))[0].decode("utf-8", "replace")
            self[key] = word

    def __repr__(self):
        return f"<{self.level} {self.name} {dict(self)}>"


def parse(line):
    match = LINE.fullmatch(line)
    return Event(match) if match else None


class Collector:
    """Reads a pipe to its end in a thread; keeps text and events; lets others wait for events."""

    def __init__(self, pipe, path):
        self._pipe = pipe
        self._path = path
        self._changed = threading.Condition()
        self.lines = []
        self.events = []
        self.ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        with open(self._path, "ab") as file:
            for raw in self._pipe:
                file.write(raw)
                file.flush()
                line = raw.decode("utf-8", "backslashreplace").rstrip("\n")
                event = parse(line)
                with self._changed:
                    self.lines.append(line)
                    if event:
                        self.events.append(event)
                    self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def join(self, timeout=10):
        self._thread.join(timeout)

    def wait(self, predicate, timeout):
        """The first true value of predicate(events); None when the time or the log is over."""
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                found = predicate(self.events)
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    return None
                self._changed.wait(left)
