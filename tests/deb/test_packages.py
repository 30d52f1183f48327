"""The packages in a system that boots systemd: installed, upgraded, downgraded, removed and purged, in this
order, on one machine. The spaces keep their processes until the package of zhost is removed."""
import json
import re

import pytest

from conftest import packages
from machine import until

UNITS = ("samoza-zrms", "samoza-zhost")
TOKEN = "/var/lib/samoza-zrms/credentials/local-admin"
HELD = {}  # processes of spaces, from one test to the next


def install(system, version):
    system.run("dpkg", "--force-confold", "-i", *(system.take(p) for p in packages(version)))


def zshell(system, *words, check=True):
    return system.sh("SAMOZA_TOKEN=$(cat " + TOKEN + ") zshell " + " ".join(words), check=check)


def is_active(system, unit):
    return system.run("systemctl", "is-active", unit, check=False).stdout.strip() == "active"


def rest(system, path):
    text = system.sh(f"curl -s -H \"Authorization: Bearer $(cat {TOKEN})\" 'http://127.0.0.1:7331{path}'", check=False)
    return json.loads(text) if text.startswith("{") else {}


def spaces(system):
    """Processes of spaces by name: (number, ticks since boot when it began)."""
    found = {}
    for line in system.sh("for p in /proc/[0-9]*; do echo $(cat $p/comm) $(cat $p/stat); done 2>/dev/null").splitlines():
        name, rest_of = line.split(" ", 1)
        if name.startswith("zrun:"):
            fields = rest_of.rsplit(")", 1)[1].split()
            found[name] = (int(rest_of.split()[0]), fields[19])
    return found


def wait_running(system):
    until(lambda: all(is_active(system, unit) for unit in UNITS), "both services are active")
    until(lambda: rest(system, "/v1/zhosts/edge-1").get("state") == "deployed-started", "the zhost is there")
    for name in ("my-app", "native"):
        until(lambda name=name: rest(system, f"/v1/topologies/{name}").get("state") == "running", f"{name} runs")


def users_of(system, unit):
    pid = system.main_pid(unit)
    uids = system.sh(f"grep '^Uid:' /proc/{pid}/status").split()[1:]
    return {system.sh(f"id -un {uid}") for uid in uids}


def changes_of_spaces(system, after):
    """Events since then that moved a space or its topology."""
    events = rest(system, f"/v1/events?after={after}&stream=0")["events"]
    return [e for e in events if e["subject"].startswith(("my-app", "native"))]


def newest_event(system):
    return max(e["seq"] for e in rest(system, "/v1/events?after=0&stream=0")["events"])


def test_installed_it_starts_its_services_as_their_users(system, versions):
    install(system, versions[0])
    for unit in UNITS:
        until(lambda unit=unit: is_active(system, unit), f"{unit} is active")
        assert system.sh(f"systemctl is-enabled {unit}") == "enabled"
        assert users_of(system, unit) == {unit}
        assert system.sh(f"stat -c '%U %a' /var/lib/{unit}") == f"{unit} 700"
        assert system.sh(f"systemctl show -P StatusErrno {unit}") == "0"
    assert system.sh("zrms --version").endswith(versions[0])
    assert "started" in system.sh("journalctl -u samoza-zhost -o cat")


def test_the_readme_lets_the_zhost_join_and_it_runs_spaces_in_their_sandboxes(system, examples):
    readme = system.sh("cat /usr/share/doc/samoza-zhost/README.Debian")
    block = re.search(r"^    NAME=.*?\n\n", readme, re.DOTALL | re.MULTILINE).group(0)
    system.sh(block.replace("hostname -s", "uname -n"))
    until(lambda: rest(system, "/v1/zhosts/edge-1").get("state") == "deployed-started", "the zhost has joined")
    all_of_them, key = examples
    system.sh(f"install -o samoza-zrms -m 600 {system.take(key)} /var/lib/samoza-zrms/trust/test.pub")
    for package in all_of_them:
        zshell(system, "topo", "submit", system.take(package), "--wait=120s")
    wait_running(system)
    HELD.update(spaces(system))
    assert sorted(HELD) == ["zrun:api", "zrun:clock", "zrun:store"]
    for space in ("my-app/api", "my-app/store", "native/clock"):
        log = zshell(system, "spaces", "logs", space)
        assert "sandbox: no" not in log, log  # the unit takes nothing from it
    assert "/samoza/package" in log and "/home" in log and "No such file" in log


def upgrade(system, version):
    before = {unit: system.main_pid(unit) for unit in UNITS}
    last = newest_event(system)
    install(system, version)
    wait_running(system)
    for unit in UNITS:
        pid = system.main_pid(unit)
        assert pid not in (0, before[unit]), unit
        assert system.sh(f"readlink /proc/{pid}/exe") == f"/usr/bin/{unit.removeprefix('samoza-')}"
    assert system.sh("zrms --version").endswith(version)
    assert spaces(system) == HELD
    assert changes_of_spaces(system, last) == []


