# SPDX-License-Identifier: MIT
"""Received messages: DIR/messages/N.eml (as received, without dot-stuffing) and N.json.

A message streams to disk; only its header (up to 256 KiB) stays in memory.
"""
import hashlib
import json
import os
import time

HEADER_LIMIT = 256 * 1024


class Draft:
    """One message on its way in. feed() any number of times, then commit() or discard()."""

    def __init__(self, path):
        self._path = path
        self._file = open(path, "wb")
        self._whole = hashlib.sha256()
        self._body = hashlib.sha256()
        self._head = bytearray()
        self._line = 0
        self.in_header = True
        self.header = b""
        self.size = 0
        self.longest_line = 0
        self.eight_bit = False
        self.ends_with_crlf = True

    def feed(self, data):
        if not data:
            return
        self._file.write(data)
        self._whole.update(data)
        self.size += len(data)
        self.eight_bit = self.eight_bit or not data.isascii()
        self.ends_with_crlf = data.endswith(b"\r\n")
        self._measure(data)
        if self.in_header:
            self._head += data
            self._split()
        else:
            self._body.update(data)

    def _measure(self, data):
        lines = data.split(b"\n")
        self._line += len(lines[0])
        if len(lines) > 1:
            self.longest_line = max(self.longest_line, self._line - 1,
                                    max((len(line) - 1 for line in lines[1:-1]), default=0))
            self._line = len(lines[-1])

    def _split(self):
        """Looks for the empty line; what stands before it is the header."""
        if self._head.startswith(b"\r\n"):
            end, start = 0, 2
        else:
            at = self._head.find(b"\r\n\r\n")
            if at < 0 and len(self._head) <= HEADER_LIMIT:
                return
            end, start = (at + 2, at + 4) if at >= 0 else (len(self._head), len(self._head))
        self.in_header = False
        self.header = bytes(self._head[:end])
        self._body.update(self._head[start:])
        self._head = bytearray()

    def finish(self):
        """The end of the message: what is still in the header buffer is all header."""
        if self.in_header:
            self.header, self.in_header = bytes(self._head), False
        self._file.close()

    def digests(self):
        return {"sha256": self._whole.hexdigest(), "body_sha256": self._body.hexdigest()}

    def discard(self):
        self._file.close()
        if os.path.exists(self._path):
            os.unlink(self._path)


class MailStore:
    def __init__(self, directory, recorder):
        self._folder = os.path.join(directory, "messages")
        self._recorder = recorder
        self._drafts = 0
        os.makedirs(self._folder, exist_ok=True)
        self.messages = []

    def reset(self):
        """Removes what has arrived; drafts of living connections stay theirs."""
        for name in os.listdir(self._folder):
            if not name.endswith((".part", ".wire")):
                os.unlink(os.path.join(self._folder, name))
        self.messages = []

    def wire_file(self, conn):
        """For what that connection sends."""
        return open(os.path.join(self._folder, f"{conn}.wire"), "wb", buffering=0)

    def draft(self):
        self._drafts += 1
        return Draft(os.path.join(self._folder, f".{self._drafts}.part"))

    def commit(self, draft, meta):
        """Gives the message its number; returns its record."""
        number = len(self.messages) + 1
        path = os.path.join(self._folder, f"{number}.eml")
        os.rename(draft._path, path)
        record = {"n": number, "file": path, "received": round(time.time(), 6),
                  "size": draft.size, "header_size": len(draft.header),
                  "longest_line": draft.longest_line, "eight_bit": draft.eight_bit,
                  **draft.digests(), **meta}
        with open(os.path.join(self._folder, f"{number}.json"), "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
        self.messages.append(record)
        self._recorder.event("message", number=number, conn=meta.get("conn"),
                             mailbox=meta.get("mailbox"), size=draft.size,
                             answered=meta.get("answered"))
        return record
