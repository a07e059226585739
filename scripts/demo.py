# SPDX-License-Identifier: MIT
"""The journey of one scan; run by scripts/demo, which builds first."""
import calendar
import email
import email.policy
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "sandbox"))
from client import Sandbox, SandboxError  # noqa: E402

RELAY = os.path.join(ROOT, "build", "oauthrelay")
KEEPER = os.path.join(tempfile.gettempdir(), f"oauthrelay-demo-{os.getuid()}.pid")
LIFETIME = 1800
PAGES, PIXELS = 4, (1240, 1100)
RECIPIENT = "accounting@contoso.com"

COLOUR = sys.stdout.isatty()


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def say(text=""):
    print(text, flush=True)


def title(text):
    say()
    say(paint("1", text))


def fail(text):
    say()
    say(paint("31;1", "The demo failed: ") + text)
    sys.exit(1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_pdf(path):
    """A scan of several grey pages, which like a real one does not compress."""
    noise = random.Random(2026)
    width, height = PIXELS
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    kids = " ".join(f"{3 + 3 * page} 0 R" for page in range(PAGES))
    objects.append(f"<</Type/Pages/Count {PAGES}/Kids[{kids}]>>".encode())
    for page in range(PAGES):
        number = 3 + 3 * page
        image = noise.randbytes(width * height)
        drawing = b"595 0 0 842 0 0 cm /Im Do"
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {number + 1} 0 R"
                       f"/Resources<</XObject<</Im {number + 2} 0 R>>>>>>".encode())
        objects.append(b"<</Length %d>>stream\n%b\nendstream" % (len(drawing), drawing))
        objects.append(b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray"
                       b"/BitsPerComponent 8/Length %d>>stream\n%b\nendstream"
                       % (width, height, len(image), image))
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    xref = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, xref)
    with open(path, "wb") as file:
        file.write(out)
    return bytes(out)


