# SPDX-License-Identifier: Apache-2.0
"""A private instance of Debian's Open vSwitch on dummy devices, and the probe beside this file."""
import atexit, json, os, shutil, socket, subprocess, tempfile

VSWITCHD = "/usr/lib/openvswitch-switch/ovs-vswitchd"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class Reference:
    """Bridge br0 of a dummy datapath with ports p1 to p3."""

    def __init__(self, *bridge_settings):
        self.dir = tempfile.mkdtemp(prefix="sluice-flow-")
        self.env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir,
                        OVS_SYSCONFDIR=self.dir)
        atexit.register(self.stop)
        db = self.dir + "/conf.db"
        self.run("ovsdb-tool", "create", db, SCHEMA)
        self.run("ovsdb-server", "--remote=punix:%s/db.sock" % self.dir, "--pidfile", "--detach",
                 "--log-file", db)
        self.run("ovs-vsctl", "--no-wait", "init")
        self.run(VSWITCHD, "--enable-dummy", "--disable-system", "unix:%s/db.sock" % self.dir, "--pidfile",
                 "--detach", "--log-file")
        args = ["ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy",
                "fail_mode=secure", *bridge_settings]
        for i in (1, 2, 3):
            args += ["--", "add-port", "br0", "p%d" % i, "--", "set", "interface", "p%d" % i, "type=dummy",
                     "ofport_request=%d" % i]
        self.run(*args)
        pid = open(self.dir + "/ovs-vswitchd.pid").read().strip()
        self.ctl = "%s/ovs-vswitchd.%s.ctl" % (self.dir, pid)
        self.sock = None

    def run(self, *args):
        return subprocess.run(args, env=self.env, check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout

    def appctl(self, *args):
        """The reply, or the error text, of a control command. The connection stays."""
        if not self.sock:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(self.ctl)
            self.decoder, self.buffer = json.JSONDecoder(), ""
        self.sock.sendall(json.dumps({"id": 0, "method": args[0], "params": list(args[1:])}).encode())
        while True:
            try:
                reply, end = self.decoder.raw_decode(self.buffer)
                self.buffer = self.buffer[end:]
                return reply["error"] if reply["error"] is not None else reply["result"]
            except ValueError:
                data = self.sock.recv(65536)
                if not data:
                    raise RuntimeError("the reference went away")
                self.buffer += data.decode()

    def stop(self):
        if os.path.isdir(self.dir):
            for f in os.listdir(self.dir):
                if f.endswith(".ctl"):
                    subprocess.run(["ovs-appctl", "-t", self.dir + "/" + f, "exit"], env=self.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            shutil.rmtree(self.dir, ignore_errors=True)


class Probe:
    def __init__(self, path):
        self.proc = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command, arg):
        self.proc.stdin.write("%s %s\n" % (command, arg))
        self.proc.stdin.flush()
        return self.proc.stdout.readline().rstrip("\n")
