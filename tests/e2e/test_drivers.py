"""Machines that drivers make: the shipped ones, and ones that fail, hang, lie or die."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess

import pytest
from conftest import BIN, IDLE, run, until
from secure import SecureCluster, needs_an_address
from test_move import space

pytestmark = needs_an_address
SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "drivers"

# Does what ./does says, once; otherwise makes a note of the machine, and nothing more.
FAULTY = f""". {SHIPPED}/driver.sh
echo "$operation $key" >>calls
does=obeys
[ "$operation" = list ] || {{ does=$(cat does 2>/dev/null || echo obeys); rm -f does; }}
case $does in
fails) echo "the shelf is empty" >&2; fail "no machine left" ;;
hangs) echo $$ >pid; sleep 600 & wait ;;
floods) echo $$ >pid; exec cat /dev/zero ;;
dies) kill -9 $$ ;;
babbles) echo "no json"; exit 0 ;;
slow) touch "made-$key"; answer changing ;;
esac
case $operation in
create) touch "made-$key"; env >environment; answer ready ;;
status) if [ -e "made-$key" ]; then answer ready; else answer absent; fi ;;
destroy) rm -f "made-$key"; answer absent ;;
list) printf '{{"machines":[{{"key":"%s"}}]}}\\n' "$(cat stranger 2>/dev/null)" ;;
esac
"""


class Driven(SecureCluster):
    def __init__(self, directory, timeout="20s", **options):
        faulty = pathlib.Path(directory) / "faulty"
        faulty.write_text("#!/bin/sh\n" + FAULTY)
        faulty.chmod(0o755)
        shipped = ",".join(f"{name}={SHIPPED}/{name}" for name in ("local", "command", "ssh"))
        self.kept = pathlib.Path(directory) / "zrms" / "drivers"
        super().__init__(directory, zrms_options=("--drivers", f"faulty={faulty},{shipped}",
                                                  "--driver-timeout", timeout), **options)

    def will(self, what):
        (self.kept / "faulty").mkdir(parents=True, exist_ok=True)
        (self.kept / "faulty" / "does").write_text(what)

    def calls(self):
        return [line.split() for line in (self.kept / "faulty" / "calls").read_text().splitlines()
                if not line.startswith("list")]

    def pid_of_driver(self):
        """Of the one that hangs; its file is there before its content."""
        file = self.kept / "faulty" / "pid"
        return int(until(lambda: file.exists() and file.read_text().strip(), "the driver is at it"))

    def made(self, name):
        return self.get(f"/v1/zhosts/{name}")["made"]

    def wait_step(self, name, step):
        return until(lambda: self.made(name)["step"] == step and self.made(name), f"{name} is {step}")

    def create(self, name, driver, *words, check=True):
        return self.zshell("zhost", "create", name, "--driver", driver, *words, check=check)

    def destroy(self, name, *words, check=True):
        return self.zshell("zhost", "destroy", name, *words, check=check)


@pytest.fixture
def driven(start_cluster):
    return start_cluster(kind=Driven, zhosts=())


def test_the_walk_through_begins_with_the_machine_of_its_tomcat_server(start_cluster):
    c = start_cluster(kind=Driven, zhosts=("core-1",))
    done = c.create("tomcat-1", "local", "--set", "network=shared", "--labels", "pool=tomcat", "--wait=30s")
    assert "Zhost tomcat-1 is running." in done.stdout
    assert {"name": "pool", "value": "tomcat"} in c.get("/v1/zhosts/tomcat-1")["labels"]
    assert "tomcat-1" in c.zshell("zhost", "list").stdout
    # Topology lifecycle, from there on: submitted, placed there by its label, running.
    c.deploy("shop", [space("tomcat", placement={"constraints": ["pool == tomcat"]})], {"tomcat": IDLE})
    assert c.zhost_of("shop", "tomcat") == "tomcat-1"
    refused = c.destroy("tomcat-1", check=False)
    assert refused.returncode != 0 and "1 instance is placed on tomcat-1; ask for a drain" in refused.stderr
    refused = c.zshell("cluster", "rm", "tomcat-1", check=False)
    assert "destroy it instead" in refused.stderr
    # What runs there is placed elsewhere first.
    c.create("tomcat-2", "local", "--set", "network=shared", "--labels", "pool=tomcat", "--wait=30s")
    done = c.destroy("tomcat-1", "--drain", "--wait=30s")
    assert "Zhost tomcat-1 is gone." in done.stdout
    assert c.zhost_of("shop", "tomcat") == "tomcat-2"
    assert c.request("GET", "/v1/zhosts/tomcat-1")[0] == 404
    assert len(list((c.kept / "local").glob("machine-*"))) == 1
    c.create("tomcat-1", "local", "--set", "network=shared", "--wait=30s")  # its name is free
    c.destroy("tomcat-1", "--wait=30s")
    c.zshell("topo", "stop", "shop", "--wait=30s")
    c.destroy("tomcat-2", "--drain", "--wait=30s")
    assert list((c.kept / "local").glob("machine-*")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces")
def test_the_local_driver_gives_a_machine_a_network_of_its_own(driven):
    driven.create("m1", "local", "--wait=30s")
    namespace = pathlib.Path("/run/netns") / f"smz-{driven.made('m1')['key']}"
    try:
        assert namespace.exists()
        assert driven.get("/v1/zhosts/m1")["address"].startswith("10.213.")
    finally:
        driven.destroy("m1", "--wait=30s")
    assert not namespace.exists()


def test_a_driver_that_fails_says_why_and_is_tried_again_with_the_same_key(driven):
    driven.will("fails")
    failed = driven.create("m1", "faulty", "--wait=10s", check=False)
    assert failed.returncode == 1
    assert "create: no machine left: the shelf is empty" in failed.stderr
    view = driven.get("/v1/zhosts/m1")
    assert view["state"] == "not-deployed"
    assert "no machine left" in driven.zshell("cluster", "status", "m1").stdout
    driven.create("m1", "faulty")
    assert driven.wait_step("m1", "awaited")["key"] == view["made"]["key"]
    assert driven.calls() == [["create", view["made"]["key"]]] * 2
    driven.destroy("m1", "--wait=10s")
    assert driven.request("GET", "/v1/zhosts/m1")[0] == 404
    refused = driven.create("m2", "none", check=False)
    assert "there is no driver 'none': expected one of faulty, local, command, ssh" in refused.stderr


@pytest.mark.parametrize("what, words", [("dies", "create: killed by signal 9"),
                                         ("babbles", "create: its answer is no line of JSON")])
def test_a_driver_that_ends_without_an_answer_has_failed(driven, what, words):
    driven.will(what)
    failed = driven.create("m1", "faulty", "--wait=10s", check=False)
    assert failed.returncode == 1 and words in failed.stderr


@pytest.mark.parametrize("what", ["hangs", "floods"])
def test_a_driver_without_end_is_ended_with_all_that_it_has_started(start_cluster, what):
    c = start_cluster(kind=Driven, zhosts=(), timeout="2s")
    c.will(what)
    failed = c.create("m1", "faulty", "--wait=20s", check=False)
    assert failed.returncode == 1 and "create: no answer in 2 s" in failed.stderr
    pid = c.pid_of_driver()
    until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "it is gone")


def test_a_driver_inherits_nothing_and_no_secret_is_shown(driven):
    os.environ["ZRMS_SECRET_OF_TEST"] = "hidden"
    try:
        driven.zrms.kill(signal.SIGTERM)
        driven.start_zrms()
    finally:
        del os.environ["ZRMS_SECRET_OF_TEST"]
    driven.create("m1", "faulty")
    driven.wait_step("m1", "awaited")
    names = {line.split("=")[0] for line in (driven.kept / "faulty" / "environment").read_text().splitlines()}
    assert "ZRMS_SECRET_OF_TEST" not in names and "SAMOZA_BIN" in names
    assert stat.S_IMODE(driven.kept.stat().st_mode) == 0o700
    assert driven.get("/v1/tokens")["tokens"][0]["name"] == "m1"


def test_zrms_killed_in_the_middle_of_a_creation_makes_one_machine(driven):
    driven.will("hangs")
    driven.create("m1", "faulty")
    pid = driven.pid_of_driver()
    key = driven.made("m1")["key"]
    driven.zrms.kill()
    os.killpg(pid, signal.SIGKILL)  # as systemd does; by itself it would go on
    until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "its driver is gone")
    (driven.kept / "faulty" / "pid").unlink()
    driven.start_zrms()
    driven.wait_step("m1", "awaited")
    assert driven.calls() == [["create", key], ["status", key], ["create", key]]
    # And of a destruction; what was done already is not done again.
    driven.will("hangs")
    driven.destroy("m1")
    pid = driven.pid_of_driver()
    driven.zrms.kill()
    os.killpg(pid, signal.SIGKILL)
    driven.start_zrms()
    until(lambda: driven.request("GET", "/v1/zhosts/m1")[0] == 404, "it is gone")
    assert driven.calls()[4:] == [["status", key], ["destroy", key]]
    assert not (driven.kept / "faulty" / f"made-{key}").exists()


def test_the_local_driver_makes_no_second_zhost_when_zrms_is_killed(driven):
    driven.create("m1", "local", "--set", "network=shared")
    driven.zrms.kill()
    driven.start_zrms()
    driven.wait_zhost("m1", "deployed-started")
    assert len(list((driven.kept / "local").glob("machine-*"))) == 1
    driven.destroy("m1", "--wait=30s")
    assert list((driven.kept / "local").glob("machine-*")) == []


def test_a_driver_that_lies_is_found_out(driven):
    driven.create("m1", "local", "--set", "network=shared", "--wait=30s")
    key = driven.made("m1")["key"]
    # It says that the machine is gone, and its zhost goes on.
    marker = driven.kept / "local" / f"machine-{key}"
    pid = (marker / "pid").read_text()
    (marker / "pid").write_text("0")
    failed = driven.destroy("m1", "--wait=30s", check=False)
    assert failed.returncode == 1
    assert "the driver says that it is gone, and its zhost still sends heartbeats" in failed.stderr
    assert driven.get("/v1/zhosts/m1")["state"] == "undeploying"
    os.kill(int(pid), signal.SIGKILL)
    driven.destroy("m1", "--wait=30s")


def test_a_machine_that_nobody_knows_is_said(driven):
    driven.create("m1", "faulty")
    key = driven.wait_step("m1", "awaited")["key"]
    (driven.kept / "faulty" / "stranger").write_text(key.split("-")[0] + "-999")
    driven.zrms.kill()
    driven.start_zrms()
    words = f"it keeps the machine {key.split('-')[0]}-999 of this cluster, which the cluster does not know"
    until(lambda: words in driven.zrms.log.read_text(), "it is said")


def test_the_command_driver_runs_programs_of_the_operator(driven):
    hooks = driven.kept / "command" / "hooks"
    hooks.mkdir(parents=True)
    for name, text in {
            "create": f'read -r ZHOST_JOIN; export ZHOST_JOIN; mkdir -p "$KEY"\n'
                      f'setsid {BIN}/zhost --dir "$PWD/$KEY/zhost" --name "$NAME" --zedge 127.0.0.1:0 '
                      f'</dev/null >/dev/null 2>&1 & echo $! >"$KEY/pid"; echo "$SET_size" >"$KEY/size"',
            "status": '[ -e "$KEY/pid" ] || exit 3',
            "destroy": '[ ! -e "$KEY/pid" ] || kill "$(cat "$KEY/pid")"; rm -rf "$KEY"'}.items():
        (hooks / name).write_text(f"#!/bin/sh\n{text}\n")
        (hooks / name).chmod(0o755)
    driven.create("m1", "command", "--set", "size=small", "--wait=30s")
    key = driven.made("m1")["key"]
    assert (driven.kept / "command" / key / "size").read_text() == "small\n"
    driven.destroy("m1", "--wait=30s")
    assert not (driven.kept / "command" / key).exists()


def write_program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def test_the_program_of_an_operator_that_outlives_zrms_has_its_machine_for_itself(driven):
    place = driven.kept / "command"
    write_program(place / "hooks" / "create",
                  "echo create >>log; until [ -e go ]; do sleep 0.05; done; echo end >>log\n")
    write_program(place / "hooks" / "status", "echo status >>log\n")
    write_program(place / "hooks" / "destroy", "true\n")
    driven.create("m1", "command")
    until((place / "log").exists, "it is at it")
    lock = next(place.glob("lock-*")).stat().st_ino
    driven.zrms.kill()
    driven.start_zrms()
    until(lambda: any("->" in line and f":{lock} " in line for line in open("/proc/locks")), "the next call waits")
    assert (place / "log").read_text() == "create\n"
    (place / "go").touch()
    driven.wait_step("m1", "awaited")
    assert (place / "log").read_text() == "create\nend\nstatus\n"


# ---- what is in a setting or a label ----

HOSTILE = {"a": "}", "name": "x; id", "key": "abcd-2", "operation": "destroy", "token": "none",
           "b": '"},"name":"x","key":"abcd-3', "settings": '{"c":"d"}', "labels": ',"settings":{"e":"f', "c": "\\"}


def test_settings_and_labels_change_no_word_of_zrms(driven):
    place = driven.kept / "command"
    write_program(place / "hooks" / "create",
                  'echo "$KEY" "$NAME" >words; cat >token; '
                  'for s in a b c name key settings labels; do eval "echo \\"$s=\\$SET_$s\\""; done >given\n')
    pairs = [{"name": name, "value": value} for name, value in HOSTILE.items()]
    assert driven.request("POST", "/v1/zhosts", {"name": "m1", "driver": "command", "settings": pairs,
                                                 "labels": pairs})[0] < 300
    made = driven.wait_step("m1", "awaited")
    assert (place / "words").read_text() == f"{made['key']} m1\n"
    assert (place / "token").read_text().startswith("smz2.")
    for name in ("a", "b", "name", "key", "settings", "labels"):
        assert f"{name}={HOSTILE[name]}\n" in (place / "given").read_text()


@pytest.mark.parametrize("kind", ["settings", "labels"])
def test_a_setting_or_label_with_a_control_character_is_refused(driven, kind):
    status, answer = driven.request("POST", "/v1/zhosts", {"name": "m1", "driver": "command",
                                                           kind: [{"name": "a", "value": "one\ntwo"}]})[:2]
    assert status == 422 and "control characters" in str(answer)


# ---- local, with a program in place of zhost ----

@pytest.mark.parametrize("begin, answer", [
    ("sleep 1; echo cannot join: the token is used up >&2; exit 1", {"error": "its zhost ended: cannot join: the token is used up"}),
    ("sleep 1; touch is-up; echo 2026 info  zhost   started name=m1 >>$6; while :; do sleep 0.1; done", {"state": "ready"})],
    ids=["ends", "starts"])
def test_the_local_driver_waits_for_its_zhost_as_long_as_that_takes(tmp_path, begin, answer):
    write_program(tmp_path / "bin" / "zhost", f'for word; do [ $word != --end-spaces ] || exit 0; done; shift 2; {begin}\n')
    kept = tmp_path / "machine-abcd-1"
    kept.mkdir()
    (kept / "log").write_text("2026 info  zhost   started name=m1\n")  # by an earlier attempt

    def call(operation):
        line = json.dumps({"operation": operation, "key": "abcd-1", "name": "m1", "token": "smz2.a",
                           "settings": {"network": "shared"}, "labels": {}}, separators=(",", ":"))
        done = run(SHIPPED / "local", cwd=tmp_path, input=line + "\n", check=False,
                   env={"PATH": os.environ["PATH"], "SAMOZA_BIN": str(tmp_path / "bin")})
        return json.loads(done.stdout)
    try:
        assert call("create") == answer
        assert (tmp_path / "is-up").exists() == ("state" in answer)
    finally:
        assert call("destroy") == {"state": "absent"}


# ---- ssh, with a program in place of it ----

# Cuts programs off where ./cut is, and lets another one pass before it answers.
SSH = """for last; do :; done
echo "$last" >>asked
case $last in
*tar*) [ ! -e cut ] || { rm cut; head -c 20000 | sh -c "$last"; exit $?; } ;;
esac
status=0; sh -c "$last" || status=$?
sleep 0.2; exit $status
"""
ZHOST = "for word; do [ $word != --end-spaces ] || exit 0; done; mkdir -p $2; echo 1 zhost started 1 >>$8; while :; do sleep 0.1; done\n"


class Near:
    """The driver ssh on its own; all hosts are this one."""

    def __init__(self, directory):
        self.place, self.there, self.programs = directory / "place", directory / "there", directory / "programs"
        self.place.mkdir()
        write_program(directory / "path" / "ssh", SSH)
        write_program(self.programs / "zhost", ZHOST + "# so that it is cut\n" * 10000)
        write_program(self.programs / "zrun", "")
        self.environment = {"PATH": f"{directory}/path:{os.environ['PATH']}", "SAMOZA_BIN": str(self.programs)}

    def begin(self, operation, key, name="m1", **settings):
        line = json.dumps({"operation": operation, "key": key, "name": name, "token": "smz2.a",
                           "settings": {"host": "near", "dir": str(self.there), "unit": "no", **settings}, "labels": {}},
                          separators=(",", ":"))
        process = subprocess.Popen([SHIPPED / "ssh"], cwd=self.place, env=self.environment, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdin.write(line + "\n")
        process.stdin.close()
        return process

    def call(self, *words, **settings):
        process = self.begin(*words, **settings)
        answer = json.loads(process.stdout.read())
        process.wait()
        return answer


@pytest.fixture
def near(tmp_path):
    near = Near(tmp_path)
    yield near
    for key in ("abcd-1", "abcd-2"):
        near.call("destroy", key)


@pytest.mark.parametrize("settings", [{"user": "-oProxyCommand=id"}, {"user": "a b"}, {"host": "-oProxyCommand=id"},
                                      {"host": "a;b"}, {"host": "*"}, {"dir": "/a;b"}, {"dir": "-a"}, {"dir": "/a'b"},
                                      {"dir": "/a b"}, {"port": "22;id"}, {"packages": "a.deb"}, {"name": "x; id"}], ids=str)
def test_the_ssh_driver_refuses_what_a_shell_would_take_apart(near, settings):
    assert "error" in near.call("create", "abcd-1", **settings)
    assert not (near.place / "asked").exists()


def test_the_ssh_driver_ends_no_process_but_its_zhost(near):
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        assert near.call("create", "abcd-1") == {"state": "ready"}
        pid = near.there / "abcd-1" / "pid"
        os.kill(int(pid.read_text()), signal.SIGKILL)
        pid.write_text(f"{stranger.pid}\n")  # as after a reboot
        assert near.call("create", "abcd-1") == {"state": "ready"}
        assert int(pid.read_text()) != stranger.pid
        os.kill(int(pid.read_text()), signal.SIGKILL)
        pid.write_text(f"{stranger.pid}\n")
        assert near.call("destroy", "abcd-1") == {"state": "absent"}
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    assert list(near.there.iterdir()) == []


def test_the_ssh_driver_keeps_no_half_of_a_program(near):
    (near.place / "cut").touch()
    assert "error" in near.call("create", "abcd-1")
    assert near.call("create", "abcd-1") == {"state": "ready"}
    copied = near.there / "abcd-1" / "bin" / "zhost"
    assert copied.read_bytes() == (near.programs / "zhost").read_bytes()


def test_the_ssh_driver_gives_a_host_to_one_of_two_that_ask_at_once(near):
    both = [near.begin("create", key) for key in ("abcd-1", "abcd-2")]
    answers = [json.loads(process.stdout.read()) for process in both]
    assert sorted(next(iter(answer)) for answer in answers) == ["error", "state"], answers
    assert len(list(near.there.iterdir())) == 1


no_systemd = pytest.mark.skipif(pathlib.Path("/run/systemd/system").exists(),
                                reason="this machine runs systemd: tests/deb has such machines")


@no_systemd
@pytest.mark.parametrize("settings, note", [
    ({"unit": ""}, "it is a process that does not come back after a reboot"),
    ({"unit": "", "packages": "/none"}, "reboot; its programs are copied, no package is installed"),
    ({"packages": "/none"}, "its programs are copied, no package is installed")], ids=str)
def test_the_ssh_driver_says_where_it_starts_a_process_for_want_of_systemd(near, settings, note):
    answer = near.call("create", "abcd-1", **settings)
    assert answer["state"] == "ready" and note in answer["note"]
    assert (near.there / "abcd-1" / "bin" / "zhost").exists()
    assert near.call("status", "abcd-1") == {"state": "ready"}
    assert near.call("destroy", "abcd-1", **settings) == {"state": "absent"}
    assert list(near.there.iterdir()) == []


# ---- ssh, against a real sshd ----

SSHD = pathlib.Path("/usr/sbin/sshd")
needs_sshd = pytest.mark.skipif(os.geteuid() != 0 or not SSHD.exists(),
                                reason="needs root, for network namespaces, and openssh-server")


class Host:
    """A machine with an sshd, in a network namespace of its own."""

    def __init__(self, directory, number):
        self.namespace, self.device = f"smz-test-{os.getpid()}-{number}", f"smzt{os.getpid() % 100000}{number}"
        self.address = f"10.214.{number}.2"
        for line in (f"netns add {self.namespace}",
                     f"link add {self.device} type veth peer name eth0 netns {self.namespace}",
                     f"address add 10.214.{number}.1/30 dev {self.device}", f"link set {self.device} up",
                     f"-n {self.namespace} address add {self.address}/30 dev eth0",
                     f"-n {self.namespace} link set lo up", f"-n {self.namespace} link set eth0 up",
                     f"-n {self.namespace} route add default via 10.214.{number}.1"):
            run("ip", *line.split())
        self.key, host_key = directory / f"key-{number}", directory / f"host-key-{number}"
        for file in (self.key, host_key):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file)
        config = directory / f"sshd-{number}"
        config.write_text(f"HostKey {host_key}\nAuthorizedKeysFile {self.key}.pub\nStrictModes no\nUsePAM no\n"
                          f"PermitRootLogin yes\nPasswordAuthentication no\nPidFile none\n")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        self.sshd = subprocess.Popen(["nsenter", f"--net=/run/netns/{self.namespace}", SSHD, "-D", "-f", config],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection((self.address, 22), timeout=5) as s:
            return s.recv(3) == b"SSH"
        return False

    def end(self):
        self.sshd.terminate()
        self.sshd.wait()
        for pid in run("ip", "netns", "pids", self.namespace).stdout.split():
            os.kill(int(pid), signal.SIGKILL)  # of a test that has failed
        run("ip", "netns", "del", self.namespace)


@pytest.fixture
def host(tmp_path):
    host = Host(tmp_path, 7)
    try:
        until(host.answers, "its sshd answers")
        yield host
    finally:
        host.end()


@needs_sshd
def test_the_ssh_driver_makes_a_zhost_on_a_machine_that_is_there(driven, host, tmp_path):
    there = tmp_path / "there"
    settings = f"host=10.214.7.3 {host.address},key={host.key},dir={there},unit=no,packages={tmp_path}"
    done = driven.create("m1", "ssh", "--set", settings, "--wait=60s")
    assert "Zhost m1 is running." in done.stdout
    assert driven.get("/v1/zhosts/m1")["address"] == host.address
    said = "the driver says: its programs are copied, no package is installed"
    until(lambda: said in [e["cause"] for e in driven.get("/v1/events?after=0&stream=0")["events"] if e["subject"] == "m1"],
          "an event says how")
    key = driven.made("m1")["key"]
    assert (there / key / "bin" / "zhost").exists()
    command = (pathlib.Path("/proc") / (there / key / "pid").read_text().strip() / "cmdline").read_bytes()
    assert b"smz2." not in command
    # The machine is taken.
    failed = driven.create("m2", "ssh", "--set", f"host={host.address},key={host.key},dir={there},unit=no", "--wait=60s",
                           check=False)
    assert failed.returncode == 1 and "is free and can be reached" in failed.stderr
    driven.destroy("m2", "--wait=30s")
    # Killed in the middle, and asked again.
    driven.zrms.kill()
    driven.start_zrms()
    driven.wait_zhost("m1", "deployed-started")
    driven.destroy("m1", "--wait=60s")
    assert list(there.iterdir()) == []
