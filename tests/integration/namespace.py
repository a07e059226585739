# SPDX-License-Identifier: MIT
"""A network and mount namespace for one test: its own hosts file, nameserver, dead IPv6 route.

unshare(2) works on the calling thread; what that thread starts (relay, sandbox) is inside too.
"""
import contextlib
import ctypes
import os
import socket
import subprocess
import tempfile

import pytest

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET, CLONE_NEWNS, CLONE_FS = 0x40000000, 0x00020000, 0x200


def _call(name, *arguments):
    if getattr(LIBC, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def _run(*command):
    subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def namespace(hosts="", silent_nameserver=False, dead_ipv6=False, network=True):
    """Inside: only loopback, /etc/hosts as given (with localhost), and what else is asked for.

    Without `network` only mounts are its own.
    """
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    home = [os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY) for kind in ("net", "mnt")]
    folder = tempfile.mkdtemp(prefix="oar-ns-")
    closing = contextlib.ExitStack()
    cwd, root = os.getcwd(), os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        try:
            _call("unshare", CLONE_NEWNS | (CLONE_NEWNET if network else 0))
        except OSError as error:
            pytest.skip(f"no namespaces here: {error}")
        try:
            _run("mount", "--make-rprivate", "/")
        except subprocess.CalledProcessError:
            # Going on would show our mounts to the whole machine.
            pytest.skip("the root here is no mount point (a chroot)")
        if network:
            _run("ip", "link", "set", "lo", "up")
        files = {"hosts": "127.0.0.1 localhost\n::1 localhost\n" + hosts,
                 "resolv.conf": "nameserver 127.0.0.53\n" if silent_nameserver else "",
                 "nsswitch.conf": "hosts: files dns\n"}
        for name, text in files.items():
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            if not os.path.exists("/etc/" + name):
                raise OSError(f"/etc/{name} does not exist")
            _run("mount", "--bind", path, "/etc/" + name)
        if silent_nameserver:
            silent = closing.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            silent.bind(("127.0.0.53", 53))
        if dead_ipv6:
            # The far end of the pair drops frames for a neighbour that is not there: SYNs vanish.
            _run("ip", "link", "add", "void", "type", "veth", "peer", "name", "far")
            _run("ip", "addr", "add", "2001:db8:1::1/64", "dev", "void", "nodad")
            _run("ip", "link", "set", "void", "up")
            _run("ip", "link", "set", "far", "up")
            # With no IPv4 but loopback, AI_ADDRCONFIG would hide IPv4 altogether.
            _run("ip", "addr", "add", "192.0.2.1/24", "dev", "void")
            _run("ip", "-6", "neigh", "add", "2001:db8:1::99", "lladdr", "02:00:00:00:00:99",
                 "dev", "void", "nud", "permanent")
        yield
    finally:
        closing.close()
        _call("unshare", CLONE_FS)      # threads made meanwhile share it, which setns refuses
        for descriptor in home:
            _call("setns", descriptor, 0)
            os.close(descriptor)
        # setns(2) to a mount namespace leaves a chroot.
        os.fchdir(root)
        os.chroot(".")
        os.close(root)
        os.chdir(cwd)
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
