# SPDX-License-Identifier: MIT
"""`user add|passwd|remove|list`: edit the users file, whether or not the relay is running."""
import json
import os
import pty
import select
import signal
import stat
import subprocess
import termios

import pytest

from . import users
from .dialogue import Dialogue
from .users import hash_of, plain

WORD = "korrekt pferd 7"


@pytest.fixture
def cold(relay):
    """A relay that is not started."""
    one = relay(start=False)
    one.secrets.append(WORD)
    return one


def call(one, *arguments, stdin=WORD + "\n"):
    return subprocess.run([one.program, "-c", one.path, "user", *arguments], input=stdin,
                          capture_output=True, text=True, timeout=60, check=False,
                          env=one._environment())


def path_of(one):
    return os.path.join(one.state, "users")


def text_of(one):
    with open(path_of(one), encoding="utf-8") as file:
        return file.read()


def verify(line, word):
    hashed = line.strip().split(":")[1]
    return users.crypt.crypt(word, hashed) == hashed


def test_add_list_passwd_remove(cold):
    result = call(cold, "add", "erp", "--account", "scanner", "--senders", "a@b.c,contoso.com",
                  "--recipients", "*.d.e", "--networks=10.0.0.0/8,192.168.1.5")
    assert result.returncode == 0, result.stderr
    assert f"user erp added in {path_of(cold)}" in result.stdout
    assert "takes it up by itself" in result.stdout and result.stderr == ""
    name, hashed, options = text_of(cold).strip().split(":")
    assert name == "erp" and hashed.startswith("$y$")
    assert options == ("account=scanner senders=a@b.c,contoso.com recipients=*.d.e "
                       "networks=10.0.0.0/8,192.168.1.5")
    assert verify(text_of(cold), WORD)
    assert call(cold, "add", "nas").returncode == 0
    listed = json.loads(call(cold, "list", "--json").stdout)
    assert listed == {"file": path_of(cold), "users": [
        {"name": "erp", "account": "scanner", "senders": ["a@b.c", "contoso.com"],
         "recipients": ["*.d.e"], "networks": ["10.0.0.0/8", "192.168.1.5"]},
        {"name": "nas", "account": None, "senders": [], "recipients": [],
         "networks": []}]}
    shown = call(cold, "list").stdout
    assert "NAME" in shown and "contoso.com" in shown and "$y$" not in shown
    before = text_of(cold)
    assert call(cold, "passwd", "erp", stdin="another word\n").returncode == 0
    after = text_of(cold)
    assert verify(after, "another word") and not verify(after, WORD)
    assert after.split("\n")[1:] == before.split("\n")[1:]
    assert after.split("\n", maxsplit=1)[0].endswith(":" + options)
    assert call(cold, "remove", "erp").returncode == 0
    assert text_of(cold) == before.split("\n")[1] + "\n"
    assert call(cold, "remove", "nas").returncode == 0
    assert "names nobody" in call(cold, "list").stdout


def test_other_lines_stay(cold):
    text = f"# the office\r\n\n  old : {hash_of('x')}:account=scanner\r\nno mistake of ours\nlast:{hash_of('y')}"
    with open(path_of(cold), "w", encoding="utf-8", newline="") as file:
        file.write(text)
    result = call(cold, "add", "new")
    assert result.returncode == 0
    with open(path_of(cold), encoding="utf-8", newline="") as file:
        assert file.read().startswith(text + "\nnew:$y$")
    # What is wrong with the rest is told, not mended.
    assert "`oauthrelay config check` says" in result.stderr and "/users:4: " in result.stderr


def test_mode_and_owner_stay(cold):
    with open(path_of(cold), "w", encoding="utf-8") as file:
        file.write("# mine\n")
    os.chmod(path_of(cold), 0o640)
    if os.geteuid() == 0:
        os.chown(path_of(cold), 0, 4242)
    link = os.path.join(cold.dir, "link")
    os.symlink(path_of(cold), link)
    cold.change({"users_file": link})
    assert call(cold, "add", "erp").returncode == 0
    info = os.stat(path_of(cold))
    assert stat.S_IMODE(info.st_mode) == 0o640 and os.path.islink(link)
    assert os.geteuid() != 0 or info.st_gid == 4242
    assert sorted(os.listdir(cold.state)) == ["users"]
    os.unlink(path_of(cold))
    os.unlink(link)
    assert call(cold, "add", "erp").returncode == 0
    assert stat.S_IMODE(os.stat(link).st_mode) in (0o600, 0o640)


@pytest.mark.parametrize("arguments, stdin, code, error", [
    (["add", "erp", WORD], "", 2, "A password is never an argument"),
    (["passwd", "erp", WORD], "", 2, "A password is never an argument"),
    (["add", "erp"], "", 1, "the password is empty; nothing was changed"),
    (["add", "erp"], "\n", 1, "the password is empty; nothing was changed"),
    (["add", "erp"], "x" * 512 + "\n", 1, "longer than 511 bytes"),
    (["add", "er:p"], WORD, 1, "a name has no colon in it"),
    (["add", "there"], WORD, 1, "the user there is there already, in line 1"),
    (["add", "erp", "--account", "nowhere"], WORD, 1, 'there is no account "nowhere"'),
    (["add", "erp", "--senders", "a.b b"], WORD, 1, "there is no option \"b\""),
    (["add", "erp", "--recipients", "b"], WORD, 1, 'recipients: "b" must be'),
    (["add", "erp", "--networks", "10.0.0.1/8"], WORD, 1, "networks: "),
    (["passwd", "erp"], WORD, 1, 'there is no user "erp"; `oauthrelay user list` shows all'),
    (["remove", "erp"], "", 1, 'there is no user "erp"'),
    (["remove", "there", "--account", "x"], "", 2, "does not take that option"),
])
def test_refusals(cold, arguments, stdin, code, error):
    with open(path_of(cold), "w", encoding="utf-8") as file:
        file.write(f"there:{hash_of('x')}\n")
    before = text_of(cold)
    result = call(cold, *arguments, stdin=stdin)
    assert result.returncode == code and error in result.stderr, result.stderr
    assert result.stdout == "" and WORD not in result.stderr
    assert text_of(cold) == before and os.listdir(cold.state) == ["users"]


