# SPDX-License-Identifier: Apache-2.0
"""OVN for the tests: Debian's own databases, ovn-northd and ovn-controller, in directories of their own.

A `Central` has the northbound and the southbound database and northd. A `Chassis` is a switch, ours or the reference,
with an ovn-controller of its own; several may be in several namespaces, since all of them talk through Unix sockets.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from netns import wait_for
from switch import Reference, alive

INSTALLED = all(shutil.which(program) for program in ("ovn-northd", "ovn-controller", "ovn-nbctl"))
SCHEMAS = "/usr/share/ovn"


class Processes:
    """Programs with pidfiles in a directory."""

    def __init__(self, directory, prefix=()):
        self.dir = pathlib.Path(directory)
        self.prefix = list(prefix)
        self.env = dict(os.environ, OVS_RUNDIR=str(self.dir), OVS_LOGDIR=str(self.dir), OVS_DBDIR=str(self.dir),
                        OVN_RUNDIR=str(self.dir), OVN_LOGDIR=str(self.dir), OVN_DBDIR=str(self.dir),
                        OVN_SYSCONFDIR=str(self.dir), OVS_SYSCONFDIR=str(self.dir))

    def run(self, *argv, check=True, timeout=60):
        result = subprocess.run(self.prefix + [str(a) for a in argv], env=self.env, capture_output=True, text=True,
                                timeout=timeout)
        if check:
            assert result.returncode == 0, f"{argv}: {result.stdout}{result.stderr}"
        return result.stdout

    def pid(self, name):
        try:
            return int((self.dir / f"{name}.pid").read_text())
        except FileNotFoundError:
            return None

    def end(self, name, sig=signal.SIGTERM):
        pid = self.pid(name)
        if pid and alive(pid):
            os.kill(pid, sig)
            wait_for(lambda: not alive(pid), f"{name} to end")
        (self.dir / f"{name}.pid").unlink(missing_ok=True)


class Central(Processes):
    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="sluice-ovn-")
        super().__init__(self.directory.name)
        for db in ("nb", "sb"):
            self.run("ovsdb-tool", "create", self.dir / f"{db}.db", f"{SCHEMAS}/ovn-{db}.ovsschema")
            self.run("ovsdb-server", f"--remote=punix:{self.dir}/{db}.sock", f"--unixctl={self.dir}/{db}.ctl",
                     "--no-chdir", f"--pidfile={self.dir}/{db}.pid", "--detach", f"--log-file={self.dir}/{db}.log",
                     self.dir / f"{db}.db")
        self.start_northd()
        self.nbctl("init")
        self.sbctl("init")

    def start_northd(self):
        self.run("ovn-northd", f"--ovnnb-db=unix:{self.dir}/nb.sock", f"--ovnsb-db=unix:{self.dir}/sb.sock",
                 f"--unixctl={self.dir}/northd.ctl", "--no-chdir", f"--pidfile={self.dir}/northd.pid", "--detach",
                 f"--log-file={self.dir}/northd.log")

    def nbctl(self, text, timeout=60):
        """Commands of ovn-nbctl, one a line, in one transaction."""
        argv = []
        for line in text.strip().splitlines():
            words = line if isinstance(line, list) else split(line)
            if words:
                argv += (["--"] if argv else []) + words
        return self.run("ovn-nbctl", f"--db=unix:{self.dir}/nb.sock", "--timeout=30", *argv, timeout=timeout)

    def sync(self, timeout=60):
        """Waits until every chassis has done what the northbound database says."""
        self.run("ovn-nbctl", f"--db=unix:{self.dir}/nb.sock", f"--timeout={timeout}", "--wait=hv", "sync",
                 timeout=timeout + 10)

    def sbctl(self, text):
        return self.run("ovn-sbctl", f"--db=unix:{self.dir}/sb.sock", "--timeout=30", *split(text))

    def trace(self, *argv):
        return self.run("ovn-trace", f"--db=unix:{self.dir}/sb.sock", *argv)

    def close(self):
        for name in ("northd", "nb", "sb"):
            self.end(name)
        self.directory.cleanup()


class Chassis(Processes):
    def __init__(self, central, switch, name, encap_ip="127.0.0.1", options=""):
        """SWITCH: a Switch in the namespace that ovn-controller is to run in, too. OPTIONS: more of external_ids."""
        super().__init__(switch.dir, ["ip", "netns", "exec", switch.net.full("sw")])
        self.central = central
        self.switch = switch
        self.name = name
        netdev = "external_ids:ovn-bridge-datapath-type=netdev" if isinstance(switch, Reference) else ""
        switch.vsctl(f"set open_vswitch . external_ids:system-id={name} external_ids:hostname={name} "
                     f"external_ids:ovn-remote=unix:{central.dir}/sb.sock external_ids:ovn-encap-type=geneve "
                     f"external_ids:ovn-encap-ip={encap_ip} {netdev} {options}")
        self.start_controller()

    def start_controller(self):
        self.run("ovn-controller", f"unix:{self.dir}/db.sock", "--no-chdir", "--pidfile", "--log-file", "--detach")

    def stop_controller(self, sig=signal.SIGTERM):
        self.end("ovn-controller", sig)

    def ask(self, *argv):
        return self.run("ovn-appctl", "-t", "ovn-controller", *argv)

    def log(self):
        path = self.dir / "ovn-controller.log"
        return path.read_text() if path.exists() else ""

    def complaints(self):
        """What ovn-controller warns of, or an error of the switch, but for connections that ended."""
        return [line for line in self.log().splitlines()
                if re.search(r"\|(WARN|ERR|EMER)\||OFPT_ERROR", line)
                and not re.search(r"connection (dropped|attempt failed)|receive error|connection failed", line)]

    def bind(self, logical, device):
        """DEVICE, which is there, becomes the LOGICAL port."""
        self.switch.vsctl(f"add-port br-int {device} -- set interface {device} external_ids:iface-id={logical}")

    def openflow(self, *argv):
        return self.switch.command("ovs-ofctl", "-O", "OpenFlow15", *argv).stdout

    def port_numbers(self, bridge="br-int"):
        text = self.switch.vsctl("--columns=name,ofport --format=csv --no-headings list interface").stdout
        return {name: number for name, number in (line.split(",") for line in text.replace('"', "").split())}

    def close(self):
        self.stop_controller()


def split(text):
    import shlex
    return shlex.split(text)
