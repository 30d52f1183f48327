"""`spaces exec`: commands in started NATIVE instances."""
import fcntl
import hashlib
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

import pytest
from conftest import BIN, DEADLINE, free_port, is_alive, text_of, until
from native import SLEEPER, error, native_deploy, process_of, processes_of, state, wait_space
from test_native_sandbox import LESS, add_zhost_by

FACTS = """
    id -u; id -g; id -G
    readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/user /proc/self/root
    pwd
    cat /proc/self/cgroup /proc/self/mountinfo
    ulimit -a
    grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups)' /proc/self/status
    env | grep -Ev '^(SAMOZA_RECIPE|_|OLDPWD|TERM)=' | sort
"""


@pytest.fixture
def x(sweep_groups, start_cluster, monkeypatch):
    """One zhost that allows commands, with an instance `run/p`."""
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    cluster = start_cluster(zhosts=("edge-node-1",))
    native_deploy(cluster, "run", [{"name": "p", "run": {"mode": "foreground"}}],
                  {"p/recipes/start": SLEEPER.format(300001)})
    return cluster


def command(cluster, *words):
    return [str(BIN / "zshell"), "--api", cluster.url, "spaces", "exec", *words]


def execute(cluster, *words, data=b"", timeout=60):
    return subprocess.run(command(cluster, *words), input=data, capture_output=True,
                          timeout=timeout, check=False)


