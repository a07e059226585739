# SPDX-License-Identifier: MIT
"""Everything a peer can make grow has a key, and a test that reaches it.

Whoever adds such a thing adds a row; a key of `limits` without a row is a failure here, as is a
row whose test is gone.
"""
import json
import os
import re
import subprocess

import pytest

from . import relay as relays

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INBOUND = "unit/inbound/"

# What grows, the key that bounds it, and where it is reached: file and function.
TABLE = [
    ("connections and their descriptors", "limits.connections",
     INBOUND + "test_listener.c", "limits_connections"),
    ("connections of one address", "limits.connections_per_address",
     INBOUND + "test_listener.c", "limits_connections"),
    ("connections of one device", "devices.connections",
     INBOUND + "test_session_notes.c", "a_device_has_its_own_limit"),
    ("time before a command", "limits.command_timeout",
     INBOUND + "test_session.c", "command_timeout"),
    ("time within a message", "limits.data_timeout", INBOUND + "test_content.c", "silence_in_data"),
    ("time of a message in bits", "limits.data_rate", INBOUND + "test_content.c", "data_rate"),
    ("time of a handshake", "limits.tls_timeout",
     INBOUND + "test_session_tls.c", "the_handshake_is_bounded"),
    ("time before the first byte", "limits.auto_wait", INBOUND + "test_session_tls.c", "auto_silent"),
    ("TLS sessions to resume", "limits.tls_sessions",
     "integration/test_listeners.py", "test_tls_sessions_make_room"),
    ("a command line", "limits.line_length",
     "integration/test_extensions.py", "test_limits_of_line_and_recipients"),
    ("a login's line", "limits.auth_line", INBOUND + "test_login.c", "the_longest_login_line"),
    ("refused commands", "limits.errors", INBOUND + "test_bdat.c", "unwanted_chunks_are_limited"),
    ("replies that nobody reads", "limits.unread_replies",
     INBOUND + "test_session_notes.c", "unread_replies_stop_the_reading"),
    ("recipients of a message", "limits.recipients", INBOUND + "test_session.c", "dos_01_recipients"),
    ("a message", "limits.message_size", "integration/vectors/test_dos.py", "test_dos_03_endless_message"),
    ("a header, which is in memory", "limits.header_size",
     "integration/vectors/test_msg.py", "test_msg_header_size"),
    ("rounds of a loop", "limits.received", "integration/vectors/test_msg.py", "test_msg_loop"),
    ("messages coming in", "limits.messages", INBOUND + "test_content.c", "messages_at_once"),
    ("messages waiting or held, on disk", "queue.min_free",
     "integration/test_spool.py", "test_too_little_room"),
    ("recipients waiting, in memory", "queue.recipients",
     "integration/test_spool.py", "test_a_full_queue"),
    ("failed logins of a session", "limits.failed_logins",
     INBOUND + "test_login_lock.c", "failures_in_a_session"),
    ("guesses from an address, or at a user", "limits.lock_after",
     INBOUND + "test_login_lock.c", "an_address_is_locked"),
    ("how long guesses are remembered", "limits.lock_time",
     INBOUND + "test_login_lock.c", "a_lock_ends"),
    ("addresses and names that guessed", "limits.lock_table",
     INBOUND + "test_lockout.c", "the_tables_are_bounded"),
    ("logins remembered", "limits.login_cache",
     INBOUND + "test_login_cache.c", "there_are_no_more_than_the_limit"),
    ("how long a login is remembered", "limits.login_cache_time",
     INBOUND + "test_login_cache.c", "it_ends_some_time_after_the_last_use"),
    ("addresses seen", "limits.known_addresses",
     "integration/vectors/test_dos.py", "test_dos_07_known_addresses"),
    ("transcripts of an address", "limits.transcripts",
     INBOUND + "test_session_notes.c", "kept_as_configured"),
    ("a transcript", "limits.transcript_size", INBOUND + "test_session_notes.c", "kept_as_configured"),
    ("transcripts together", "limits.transcript_memory",
     INBOUND + "test_roster.c", "transcripts_are_bounded_together"),
    ("log lines about an address", "limits.log_rate",
     "integration/vectors/test_dos.py", "test_dos_07_refusals_are_summed_up"),
    # With bounds of their own, which nobody would want to set:
    ("log lines that are not read", None, "unit/common/test_log.c", "a_full_pipe_drops_lines_and_says_so"),
    ("requests on the control socket", None, "unit/admin/test_control.c", "too_large_requests_are_refused"),
    ("passwords being hashed", None, INBOUND + "test_login.c", "full_lane"),
    ("ciphers in a hello", None, "unit/common/test_tls_hello.c", "a_hello_is_bounded"),
]


def keys_of(section):
    shown = subprocess.run([relays.binary(), "config", "keys", section, "--json"], check=True,
                           stdout=subprocess.PIPE, timeout=30)
    return {row["key"] for row in json.loads(shown.stdout)}


def test_every_limit_is_in_the_table():
    named = {key for _, key, _, _ in TABLE if key is not None}
    assert {key for key in named if key.startswith("limits.")} == keys_of("limits")
    assert named <= keys_of("limits") | keys_of("devices") | keys_of("queue")


@pytest.mark.parametrize("what,key,file,test", TABLE, ids=[row[1] or row[0] for row in TABLE])
def test_its_test_is_there(what, key, file, test):  # pylint: disable=unused-argument
    with open(os.path.join(TESTS, file), encoding="utf-8") as source:
        text = source.read()
    if file.endswith(".c"):
        assert re.search(rf"^static void {test}\(void \*\*state\)", text, re.M)
        assert re.search(rf"\({test}\b", text.replace(f"{test}(void **state)", ""))     # registered
    else:
        assert re.search(rf"^def {test}\(", text, re.M)