def test_a_short_password_is_a_warning(cold):
    result = call(cold, "add", "printer", stdin="1234\n")
    assert result.returncode == 0 and "less than 8 characters" in result.stderr
    assert verify(text_of(cold), "1234")


def test_a_configuration_with_mistakes_is_enough(cold):
    cold.change({"postmaster": "nobody", "accounts": [{"name": "scanner", "provider": "smtp"}]})
    result = call(cold, "add", "erp", "--account", "scanner")
    assert result.returncode == 0
    assert "postmaster" in result.stderr


def test_the_running_relay(relay):
    """Added, changed and removed while it runs; a reload makes it count."""
    one = users.server(relay)
    one.secrets += [WORD, "another word"]
    steps = [(("add", "new"), WORD, {WORD: 235}),
             (("passwd", "new"), "another word", {WORD: 535, "another word": 235}),
             (("remove", "new"), "", {"another word": 535})]
    for arguments, stdin, expected in steps:
        assert call(one, *arguments, stdin=stdin + "\n").returncode == 0
        one.reload()
        for word, code in expected.items():
            with Dialogue(one.port) as talk:
                talk.hello()
                talk.expect(code, plain("new", word))


@pytest.mark.parametrize("change", ["remove", "passwd"])
def test_a_session_ends_with_its_user(relay, change):
    """A login of yesterday is none any more, and who has not been touched goes on."""
    one = users.server(relay)
    with Dialogue(one.port) as talk, Dialogue(one.port) as other:
        for session, name in ((talk, "erp"), (other, "nas")):
            session.hello()
            session.expect(235, plain(name))
            session.envelope()
            session.expect(250, "RSET")
        talk.envelope()                             # what has begun is not broken off
        assert call(one, change, "erp").returncode == 0
        one.reload()
        assert talk.data(b"Subject: x\r\n\r\nx\r\n").startswith("250")
        talk.expect("421 4.7.0 Who may send has changed: connect again", "MAIL FROM:<a@b.c>")
        assert talk.rest() == b""
        other.envelope()


def run_at_terminal(one, *arguments):
    master, terminal = pty.openpty()
    process = subprocess.Popen([one.program, "-c", one.path, "user", *arguments], stdin=terminal,
                               stdout=terminal, stderr=terminal, env=one._environment(),
                               start_new_session=True)
    os.close(terminal)
    return process, master


def read_until(master, text, timeout=20):
    seen = b""
    while text not in seen:
        assert select.select([master], [], [], timeout)[0], seen
        try:
            more = os.read(master, 4096)
        except OSError:                             # the other side is closed
            break
        seen += more
    return seen


def echo_is_off(master):
    return not termios.tcgetattr(master)[3] & termios.ECHO


def type_hidden(master, prompt, word):
    seen = read_until(master, prompt)
    while not echo_is_off(master):                  # what is typed before is thrown away
        pass
    os.write(master, word.encode() + b"\n")
    return seen


def test_at_a_terminal(cold):
    """Asked for twice, without echo."""
    process, master = run_at_terminal(cold, "add", "erp")
    seen = type_hidden(master, b"Password for erp: ", WORD)
    seen += type_hidden(master, b"The same again for erp: ", WORD)
    seen += read_until(master, b"at once.")
    assert process.wait(20) == 0
    assert WORD.encode() not in seen
    assert verify(text_of(cold), WORD)
    os.close(master)


def test_what_others_change_meanwhile_stays(cold):
    """While one is typing a password, somebody else removes a user: she does not come back."""
    assert call(cold, "add", "mallory").returncode == 0
    process, master = run_at_terminal(cold, "add", "erp")
    type_hidden(master, b"Password for erp: ", WORD)
    assert call(cold, "remove", "mallory").returncode == 0
    type_hidden(master, b"The same again for erp: ", WORD)
    read_until(master, b"at once.")
    assert process.wait(20) == 0
    os.close(master)
    assert text_of(cold).startswith("erp:") and "mallory" not in text_of(cold)


def test_many_at_once(cold):
    """Each edits what the one before has left."""
    names = {f"u{number}" for number in range(8)}
    processes = [subprocess.Popen([cold.program, "-c", cold.path, "user", "add", name],
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                                  env=cold._environment()) for name in names]
    for process in processes:
        process.stdin.write(WORD + "\n")
        process.stdin.close()
    assert [process.wait(60) for process in processes] == [0] * len(names)
    assert {line.partition(":")[0] for line in text_of(cold).splitlines()} == names


def test_interrupted_at_a_terminal(cold):
    """The terminal echoes again, and nothing is changed."""
    process, master = run_at_terminal(cold, "add", "erp")
    read_until(master, b"Password for erp: ")
    while not echo_is_off(master):
        pass
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(20) == -signal.SIGINT
    assert not echo_is_off(master)
    os.close(master)
    assert os.listdir(cold.state) == []