def begin(cluster, *words, **options):
    """Its output is not read ahead: whether there is more is asked of the kernel."""
    return subprocess.Popen(command(cluster, *words), stdin=subprocess.PIPE, bufsize=0,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def sh(cluster, script, *options, **more):
    return execute(cluster, *options, "run/p", "--", "sh", "-c", script, **more)


def wait_line(process, line):
    """Reads its output up to that line."""
    while True:
        assert select.select([process.stdout], [], [], DEADLINE)[0], f"no {line!r}"
        got = process.stdout.readline()
        if got.strip() == line:
            return
        assert got, process.stderr.read()


def gone(words):
    until(lambda: processes_of(words) == [], f"no process has {words}")


def test_the_exit_status_is_that_of_the_command_and_both_outputs_are_apart(x):
    done = sh(x, "echo to the output; echo to the errors >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"to the output\n", b"to the errors\n")
    assert sh(x, "true").returncode == 0
    assert sh(x, "kill -KILL $$").returncode == 128 + signal.SIGKILL
    assert sh(x, "kill -TERM $$").returncode == 128 + signal.SIGTERM
    none = execute(x, "run/p", "--", "no-such-program")
    assert none.returncode == 127
    assert b"cannot run no-such-program: there is no such program in its PATH" in none.stderr
    data = execute(x, "run/p", "--", "/etc/passwd")
    assert data.returncode == 126 and b"/etc/passwd: it is not executable" in data.stderr
    assert execute(x, "run/p").returncode == 2
    # Options after -- are the command's.
    assert execute(x, "run/p", "--", "echo", "-i", "--", "-t").stdout == b"-i -- -t\n"
    until(lambda: state(x, "run", "p") == "deployed-started", "it runs on")


def test_ten_mebibytes_pass_both_ways_unchanged(x):
    data = os.urandom(10 * 1024 * 1024)
    echo = execute(x, "-i", "run/p", "--", "cat", data=data)
    assert echo.returncode == 0, echo.stderr
    assert hashlib.sha256(echo.stdout).digest() == hashlib.sha256(data).digest()
    both = execute(x, "-i", "run/p", "--", "sh", "-c", "tee /dev/stderr", data=data)
    assert both.stdout == data and both.stderr == data
    one = execute(x, "-i", "run/p", "--", "sha256sum", data=data)
    assert one.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()
    # Without -i there is no input, and a command that reads none of it ends all the same.
    assert sh(x, "wc -c", data=data).stdout.strip() == b"0"
    assert sh(x, "echo done", "-i", data=data).stdout == b"done\n"


def test_a_command_runs_in_the_surroundings_of_its_instance(x, start_cluster):
    native_deploy(x, "twin", [{"name": "p", "run": {"mode": "foreground"},
                               "exports": {"ip": None, "port": None}}], {
        "p/recipes/start": f"#!/bin/sh\n({FACTS}) > being-written\nmv being-written facts\nexec sleep 300002\n"})
    until(lambda: execute(x, "twin/p", "--", "test", "-s", "facts").returncode == 0, "facts are there")
    own = execute(x, "twin/p", "--", "cat", "facts").stdout.decode()
    seen = execute(x, "twin/p", "--", "sh", "-c", FACTS).stdout.decode()
    assert seen == own and "SAMOZA_EXPORT_port" in seen
    assert "Seccomp:\t2" in seen and "CapEff:\t0000000000000000" in seen
    # Nothing but its own three descriptors, and no way to more.
    assert execute(x, "twin/p", "--", "ls", "/proc/self/fd").stdout.split() == [b"0", b"1", b"2", b"3"]
    for refused in (["mount", "-t", "tmpfs", "none", "/tmp"], ["unshare", "-U", "true"],
                    ["touch", "/etc/here"], ["ls", str(x.directory)], ["cat", "/etc/shadow"]):
        assert execute(x, "twin/p", "--", *refused).returncode != 0, refused
    groups = execute(x, "twin/p", "--", "cat", "/proc/self/cgroup").stdout
    pid = process_of("sleep 300002")
    assert groups == pathlib.Path(f"/proc/{pid}/cgroup").read_bytes()


def test_what_cannot_run_commands_is_refused_with_the_reason(x, start_cluster, monkeypatch):
    x.deploy("pages", [{"name": "page", "type": "UI"}, {"name": "wasm", "type": "IO"}])
    for path, kind in (("pages/page", b"UI"), ("pages/wasm", b"IO")):
        done = execute(x, path, "--", "true")
        assert done.returncode == 1
        assert b"it is a %s space, and only NATIVE spaces run programs" % kind in done.stderr
    assert b"nobody" in execute(x, "nobody/p", "--", "true").stderr
    assert execute(x, "run/q", "--", "true").returncode == 1
    x.zshell("spaces", "stop", "run/p")
    wait_space(x, "run", "p", "deployed-stopped")
    done = execute(x, "run/p", "--", "true")
    assert done.returncode == 1
    assert b"it is deployed-stopped, not deployed-started" in done.stderr
    x.zrms.kill()
    assert execute(x, "run/p", "--", "true").returncode == 3
    # Off by default.
    monkeypatch.delenv("ZHOST_ALLOW_EXEC")
    closed = start_cluster(zhosts=("edge-node-1",))
    native_deploy(closed, "run", [{"name": "p", "run": {"mode": "foreground"}}],
                  {"p/recipes/start": SLEEPER.format(300003)})
    done = execute(closed, "run/p", "--", "touch", "was-here")
    assert done.returncode == 1
    assert b"commands are not allowed on zhost edge-node-1: start it with --allow-exec" in done.stderr
    assert not [e for e in closed.events() if e["kind"] == "exec"]


def counted(url, name):
    return int(re.search(rf"^{name} (\d+)$", text_of(f"{url}/metrics"), re.M).group(1))


def test_commands_are_counted(x):
    zhost = x.zedge("edge-node-1")
    waiting = begin(x, "-i", "run/p", "--", "sh", "-c", "echo is there; cat")
    wait_line(waiting, b"is there")
    assert counted(x.url, "zrms_exec_sessions") == counted(zhost, "zhost_exec_sessions") == 1
    waiting.communicate(b"twelve bytes", timeout=DEADLINE)
    until(lambda: counted(x.url, "zrms_exec_sessions") == 0, "the session has ended")
    until(lambda: counted(zhost, "zhost_exec_sessions") == 0, "so it has at the zhost")
    assert counted(x.url, "zrms_exec_opened_total") == counted(zhost, "zhost_exec_started_total") == 1
    assert counted(x.url, "zrms_exec_input_bytes_total") == 12
    assert counted(x.url, "zrms_exec_output_bytes_total") == len("is there\ntwelve bytes")
    assert execute(x, "run/p", "--", "no-such-program").returncode == 127
    until(lambda: counted(zhost, "zhost_exec_refused_total") == 1, "it is counted as refused")


def test_the_first_word_of_a_command_is_an_event_and_no_other(x):
    sh(x, "echo secret-word")
    event, = [e for e in x.events() if e["kind"] == "exec"]
    assert event["subject"] == "run/p" and event["to"] == "edge-node-1"
    assert event["cause"] == "'sh' run by operator" and "secret-word" not in str(event)
    assert "'sh' run by operator" in x.zshell("topo", "events", "run").stdout


def test_ctrl_c_interrupts_the_command_at_the_other_end(x):
    p = begin(x, "run/p", "--", "sh", "-c", "echo on; exec sleep 300004")
    wait_line(p, b"on")
    p.send_signal(signal.SIGINT)
    assert p.wait(DEADLINE) == 128 + signal.SIGINT
    gone("sleep 300004")
    # A command may take it as it likes; a second one leaves it, and ends it.
    p = begin(x, "run/p", "--", "sh", "-c",
              "trap 'echo heard' INT; echo on; while true; do sleep 300005; done")
    wait_line(p, b"on")
    # A shell runs a trap when the command in its foreground has ended: that has to be there.
    until(lambda: "sleep 300005" in [line.strip() for _, line in processes_of("sleep 300005")],
          "the shell waits for its command")
    p.send_signal(signal.SIGINT)
    wait_line(p, b"heard")
    p.send_signal(signal.SIGINT)
    assert p.wait(DEADLINE) == 128 + signal.SIGINT
    gone("sleep 300005")


PIPE = 65536


def waiting_in(pipe):
    """Bytes that nobody has read."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


def test_who_reads_slowly_gets_all_of_it_and_the_status(x):
    """The window takes all, so that the command ends, and zshell has still to write it, and says meanwhile how far it is."""
    zhost = x.zedge("edge-node-1")
    p = begin(x, "run/p", "--", "sh", "-c", "head -c 130000 /dev/zero; exit 7", pipesize=4096)
    until(lambda: waiting_in(p.stdout) and counted(zhost, "zhost_exec_sessions") == 0, "the command has ended")
    assert counted(x.url, "zrms_exec_sessions") == 1
    output, errors = p.communicate(timeout=DEADLINE)
    assert (p.returncode, len(output), errors) == (7, 130000, b"")


def test_ctrl_c_is_heard_while_what_reads_the_output_does_not(x):
    p = begin(x, "run/p", "--", "sh", "-c", "exec head -c 300016000000000 /dev/zero")
    assert select.select([p.stdout], [], [], DEADLINE)[0]

    until(lambda: waiting_in(p.stdout) > PIPE - 4096, "zshell waits for its reader")
    p.send_signal(signal.SIGINT)
    until(lambda: [line for _, line in processes_of("head -c 300016") if "zshell" not in line] == [],
          "the command has ended")
    p.communicate(timeout=DEADLINE)  # what was on its way
    assert p.returncode == 128 + signal.SIGINT


def test_nothing_is_left_running_when_the_client_goes(x):
    script = ("trap '' HUP TERM INT; (setsid sleep 300006 &); sleep 300007 & echo on; "
              "while true; do sleep 300008; done")
    p = begin(x, "-i", "run/p", "--", "sh", "-c", script)
    wait_line(p, b"on")
    until(lambda: processes_of("sleep 300006") and processes_of("sleep 300007"), "both run")
    p.kill()
    for words in ("sleep 300006", "sleep 300007", "sleep 300008"):
        gone(words)
    # What a command leaves behind ends with it, too.
    assert sh(x, "(setsid sleep 300009 &); exit 3").returncode == 3
    gone("sleep 300009")
    assert processes_of("sleep 300001"), "the instance runs on"
    assert state(x, "run", "p") == "deployed-started"


def test_the_end_of_the_instance_ends_the_command(x):
    p = begin(x, "run/p", "--", "sh", "-c", "trap '' TERM HUP; echo on; while true; do sleep 300010; done")
    wait_line(p, b"on")
    x.zshell("spaces", "stop", "run/p")
    assert p.wait(DEADLINE) == 1
    assert b"its instance has stopped" in p.stderr.read()
    gone("sleep 300010")
    wait_space(x, "run", "p", "deployed-stopped")


def test_the_end_of_zrms_ends_the_command_with_a_message(x):
    p = begin(x, "run/p", "--", "sh", "-c", "echo on; exec sleep 300011")
    wait_line(p, b"on")
    x.zrms.kill()
    assert p.wait(DEADLINE) == 3
    assert b"lost the connection to zrms" in p.stderr.read()
    gone("sleep 300011")
    x.start_zrms()
    until(lambda: sh(x, "echo again").stdout == b"again\n", "commands run again")
    p = begin(x, "run/p", "--", "sh", "-c", "echo on; exec sleep 300012")
    wait_line(p, b"on")
    x.zrms.kill(signal.SIGTERM)
    assert p.wait(DEADLINE) == 1
    assert b"zrms is shutting down" in p.stderr.read()
    gone("sleep 300012")


def test_a_new_zhost_ends_the_commands_of_the_one_before(x):
    for number in (signal.SIGKILL, signal.SIGTERM):
        p = begin(x, "run/p", "--", "sh", "-c", "trap '' HUP; echo on; while true; do sleep 300013; done")
        wait_line(p, b"on")
        x.zhosts["edge-node-1"].kill(number)
        assert p.wait(DEADLINE) == 1
        assert b"the connection with zhost edge-node-1 was lost" in p.stderr.read()
        gone("sleep 300013")
        x.zhosts["edge-node-1"].start()
        x.wait_zhost("edge-node-1", "deployed-started")
        until(lambda: sh(x, "echo again").stdout == b"again\n", "commands run again")
    assert processes_of("sleep 300001"), "the instance has run on"


def test_a_reader_that_does_not_read_holds_up_nobody_else(x):
    slow = begin(x, "run/p", "--", "head", "-c", "300017000000000", "/dev/zero")
    assert select.select([slow.stdout], [], [], DEADLINE)[0]
    # It is held at its window: the command is asleep in its write, and heartbeats and others pass.
    pid, = [pid for pid, line in processes_of("head -c 300017") if "zshell" not in line]
    for _ in range(5):
        assert sh(x, "echo quick").stdout == b"quick\n"
    before = pathlib.Path(f"/proc/{pid}/io").read_text().split("wchar: ")[1].split()[0]
    assert int(before) < 2 * 1024 * 1024
    for daemon in (x.zrms, x.zhosts["edge-node-1"]):
        text = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
        assert int(text.split("VmRSS:")[1].split()[0]) < 131072
    assert x.get("/v1/zhosts/edge-node-1")["state"] == "deployed-started"
    slow.kill()
    gone("head -c 300017")


def test_sessions_are_bounded_and_idle_ones_stay(x):
    held = []
    for _ in range(8):
        p = begin(x, "-i", "run/p", "--", "sh", "-c", "echo on; cat")
        wait_line(p, b"on")
        held.append(p)
    ninth = sh(x, "true")
    assert ninth.returncode == 1
    assert b"as many commands run in this instance as may at the same time" in ninth.stderr
    for p in held:
        out, _ = p.communicate(b"still here\n", DEADLINE)
        assert out == b"still here\n" and p.returncode == 0
    assert sh(x, "true").returncode == 0


class Terminal:
    """zshell on a terminal of its own."""

    def __init__(self, cluster, *words, rows=33, columns=77):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "vt100"
            line = command(cluster, *words)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execv(line[0], line)
        self.text = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text)

    def type_and_see(self, text, words):
        """Whether `words` have come, soon after `text` or before."""
        self.type(text)
        if select.select([self.fd], [], [], 0.2)[0]:
            self.text += os.read(self.fd, 4096)
        return words in self.text

    def expect(self, words):
        end = time.monotonic() + DEADLINE
        while words not in self.text:
            assert select.select([self.fd], [], [], max(0, end - time.monotonic()))[0], self.text
            try:
                self.text += os.read(self.fd, 4096)
            except OSError:
                break
        assert words in self.text, self.text
        self.text = self.text.split(words, 1)[1]

    def wait(self):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.02)[0]:
                try:
                    self.text += os.read(self.fd, 4096)
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"it has not ended: {self.text}")


def test_a_terminal_has_the_size_of_the_callers_and_follows_it(x):
    t = Terminal(x, "-i", "-t", "run/p", "--", "sh")
    t.type(b"stty size; echo $TERM; test -t 0 && test -t 1 && test -t 2 && echo all-three\r")
    t.expect(b"33 77\r\n")
    t.expect(b"vt100\r\n")
    t.expect(b"all-three\r\n")
    t.type(b"trap 'stty size' WINCH; echo trap''ped\r")
    t.expect(b"trapped")
    t.resize(50, 132)
    until(lambda: t.type_and_see(b"\r", b"50 132\r\n"), "a line that comes after the new size runs the trap")
    # Ctrl-C is the terminal's business: it interrupts what runs in the shell, not the shell.
    t.type(b"echo in''side; sleep 300014\r")
    t.expect(b"inside")
    until(lambda: processes_of("sleep 300014"), "it sleeps")
    t.type(b"\x03")
    t.type(b"echo after''wards $?\r")
    t.expect(b"afterwards 130")
    t.type(b"tty -s && cat /dev/tty >/dev/null & exit 5\r")
    assert t.wait() == 5


def test_a_terminal_that_hangs_up_ends_its_command(x):
    t = Terminal(x, "-i", "-t", "run/p", "--", "sh", "-c", "echo on; exec sleep 300015")
    t.expect(b"on")
    os.kill(t.pid, signal.SIGKILL)
    assert t.wait() == -signal.SIGKILL
    gone("sleep 300015")
    assert execute(x, "-t", "run/p", "--", "true").returncode == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up rights")
@pytest.mark.parametrize("prefix", [less[1] for less in LESS], ids=[less[0] for less in LESS])
def test_a_zhost_with_fewer_rights_runs_commands_in_the_box_of_the_instance(
        sweep_groups, start_cluster, monkeypatch, prefix):
    # Both may run at the same time.
    service, left, loop = range(300020, 300023) if "--reuid=4321" in prefix else range(300030, 300033)
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    c = start_cluster(zhosts=())
    directory = pathlib.Path(tempfile.mkdtemp(prefix="samoza-e2e-"))
    try:
        directory.chmod(0o755)
        own = directory / "zhost"
        own.mkdir(mode=0o700)
        if "--reuid=4321" in prefix:
            os.chown(own, 4321, 4321)
        add_zhost_by(c, prefix, own)
        native_deploy(c, "run", [{"name": "p", "run": {"mode": "foreground"}, "stop": {"grace": "1s"}}], {
            "p/recipes/start": f"#!/bin/sh\n({FACTS}) > being-written\nmv being-written facts\nexec sleep {service}\n"})
        until(lambda: sh(c, "test -f facts").returncode == 0, "facts are there")
        facts = sh(c, "cat facts").stdout.decode()
        assert sh(c, FACTS).stdout.decode() == facts
        assert "CapEff:\t0000000000000000" in facts and "Seccomp:\t2" in facts
        assert sh(c, "ls /proc/self/fd | wc -l").stdout.strip() == b"4"
        assert sh(c, "touch /etc/here").returncode != 0
        assert sh(c, f"ls {c.directory}").returncode != 0 or "--reuid=4321" in prefix
        p = begin(c, "-i", "run/p", "--", "sh", "-c",
                  f"trap '' HUP; (setsid sleep {left} &); echo on; while true; do sleep {loop}; done")
        wait_line(p, b"on")
        p.kill()
        gone(f"sleep {left}")
        gone(f"sleep {loop}")
        t = Terminal(c, "-i", "-t", "run/p", "--", "sh")
        t.type(b"stty size; test -t 1 && echo termi''nal; exit 4\r")
        t.expect(b"33 77\r\n")
        t.expect(b"terminal")
        assert t.wait() == 4
        assert len(processes_of(f"sleep {service}")) == 1, "the instance runs on"
        c.zshell("topo", "stop", "run")
    finally:
        c.stop()
        shutil.rmtree(directory, ignore_errors=True)


def test_pids_of_commands_are_those_of_the_instance(x):
    inside = sh(x, "ls -d /proc/[0-9]*").stdout.decode().split()
    assert len(inside) < 10 and "/proc/1" in inside
    assert is_alive(x.zhosts["edge-node-1"].pid)


# Listens as soon as the port is free, and until its end.
TAKER = """
import socket, time
print("waits", flush=True)
while True:
    try:
        s = socket.create_server(("127.0.0.1", {port}), reuse_port=False)
        break
    except OSError:
        time.sleep(0.01)
print("listens", flush=True)
while True:
    s.accept()[0].close()
"""

SERVICE = """
    #!/usr/bin/python3
    import pathlib, socket, time
    s = socket.create_server(("127.0.0.1", {port}))
    s.settimeout(0.05)
    while not pathlib.Path("deaf").exists():
        try:
            s.accept()[0].close()
        except TimeoutError:
            pass
    s.close()
    time.sleep(300011)
"""


def test_a_port_of_a_command_is_not_one_of_the_service(x):
    port = free_port()
    check = {"tcp": str(port), "interval": "200ms", "timeout": "2s", "failures": 5}
    native_deploy(x, "deaf", [{"name": "p", "run": {"mode": "foreground"}, "health": check,
                               "ready": {"tcp": str(port)}, "restart": {"attempts": 0}}],
                  {"p/recipes/start": SERVICE.format(port=port)})
    taker = begin(x, "deaf/p", "--", "python3", "-c", TAKER.format(port=port))
    wait_line(taker, b"waits")
    for data in (x.directory / "edge-node-1" / "spaces").glob("*/data"):
        (data / "deaf").write_text("")  # the other instance does not look at it
    wait_line(taker, b"listens")
    until(lambda: x.state("deaf") == "failed", "its health check fails", 60)
    assert (f"port {port}: answered, but no process of this instance listens on it"
            in error(x, "deaf", "p"))
    taker.wait(DEADLINE)