def test_an_upgrade_touches_no_space_and_keeps_changed_settings(system, versions):
    system.sh("echo '# ours' >> /etc/samoza/zrms.yaml")
    upgrade(system, versions[1])
    assert system.sh("tail -1 /etc/samoza/zrms.yaml") == "# ours"


def test_a_downgrade_touches_no_space(system, versions):
    upgrade(system, versions[0])


def test_an_earlier_version_drops_nothing_that_it_does_not_know(system, versions):
    """It does not start, says why, and touches no space; the later one goes on with all of it."""
    if "~" not in versions[0]:
        pytest.skip("both versions are of this tree: FROM=COMMIT make test-deb")
    upgrade(system, versions[1])
    zshell(system, "cluster", "cordon", "edge-1")  # under a key that is kept: what came after the first packages
    since = system.sh("date +%s")
    install(system, versions[0])

    def said():
        return re.search("newer version has written|record of unknown kind",
                         system.sh(f"journalctl -u samoza-zrms -o cat --since @{since}"))

    assert until(lambda: said() or rest(system, "/v1/zhosts/edge-1"), "it has started, or says why not")
    assert said() or rest(system, "/v1/zhosts/edge-1")["cordoned"]
    assert spaces(system) == HELD
    install(system, versions[1])
    wait_running(system)
    assert rest(system, "/v1/zhosts/edge-1")["cordoned"]
    zshell(system, "cluster", "uncordon", "edge-1")
    assert spaces(system) == HELD


def test_a_loop_that_hangs_is_ended_and_started_again(system):
    for unit in UNITS:
        system.sh(f"mkdir -p /run/systemd/system/{unit}.service.d && "
                  f"printf '[Service]\\nWatchdogSec=2\\n' > /run/systemd/system/{unit}.service.d/test.conf")
    system.sh("systemctl daemon-reload && systemctl restart " + " ".join(UNITS))
    wait_running(system)
    for unit in UNITS:
        hung = system.main_pid(unit)
        system.sh(f"kill -STOP {hung}")
        until(lambda unit=unit, hung=hung: system.main_pid(unit) not in (0, hung), f"{unit} is started again")
        wait_running(system)
        assert "watchdog" in system.sh(f"journalctl -u {unit} -o cat").lower()
    assert spaces(system) == HELD


def test_a_mistake_in_the_settings_is_in_the_journal_with_its_place(system):
    system.sh("cp /etc/samoza/zrms.yaml /root/good && echo 'listn: x' >> /etc/samoza/zrms.yaml")
    system.sh("systemctl restart samoza-zrms", check=False)
    line = len(system.sh("cat /etc/samoza/zrms.yaml").splitlines())
    until(lambda: f"/etc/samoza/zrms.yaml:{line}:1: unknown key 'listn'" in
          system.sh("journalctl -u samoza-zrms -o cat"), "the mistake is in the journal")
    system.sh("cp /root/good /etc/samoza/zrms.yaml")
    wait_running(system)  # by itself: it is started again for ever
    assert spaces(system) == HELD


def test_a_stop_of_the_service_leaves_the_spaces_alone(system):
    system.sh("systemctl stop samoza-zhost")
    assert spaces(system) == HELD
    system.sh("systemctl start samoza-zhost")
    wait_running(system)
    assert spaces(system) == HELD


def test_removed_it_ends_its_spaces(system):
    system.run("dpkg", "-r", "samoza-zhost")
    assert spaces(system) == {}
    uid = system.sh("id -u samoza-zhost")
    assert system.sh(f"grep -l '^Uid:.{uid}' /proc/[0-9]*/status", check=False) == ""
    assert system.sh("ls /var/lib/samoza-zhost") != ""


def test_purged_it_leaves_nothing(system):
    system.run("dpkg", "-P", "samoza-zhost", "samoza-zrms", "samoza")
    system.sh("rm -rf /root/* /run/systemd/system/samoza*; systemctl daemon-reload")
    left = system.sh("find / -xdev \\( -path /proc -o -path /sys -o -path /var/log/journal \\) -prune -o "
                     "-iname '*samoza*' -print; find /run /dev/shm -iname '*samoza*'; "
                     # In version 1 those of other zhosts of the machine that runs the test are there, too.
                     "find /sys/fs/cgroup -name 'samoza*.slice' -o -name 'samoza*.service'")
    assert left == "", left
    assert system.sh("grep -l samoza /etc/passwd /etc/group /etc/shadow", check=False) == ""
    assert system.sh("systemctl list-units --all --no-legend 'samoza*'") == ""
