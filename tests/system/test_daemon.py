# SPDX-License-Identifier: Apache-2.0
"""The process around the switch: options, background, pidfile, monitor, signals, log, control socket.

Everything runs in a directory of its own; Debian's ovs-appctl asks, and ours beside it.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build"))
SLUICED = os.path.join(BUILD, "sluiced")
SLUICE = os.path.join(BUILD, "sluice")
APPCTLS = [[SLUICE, "appctl"]] + ([["ovs-appctl"]] if shutil.which("ovs-appctl") else [])


def wait_for(condition, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    pytest.fail(f"still waiting after {seconds} s")


class Daemon:
    def __init__(self, directory):
        self.dir = str(directory)
        self.pids = set()
        self.env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir,
                        OVS_SYSCONFDIR=self.dir)
        self.env.pop("NOTIFY_SOCKET", None)

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, *args, program=SLUICED, **more):
        return subprocess.run([program, "--enable-dummy", "--disable-system", *args], env=self.env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=20, cwd=self.dir, **more)

    def start(self, *args, **more):
        result = self.run("--detach", "--pidfile", "--log-file", *args, **more)
        assert result.returncode == 0, result.stderr
        return self.pid()

    def pid(self):
        with open(self.path("ovs-vswitchd.pid"), encoding="ascii") as pidfile:
            pid = int(pidfile.read())
        self.pids.add(pid)
        return pid

    def call(self, *args, command=APPCTLS[0]):
        return subprocess.run([*command, *args], env=self.env, text=True, capture_output=True, timeout=20)

    def ask(self, *args):
        result = self.call(*args)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def log(self):
        with open(self.path("ovs-vswitchd.log"), encoding="utf-8") as log:
            return log.read()

    def leftovers(self):
        """What a daemon that has ended should not have left."""
        return set(os.listdir(self.dir)) - {"ovs-vswitchd.log", "conf.db", ".conf.db.~lock~"}

    def stop(self):
        try:
            self.pid()
        except (FileNotFoundError, ValueError):  # it has ended, or ends now
            pass
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def daemon(tmp_path):
    made = Daemon(tmp_path)
    yield made
    made.stop()


# Options.

@pytest.mark.parametrize("args, error", [
    (["--foo"], "unrecognized option '--foo'"),
    (["--detach=1"], "option '--detach' doesn't allow an argument"),
    (["-q"], "invalid option -- 'q'"),
    (["a", "b"], "at most one non-option argument accepted; use --help for usage"),
    (["-vnobody:dbg"], 'processing "nobody:dbg": no destination, level, or module "nobody"'),
    (["--enable-dummy=x"], 'x: unknown dummy level, expected "override" or "system" or none'),
    (["--user=nosuch:root"], "--user: user nosuch not found"),
    (["--user=:nosuch"], "--user: group nosuch not found"),
    (["--syslog-method=x"], "unsupported syslog method 'x'"),
    (["--db=nowhere"], "database nowhere: unknown connection method, expected unix:FILE, tcp:HOST[:PORT] or "
                       "ssl:HOST[:PORT]"),
    (["--pidfile=/nonexistent/p"], "/nonexistent/p.tmp: create failed (No such file or directory)"),
    (["--detach", "--pidfile=/nonexistent/p"], "/nonexistent/p.tmp: create failed (No such file or directory)"),
    (["--log-file=/nonexistent/l"], "failed to open /nonexistent/l for logging: No such file or directory"),
    (["--unixctl=/nonexistent/c"], "/nonexistent/c: could not initialize control socket (No such file or directory)"),
    (["--detach", "--monitor", "--unixctl=/nonexistent/c"],
     "/nonexistent/c: could not initialize control socket (No such file or directory)"),
])
def test_wrong_options_give_one_clear_line(daemon, args, error):
    result = daemon.run(*args)
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if "|INFO|" not in line]
    assert lines == ["sluiced: " + error]
    assert not daemon.leftovers()


def test_run_directory(daemon):
    daemon.env["OVS_RUNDIR"] = "/nonexistent/run"
    result = daemon.run()
    assert result.returncode == 1
    assert result.stderr == ("sluiced: cannot make the run directory /nonexistent/run: No such file or directory (set "
                             "OVS_RUNDIR to a directory that may be written to)\n")


def locked(path):
    """Somebody else has the database open."""
    import fcntl
    lock = open(os.path.join(os.path.dirname(path), ".conf.db.~lock~"), "w")
    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def garbage(path):
    with open(path, "w", encoding="ascii") as database:
        database.write("garbage\n")


@pytest.mark.parametrize("directory, prepare, error", [
    ("", garbage, "ovsdb error: DB: unexpected file format"),
    ("", os.mkdir, "I/O error: DB: open failed (Is a directory)"),
    ("", locked, "I/O error: DB: failed to lock lockfile (Resource temporarily unavailable)"),
    ("nowhere", None, "I/O error: DB: create failed (No such file or directory)"),
], ids=["damaged", "directory", "locked", "nowhere"])
@pytest.mark.parametrize("background", [[], ["--detach", "--pidfile"], ["--detach", "--monitor", "--pidfile"]],
                         ids=["here", "detached", "monitored"])
def test_databases_that_cannot_be_opened(daemon, directory, prepare, error, background):
    daemon.env["OVS_DBDIR"] = os.path.join(daemon.dir, directory).rstrip("/")
    database = os.path.join(daemon.env["OVS_DBDIR"], "conf.db")
    held = prepare and prepare(database)
    result = daemon.run(*background)
    if held:
        held.close()
    lines = [line for line in result.stderr.splitlines() if "|WARN|" not in line and "|INFO|" not in line]
    assert lines == ["sluiced: " + error.replace("DB", database)]
    assert result.returncode == 1
    assert not daemon.leftovers()


def test_help_and_version(daemon):
    assert daemon.run("--version").stdout.startswith("sluiced (Open vSwitch) ")
    text = daemon.run("--help").stdout
    for option in ("--detach", "--no-chdir", "--pidfile[=FILE]", "--log-file[=FILE]", "--monitor",
                   "-v, --verbose[=SPEC]", "--syslog-target=HOST:PORT", "--unixctl=SOCKET", "-V, --version", "-h, --help",
                   "--enable-dummy[=override|system]", "--disable-system", "--disable-system-route", "--db=REMOTE",
                   "-p, --private-key=FILE"):
        assert option in text
    os.symlink(SLUICED, daemon.path("ovs-vswitchd"))
    assert daemon.run("--version", program=daemon.path("ovs-vswitchd")).stdout.startswith("ovs-vswitchd (Open vSwitch) ")


# The control socket, asked by ours and by Debian's.

@pytest.mark.parametrize("appctl", APPCTLS, ids=lambda command: command[0].rsplit("/", 1)[-1])
def test_control_socket(daemon, appctl):
    pid = daemon.start()
    for args, status, out, err in [
        (["version"], 0, "ovs-vswitchd (Open vSwitch) 3.1.0\nSluice 0.1.0\n", ""),
        (["time/stop"], 0, "", ""),
        (["time/warp", "1000", "100"], 0, "warped\n", ""),
        (["memory/show"], 0, None, ""),
        (["vlog/set", "file:console"], 2, "", "cannot specify multiple destinations\n"),
        (["nope"], 2, "", '"nope" is not a valid command (use "list-commands" to see a list of valid commands)\n'),
        (["version", "1"], 2, "", '"version" command takes at most 0 arguments\n'),
        (["coverage/read-counter"], 2, "", '"coverage/read-counter" command requires at least 1 arguments\n'),
        (["-t", daemon.path(f"ovs-vswitchd.{pid}.ctl"), "vlog/set", "info"], 0, "", ""),
    ]:
        result = daemon.call(*args, command=appctl)
        assert result.returncode == status, args
        assert out is None or result.stdout == out
        assert result.stderr == (err + "ovs-appctl: ovs-vswitchd: server returned an error\n" if err else "")
    commands = daemon.call("list-commands", command=appctl).stdout
    assert commands.startswith("The available commands are:\n")
    assert "  exit                    [--cleanup]\n" in commands
    levels = daemon.call("vlog/list", command=appctl).stdout.splitlines()
    assert levels[0] == "                 console    syslog    file"
    assert all(re.fullmatch(r"\S+ +(OFF|EMER|ERR|WARN|INFO|DBG) +(OFF|EMER|ERR|WARN|INFO|DBG) +"
                            r"(OFF|EMER|ERR|WARN|INFO|DBG)", line) for line in levels[2:])
    assert daemon.call("exit", command=appctl).returncode == 0
    wait_for(lambda: not is_alive(pid))
    assert not daemon.leftovers()


@pytest.mark.skipif(len(APPCTLS) < 2, reason="no reference here")
@pytest.mark.parametrize("args", [
    [], ["--foo"], ["-T", "abc", "version"], ["-T", "-1", "version"], ["-t", "/nonexistent", "-vconsole:off", "version"],
    ["-t", "nobody", "-vconsole:off", "version"], ["-vx", "version"],
], ids=" ".join)
def test_appctl_fails_as_the_reference(daemon, args):
    ours, theirs = (daemon.call(*args, command=command) for command in APPCTLS)
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr)


def test_appctl_times_out(daemon):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(daemon.path("deaf"))
    listener.listen()
    assert daemon.call("-T", "1", "-t", daemon.path("deaf"), "version").returncode == -signal.SIGALRM


def test_bad_requests(daemon):
    pid = daemon.start()
    for text in (b"garbage", b'{"id":null,"method":"version","params":[]}', b'{"method":[]}', b"[" * 2000):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        client.connect(daemon.path(f"ovs-vswitchd.{pid}.ctl"))
        client.sendall(text)
        try:
            assert client.recv(1000) == b""
        except ConnectionResetError:
            pass
    client = socket.socket(socket.AF_UNIX)
    client.connect(daemon.path(f"ovs-vswitchd.{pid}.ctl"))
    client.sendall(b'{"id":[7],"method":"version","params":[1]}')
    assert json.loads(client.recv(1000)) == {
        "id": [7], "result": None, "error": '"version" command has non-string argument\n'}
    assert daemon.ask("version")


def test_unixctl(daemon):
    daemon.start("--unixctl=my.ctl")
    assert daemon.ask("-t", daemon.path("my.ctl"), "version")
    daemon.ask("-t", daemon.path("my.ctl"), "exit")


# The pidfile.

def test_pidfile_is_locked(daemon):
    pid = daemon.start()
    result = daemon.run("--pidfile")
    assert result.returncode == 1
    assert result.stderr == f"sluiced: {daemon.path('ovs-vswitchd.pid')}: already running as pid {pid}, aborting\n"
    assert daemon.ask("version")


def test_overwrite_pidfile(daemon):
    first = daemon.start()
    os.mkdir(daemon.path("other"))
    daemon.env["OVS_DBDIR"] = daemon.path("other")  # the first one's database is taken
    second = daemon.start("--overwrite-pidfile")
    assert second != first
    os.kill(first, signal.SIGTERM)
    wait_for(lambda: not is_alive(first))
    assert daemon.pid() == second  # the first one left the file that was no longer its own
    assert daemon.ask("version")


def test_kill_9_leaves_nothing_in_the_way(daemon):
    pid = daemon.start("--unixctl=fixed.ctl")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid))
    assert {"fixed.ctl", "ovs-vswitchd.pid"} <= set(os.listdir(daemon.dir))
    result = daemon.call("version")
    assert (result.returncode, result.stderr) == (
        1, f'ovs-appctl: cannot read pidfile "{daemon.path("ovs-vswitchd.pid")}" (No such process)\n')
    assert daemon.start("--unixctl=fixed.ctl") != pid
    assert daemon.ask("-t", daemon.path("fixed.ctl"), "version")


def test_living_socket_is_left_alone(daemon):
    daemon.start("--unixctl=fixed.ctl")
    result = daemon.run("--unixctl=fixed.ctl")
    assert result.returncode == 1
    assert result.stderr == (f"sluiced: {daemon.path('fixed.ctl')}: could not initialize control socket (another process "
                             "is listening there)\n")
    assert daemon.ask("-t", daemon.path("fixed.ctl"), "version")


def test_no_socket_in_the_place_of_something_else(daemon):
    os.mkdir(daemon.path("fixed.ctl"))
    result = daemon.run("--unixctl=fixed.ctl")
    assert result.returncode == 1
    assert result.stderr == f"sluiced: {daemon.path('fixed.ctl')}: could not initialize control socket (File exists)\n"


# Background, monitor, signals, systemd.

def test_detaches(daemon):
    pid = daemon.start()
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        assert int(stat.read().rsplit(")", 1)[1].split()[3]) != os.getsid(0)


def test_no_chdir(daemon):
    pid = daemon.start("--no-chdir")
    assert os.readlink(f"/proc/{pid}/cwd") == daemon.dir


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


def test_monitor_restarts_after_a_crash(daemon):
    pid = daemon.start("--monitor")
    monitor = parent_of(pid)
    with open(f"/proc/{monitor}/cmdline", "rb") as cmdline:
        assert cmdline.read().rstrip(b"\0").decode() == f"ovs-vswitchd: monitoring pid {pid} (healthy)"
    os.kill(pid, signal.SIGSEGV)
    second = wait_for(lambda: os.path.exists(daemon.path("ovs-vswitchd.pid")) and daemon.pid() != pid and daemon.pid())
    assert parent_of(second) == monitor
    wait_for(lambda: daemon.call("version").returncode == 0)
    assert re.search(rf"\|daemon_unix\(monitor\)\|ERR\|1 crashes: pid {pid} died, killed \(Segmentation fault\)"
                     r"(, core dumped)?, restarting\n", daemon.log())
    daemon.ask("exit")
    wait_for(lambda: not is_alive(monitor))
    assert f"|daemon_unix(monitor)|INFO|pid {second} died, exit status 0, exiting\n" in daemon.log()


def test_monitor_ends_with_the_daemon(daemon):
    pid = daemon.start("--monitor")
    monitor = parent_of(pid)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(monitor))
    assert f"|INFO|pid {pid} died, killed (Killed), exiting\n" in daemon.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_on_signals(daemon, number):
    process = subprocess.Popen([SLUICED, "--enable-dummy", "--disable-system", "--pidfile", "--log-file",
                                "-vconsole:off"], env=daemon.env)
    wait_for(lambda: os.path.exists(daemon.path("ovs-vswitchd.pid")) and daemon.call("version").returncode == 0)
    process.send_signal(number)
    assert process.wait(10) == -number
    assert f"|WARN|terminating with signal {int(number)} ({signal.strsignal(number)})\n" in daemon.log()
    assert not daemon.leftovers()


def test_tells_systemd(daemon):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(daemon.path("notify"))
    listener.settimeout(5)
    daemon.env["NOTIFY_SOCKET"] = daemon.path("notify")
    pid = daemon.start()
    assert listener.recv(1000).decode() == f"READY=1\nMAINPID={pid}\n"
    daemon.ask("exit")
    assert listener.recv(1000).decode() == f"STOPPING=1\nMAINPID={pid}\n"


# The log.

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\|\d{5}\|[a-z_0-9]+(\([^)]*\))?\|(EMER|ERR|WARN|INFO|DBG)\|.*")


def test_log_file(daemon):
    pid = daemon.start()
    lines = daemon.log().splitlines()
    assert lines and all(LINE.fullmatch(line) for line in lines)
    assert not [line for line in lines if "|WARN|" in line or "|ERR|" in line]
    assert lines[0].endswith(f"|00001|vlog|INFO|opened log file {daemon.path('ovs-vswitchd.log')}")
    for reopen in (lambda: os.kill(pid, signal.SIGHUP), lambda: daemon.ask("vlog/reopen")):
        os.rename(daemon.path("ovs-vswitchd.log"), daemon.path("old.log"))
        reopen()
        wait_for(lambda: os.path.exists(daemon.path("ovs-vswitchd.log")))
        wait_for(lambda: "|vlog|INFO|opened log file " in daemon.log())
        with open(daemon.path("old.log"), encoding="utf-8") as old:
            assert "|vlog|INFO|closing log file\n" in old.read()
    daemon.ask("vlog/close")
    daemon.ask("vlog/set", "file:dbg")
    size = os.path.getsize(daemon.path("ovs-vswitchd.log"))
    daemon.ask("version")
    assert os.path.getsize(daemon.path("ovs-vswitchd.log")) == size


def test_patterns(daemon):
    daemon.start("-vPATTERN:file:%c|%p|%N|%m|%A|%t", "-vfile:dbg")
    assert "vlog|INFO|1|opened log file " in daemon.log() or "|vlog|INFO|" in daemon.log()
    assert re.search(r"^unixctl\|DBG\|\d+\|received request version\[\], id=0\|ovs-vswitchd\|main$",
                     daemon.ask("version") and daemon.log(), re.M)
    assert "FILE     none                              %c|%p|%N|%m|%A|%t\n" in daemon.ask("vlog/list-pattern")


def test_syslog_targets(daemon):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(5)
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    unix.bind(daemon.path("log"))
    unix.settimeout(5)
    daemon.start(f"--syslog-method=unix:{daemon.path('log')}", f"--syslog-target=127.0.0.1:{udp.getsockname()[1]}",
                 "-vFACILITY:daemon")
    for server in (udp, unix):
        assert re.fullmatch(r"<30>ovs\|00001\|vlog\|INFO\|opened log file .*", server.recv(1000).decode())