def write_config(folder, box, port):
    """The smallest useful configuration, and what a demo without root and Microsoft needs."""
    secret = os.path.join(folder, "scanner.secret")
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(box.secret + "\n")
    smallest = f'''listen     = [ "127.0.0.1:{port}" ];
allow      = [ "127.0.0.0/8" ];
postmaster = "it@contoso.com";

accounts = ( {{
    name          = "scanner";
    provider      = "microsoft365";
    mailbox       = "{box.mailbox}";
    tenant        = "{box.tenant}";
    client_id     = "{box.client_id}";
    client_secret = "file:{secret}";'''
    here = f'''
    # only for the demo: the stand-in instead of Microsoft
    host = "localhost"; port = {box.smtp_port};
    authority = "https://localhost:{box.token_port}";
    ca_file = "{box.ca_file}";
}} );

# only for the demo: folders and a name that need no root
hostname  = "relay.contoso.com";
state_dir = "{folder}/state";
queue     = {{ path = "{folder}/spool"; min_free = "50M"; }};
admin     = {{ socket = "{folder}/control.sock"; }};
'''
    path = os.path.join(folder, "oauthrelay.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(smallest + here)
    return path, smallest


class Relay:
    """The daemon, started and waited for as systemd would."""

    def __init__(self, folder, config):
        self.log_path = os.path.join(folder, "relay.log")
        notify_path = os.path.join(folder, "notify.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(notify_path)
            notify.settimeout(20)
            with open(self.log_path, "wb") as log:
                self.process = subprocess.Popen(
                    [RELAY, "-c", config, "run"], stdin=subprocess.DEVNULL, stderr=log,
                    env={**os.environ, "NOTIFY_SOCKET": notify_path})
            try:
                while b"READY=1" not in notify.recv(4096):
                    pass
            except socket.timeout:
                pass
        if self.process.poll() is not None:
            fail("the relay did not start:\n" + self.log())

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def parse_log(text):
    """[(seconds since the epoch, event, {key: value})]"""
    events = []
    for line in text.splitlines():
        match = re.match(r"(\d+-\d+-\d+T\d+:\d+:\d+)\.(\d+)Z \w+ ([a-z-]+)(.*)", line)
        if not match:
            continue
        at = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S")) + int(match[2]) / 1000
        values = dict(re.findall(r' ([a-z_]+)=("(?:[^"\\]|\\.)*"|\S*)', match[4]))
        events.append((at, match[3], {k: v.strip('"') for k, v in values.items()}))
    return events


def send(port, pdf_path):
    """As a printer does: plain SMTP, no login, a sender that exists nowhere."""
    command = ["swaks", "--server", "127.0.0.1", "--port", str(port), "--helo", "printer-3f",
               "--from", "scan@printer.local", "--to", RECIPIENT,
               "--header", "Subject: Scan from printer 3F",
               "--header", "From: Printer 3F <scan@printer.local>",
               "--body", "4 pages", "--attach-name", "scan.pdf",
               "--attach-type", "application/pdf", "--attach", "@" + pdf_path]
    started = time.time()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        fail("swaks could not send:\n" + done.stdout[-2000:] + done.stderr)
    answer = [line for line in done.stdout.splitlines() if "queued as" in line]
    return started, answer[0].split("~ ")[-1].removeprefix("<-  ").strip() if answer else ""


STEPS = (
    ("accepted", "on disk: file and folder synced, then 250 said"),
    ("token", "OAuth2 token fetched from the tenant"),
    ("connected", "connected, TLS up, certificate verified"),
    ("authenticated", "logged in with XOAUTH2"),
    ("delivery", "accepted by Microsoft (here: its stand-in)"),
    ("removed", "out of the queue"),
)


def detail(event, values):
    if event == "accepted":
        return f"{int(values['size']):,} bytes, durable in {values['took_ms']} ms"
    if event == "token":
        return f"in {values['took_ms']} ms, good for {int(values['expires_in']) // 60} min"
    if event == "connected":
        return f"{values['relay']}, {values['tls']}, {values['took_ms']} ms"
    if event == "authenticated":
        return f"in {values['took_ms']} ms"
    if event == "delivery":
        return f"to {values['to']}, status {values['status']}"
    return ""


def print_journey(relay, started):
    seen = {}
    for at, event, values in parse_log(relay.log()):
        if event not in seen or event == "delivery":
            seen[event] = (at, values)
    for event, words in STEPS:
        if event not in seen:
            fail(f"the relay's log has no \"{event}\":\n" + relay.log())
    for event, words in sorted(STEPS, key=lambda step: seen[step[0]][0]):
        at, values = seen[event]
        say(f"  {paint('32', '✔')} {max(0.0, at - started) * 1000:7.0f} ms   {words}")
        if detail(event, values):
            say(f"                 {paint('2', detail(event, values))}")


def wait_for_removed(relay):
    """The stand-in has the scan; the log's last line about it follows within moments."""
    end = time.monotonic() + 20
    while "removed msg=" not in relay.log() and time.monotonic() < end:
        time.sleep(0.02)


def compare(box, sent):
    received = box.eml(box.messages()[0]["n"])
    message = email.message_from_bytes(received, policy=email.policy.default)
    parts = [part for part in message.walk() if part.get_content_type() == "application/pdf"]
    got = parts[0].get_content() if parts else b""
    ours, theirs = (hashlib.sha256(data).hexdigest() for data in (sent, got))
    say(f"  sent      {ours}  {len(sent):,} bytes")
    say(f"  received  {theirs}  {len(got):,} bytes")
    say(f"  From      scan@printer.local  ->  {message['From']}")
    return ours == theirs


def journey(folder, box, relays):
    """All of it; the relay is put into `relays` as soon as it runs, so that it can be stopped."""
    port = free_port()
    config, smallest = write_config(folder, box, port)
    title("The configuration (the smallest one; a real one needs no more)")
    say(paint("2", "\n".join("  " + line for line in smallest.splitlines()) + "\n    ..."))
    relay = Relay(folder, config)
    relays.append(relay)
    title("Running")
    say(f"  Microsoft's stand-in   smtp 127.0.0.1:{box.smtp_port}, tokens 127.0.0.1:{box.token_port}")
    say(f"  oauthrelay             smtp 127.0.0.1:{port} (pid {relay.process.pid})")
    pdf_path = os.path.join(folder, "scan.pdf")
    sent = make_pdf(pdf_path)
    title(f"A printer sends a scan: {PAGES} pages, {len(sent) / 1e6:.1f} MB, plain SMTP, no login")
    started, answer = send(port, pdf_path)
    say(f"  the relay said  {paint('1', answer)}")
    try:
        box.wait(messages=1, timeout=30)
    except SandboxError as error:
        fail(f"the scan did not arrive: {error}\n{relay.log()}")
    wait_for_removed(relay)
    title("Its journey (time since the printer connected)")
    print_journey(relay, started)
    title("The attachment, SHA-256")
    if not compare(box, sent):
        fail("what was received is not what was sent")
    if box.violations():
        fail("the stand-in saw Microsoft's rules broken: " + json.dumps(box.violations()))
    return port


def keep(folder):
    """Holds both in a process of its own, which ends after half an hour or by --stop."""
    reader, writer = os.pipe()
    if os.fork() != 0:
        os.close(writer)
        last = ""
        # Not to its end: what the keeper has started holds the pipe open, too.
        with os.fdopen(reader, encoding="utf-8") as pipe:
            for line in pipe:
                last = line.strip()
                print(line, end="", flush=True)
                if last.endswith("--stop"):
                    break
        sys.exit(0 if last.endswith("--stop") else 1)
    os.close(reader)
    os.setsid()
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.close(writer)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    relays = []
    try:
        with Sandbox(os.path.join(folder, "m365"), arguments=["--lifetime", str(LIFETIME)]) as box:
            port = journey(folder, box, relays)
            with open(KEEPER, "w") as file:
                file.write(str(os.getpid()))
            title("Both stay for half an hour")
            say(f"  send     swaks --server 127.0.0.1 --port {port} --from me@here.local --to you@contoso.com")
            say(f"  look     build/oauthrelay -c {folder}/oauthrelay.conf status")
            say(f"  log      tail -f {folder}/relay.log")
            say(f"  arrived  ls {folder}/m365/messages")
            say("  stop     scripts/demo --stop")
            silence = os.open(os.devnull, os.O_RDWR)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            try:
                relays[0].process.wait(LIFETIME)
            except subprocess.TimeoutExpired:
                pass
    finally:
        for relay in relays:
            relay.stop()
        if os.path.exists(KEEPER):
            os.unlink(KEEPER)
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0)


def stop():
    try:
        with open(KEEPER) as file:
            os.kill(int(file.read()), signal.SIGTERM)
    except (OSError, ValueError):
        say("demo: nothing is running")
        return
    say("demo: stopped")


def main():
    if "--stop" in sys.argv:
        stop()
        return
    folder = tempfile.mkdtemp(prefix="oauthrelay-demo-")
    for name in ("state", "spool", "m365"):
        os.mkdir(os.path.join(folder, name), 0o700)
    say(paint("1", "oauthrelay: a printer's scan to Microsoft 365, without a tenant"))
    if "--keep" in sys.argv:
        keep(folder)
    relays = []
    try:
        with Sandbox(os.path.join(folder, "m365")) as box:
            journey(folder, box, relays)
            code = relays[0].stop()
        if code != 0:
            fail(f"the relay ended with {code}")
        say()
        say(paint("32;1", "The scan arrived as it was sent.") + " Both programs have been stopped.")
    finally:
        for relay in relays:
            relay.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
