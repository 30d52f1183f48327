"""NATIVE spaces: their processes, limits and sandbox (docs/native-spaces.md)."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest
from conftest import BIN, Daemon, free_port, is_alive, until
from control_groups import groups
from native import (SLEEPER, error, log_text, native_deploy, process_of, processes_of, recipes_of,
                    spaces_directories, state, wait_space)


def test_a_gigabyte_of_output_fills_neither_disk_nor_memory(c):
    native_deploy(c, "loud", [{"name": "p", "run": {"mode": "foreground"}},
                              {"name": "calm", "run": {"mode": "foreground"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import os, time
            line = b"x" * 99 + b"\\n"
            for n in range(160):
                os.write(1, line * 65536)
            os.write(1, b"that was a gigabyte\\n")
            open("done", "w").close()
            time.sleep(100005)
        """,
        "calm/recipes/start": SLEEPER.format(100006)})
    data = [f / "data" for f in spaces_directories(c, "edge-node-1")]
    until(lambda: any((d / "done").exists() for d in data), "all is printed", 60)
    logs = sum(p.stat().st_size for p in (c.directory / "edge-node-1" / "log").iterdir())
    assert logs < 8 * 1024 * 1024, logs
    for daemon in [c.zhosts["edge-node-1"].pid, *c.zruns("edge-node-1")]:
        status = pathlib.Path(f"/proc/{daemon}/status").read_text()
        rss, = re.findall(r"VmRSS:\s+(\d+) kB", status)
        assert int(rss) < 65536, status
    assert state(c, "loud", "p") == "deployed-started"
    until(lambda: re.search(r"it prints more than 64 KiB a second: \d+ bytes are not in this log",
                            log_text(c)), "the log says so")
    assert state(c, "loud", "calm") == "deployed-started"


def test_processes_that_fork_away_are_found_and_killed(c):
    native_deploy(c, "away", [{"name": "p", "stop": {"grace": "30s"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import os, signal
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.setsid()
                    os.chdir("/")
                    os.execvp("sleep", ["sleep", "100007"])
                os._exit(0)
        """})
    until(lambda: len(processes_of("sleep 100007")) == 1, "one runs")
    c.zshell("spaces", "stop", "away/p")
    wait_space(c, "away", "p", "deployed-stopped")
    assert processes_of("sleep 100007") == []
    assert error(c, "away", "p") == ""


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace_period(c):
    native_deploy(c, "deaf", [{"name": "p", "stop": {"grace": "1s"},
                               "run": {"mode": "foreground"}},
                              {"name": "other", "run": {"mode": "foreground"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import signal, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            open("marker-100009", "w").close()
            time.sleep(100009)
        """,
        "other/recipes/start": SLEEPER.format(100010)})
    # Other tests have recipes at the same time.
    own = until(lambda: [pid for pid, _ in processes_of("recipes/start")
                         if os.path.exists(f"/proc/{pid}/cwd/marker-100009")], "it no longer hears")
    c.zshell("spaces", "stop", "deaf/p")
    wait_space(c, "deaf", "p", "deployed-stopped")
    assert re.fullmatch("stop: (some of its processes did not end within 1 s and were killed"
                        "|killed after 1 s)", error(c, "deaf", "p")), error(c, "deaf", "p")
    assert not [pid for pid in own if is_alive(pid)], "nothing of it is left"
    assert state(c, "deaf", "other") == "deployed-started"


def test_a_recipe_cannot_write_outside_its_directory(c):
    secret = c.directory / "secret"
    secret.write_text("not for recipes")
    secret.chmod(0o644)
    native_deploy(c, "out", [{"name": "p"}, {"name": "q"}], {
        "q/recipes/start": "#!/bin/sh\necho mine > private\nsleep 100013 >/dev/null 2>&1 &\n",
        "p/recipes/start": f"""
            #!/bin/sh
            try() {{ if "$@" 2>/dev/null; then echo "DID: $*"; else echo "refused: $1"; fi; }}
            for f in /etc/samoza-was-here /usr/samoza-was-here /var/samoza-was-here \\
                     /samoza-was-here /samoza/samoza-was-here $SAMOZA_PACKAGE/was-here \\
                     $SAMOZA_PACKAGE/recipes/start /proc/sys/kernel/hostname /run/was-here \\
                     /dev/was-here {c.directory}/was-here; do
                if (echo x >> "$f") 2>/dev/null; then echo "WROTE $f"; fi
            done
            for f in {secret} {c.directory}/zrms/zrms.db /root /home/* /etc/shadow \\
                     {c.directory}/edge-node-1/zhost.db; do
                if cat "$f" >/dev/null 2>&1 || ls "$f/" >/dev/null 2>&1; then echo "READ $f"; fi
            done
            try mount -t tmpfs none /tmp
            try unshare -U true
            try unshare -n true
            try chroot / true
            try mknod /tmp/null c 1 3
            try chown 0 .
            echo x > /tmp/own && echo x > here && echo "own directories work"
            ls /proc | grep -c '^[0-9]' | sed 's/^/processes seen: /'
            grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status
            sleep 100014 >/dev/null 2>&1 &
        """})
    text = log_text(c)
    assert "own directories work" in text
    assert "WROTE" not in text and "READ" not in text and "DID" not in text, text
    assert re.search(r"CapEff:\s*0000000000000000", text) and re.search(r"NoNewPrivs:\s*1", text)
    assert re.search(r"Seccomp:\s*2", text)
    seen, = re.findall(r"processes seen: (\d+)", text)
    assert int(seen) < 10
    assert not pathlib.Path("/etc/samoza-was-here").exists()
    assert not pathlib.Path("/tmp/own").exists()
    assert secret.read_text() == "not for recipes"
    assert "sandbox:" not in text, "every step of the enclosure stands on this machine"


def test_a_fork_bomb_is_killed_whole(c):
    # Enough memory for all 300: killed for lack of it, the first of them would fork no more.
    native_deploy(c, "bomb", [{"name": "p", "stop": {"grace": "1s"},
                               "resources": {"cpu": "500m", "memory": "512MiB"}},
                              {"name": "calm", "run": {"mode": "foreground"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import os, time
            if os.fork() == 0:
                for n in range(300):
                    with __import__("contextlib").suppress(OSError):
                        if os.fork() == 0:
                            os.setsid()
                            os.execvp("sleep", ["sleep", "100031"])
                time.sleep(100031)
        """,
        "calm/recipes/start": SLEEPER.format(100032)})
    until(lambda: len(processes_of("100031")) >= 100, "it forks")
    c.zshell("topo", "stop", "bomb")
    assert processes_of("100031") == []


def limits_of(c, space):
    """By what each is enforced; None: by nothing."""
    shown = json.loads(c.zshell("spaces", "status", space, "-o", "json").stdout)
    return {limit["resource"]: limit.get("by") for limit in shown["limits"]}


def test_memory_and_cpu_are_limited_where_the_machine_has_control_groups(c):
    before = groups()
    native_deploy(c, "eats", [
        {"name": "p", "run": {"mode": "foreground"}, "restart": {"attempts": 0},
         "resources": {"cpu": "100m", "cpu_limit": "300m", "memory": "48MiB"}},
        {"name": "calm", "run": {"mode": "foreground"}}], {
        "p/recipes/start": """
            #!/usr/bin/python3
            import pathlib, time
            while not pathlib.Path("eat").exists():
                time.sleep(0.05)
            food = [bytearray(1 << 20) for n in range(200)]
            print("has eaten", flush=True)
            time.sleep(100033)
        """,
        "calm/recipes/start": SLEEPER.format(100034)})
    (pid, _), = until(lambda: [p for p in recipes_of(c) if "python3" in p[1]], "it runs")
    calm = process_of("sleep 100034")
    names = set(re.findall("samoza-[0-9a-f]+", "".join(
        pathlib.Path(f"/proc/{p}/cgroup").read_text() for p in (pid, calm))))

    def own():
        """Other tests may run beside this one."""
        return {g for g in groups() if pathlib.Path(g).name in names}
    enforced = limits_of(c, "eats/p")
    assert set(enforced) == {"memory", "cpu", "cpu_limit", "processes", "zrms_ports"} and "cpu_limit" not in limits_of(c, "eats/calm")
    if "resources: no control group" in log_text(c):
        assert "no control group for memory" in log_text(c)
        assert enforced["memory"] is None
        assert not groups() - before
        return
    mine = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    assert "/samoza-" in mine, mine
    limits = [p for g in own() for p in pathlib.Path(g).iterdir()
              if p.name in ("memory.max", "memory.limit_in_bytes")]
    assert str(48 << 20) in [p.read_text().strip() for p in limits]
    version = 2 if any(p.name == "memory.max" for p in limits) else 1
    assert enforced["memory"] == enforced["cpu_limit"] == f"control-group-{version}"
    assert f"Limits:    memory, cpu, cpu_limit, processes by control group (version {version})" in \
        c.zshell("spaces", "status", "eats/p").stdout
    quotas = [p.read_text().strip() for g in own()
              for p in pathlib.Path(g).iterdir() if p.name in ("cpu.max", "cpu.cfs_quota_us")]
    assert "30000" in quotas or "30000 100000" in quotas, quotas
    assert sum(q in ("30000", "30000 100000") for q in quotas) == 1, "the other has no limit"
    shares = [p.read_text().strip() for g in own() for p in pathlib.Path(g).iterdir()
              if p.name in ("cpu.weight", "cpu.shares")]
    assert "102" in shares or "4" in shares, shares
    for directory in spaces_directories(c, "edge-node-1"):
        (directory / "data" / "eat").write_text("")
    until(lambda: error(c, "eats", "p") == (
        "process: killed by signal 9: out of memory, its limit is 48 MiB (resources.memory)"),
        "it is killed", 30)
    # Version 2 kills the whole group.
    said = "1 process was killed" if version == 1 else r"\d+ processes were killed"
    until(lambda: re.search(f"out of memory: {said} at the limit of 48 MiB", log_text(c)), "the log says so")
    assert state(c, "eats", "calm") == "deployed-started"
    assert "has eaten" not in log_text(c)
    c.zshell("topo", "stop", "eats")
    until(lambda: not own(), "its groups are gone")


def add_zhost_by(c, prefix, directory):
    """A zhost that another program starts: with fewer rights."""
    c.give_token("edge-node-1", directory)
    daemon = Daemon(c, "edge-node-1", [
        *prefix, BIN / "zhost", "--dir", directory, "--name", "edge-node-1", "--zrms", c.url,
        "--zedge", f"127.0.0.1:{free_port()}"], c.directory / "edge-node-1.log")
    c.zhosts["edge-node-1"] = daemon.start()
    c.wait_zhost("edge-node-1", "deployed-started")


LESS = [
    # Root of a container that may not make namespaces.
    ("no-namespaces", ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"],
     "sandbox: no namespaces of processes and mounts: Operation not permitted"),
    # An ordinary user.
    ("user", ["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups"],
     "resources: no control group for memory for cpu: this user may not create any")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up rights")
@pytest.mark.parametrize("prefix, said", [less[1:] for less in LESS],
                         ids=[less[0] for less in LESS])
def test_without_root_an_instance_still_runs_and_is_still_confined(sweep_groups, start_cluster,
                                                                prefix, said):
    # Both may run at the same time.
    numbers = [100038, 100039, 100040] if "--reuid=4321" in prefix else [100077, 100078, 100079]
    c = start_cluster(zhosts=())
    directory = pathlib.Path(tempfile.mkdtemp(prefix="samoza-e2e-"))
    try:
        directory.chmod(0o755)
        own = directory / "zhost"
        own.mkdir(mode=0o700)
        if "--reuid=4321" in prefix:
            os.chown(own, 4321, 4321)
        add_zhost_by(c, prefix, own)
        native_deploy(c, "less", [
            {"name": "p", "exports": {"port": ""}, "stop": {"grace": "1s"}},
            {"name": "f", "run": {"mode": "foreground"}, "stop": {"grace": "1s"}}], {
            "p/recipes/start": f"""
                #!/bin/sh
                echo x > here && echo x > $TMPDIR/there && cat here && echo "own directories work"
                echo x >> $SAMOZA_DATA/starts && echo "kept $(wc -l < $SAMOZA_DATA/starts) starts"
                ls $SAMOZA_DATA/../.. $SAMOZA_DATA/../../.. && echo "LOOKED"
                for f in /etc/samoza-was-here {c.directory}/was-here $SAMOZA_PACKAGE/was-here \\
                         {directory}/was-here /tmp/../var/tmp/../samoza-was-here; do
                    if (echo x >> "$f") 2>/dev/null; then echo "WROTE $f"; fi
                done
                mount -t tmpfs none /tmp 2>/dev/null && echo "MOUNTED"
                grep -E '^(CapEff|NoNewPrivs|Seccomp|Uid):' /proc/self/status
                setsid sh -c 'trap "" TERM; sleep {numbers[0]}; sleep {numbers[0]}' >/dev/null 2>&1 &
            """,
            "p/recipes/stop": "#!/bin/sh\necho \"stop in $(pwd)\"\n",
            "f/recipes/start": SLEEPER.format(numbers[1])})
        text = "\n".join(p.read_text() for p in (own / "log").glob("*.log"))
        assert said in text, "what is missing is said"
        assert "own directories work" in text and "WROTE" not in text and "MOUNTED" not in text, text
        assert "kept 1 starts" in text, text
        assert "LOOKED" not in text or "--reuid=4321" in prefix, text
        assert re.search(r"CapEff:\s*0000000000000000", text), text
        assert re.search(r"NoNewPrivs:\s*1", text) and re.search(r"Seccomp:\s*2", text), text
        assert not re.search(r"Uid:\s*0", text), text
        pid = process_of(f"sleep {numbers[1]}")
        os.kill(pid, signal.SIGKILL)
        until(lambda: c.space("less", "f")["restarts"] == 1 and state(c, "less", "f") ==
              "deployed-started", "it runs again")
        c.zshell("topo", "stop", "less")
        assert processes_of(f"sleep {numbers[0]}") + processes_of(f"sleep {numbers[1]}") == []
        text = "\n".join(p.read_text() for p in (own / "log").glob("*.log"))
        assert "stop in " in text
        assert list((own / "spaces").iterdir()) == []
        c.zshell("topo", "start", "less", "--wait=60s")
        text = "\n".join(p.read_text() for p in (own / "log").glob("*.log"))
        assert "kept 2 starts" in text, "it outlived the undeploy"
        c.zshell("topo", "stop", "less")
        native_deploy(c, "more", [{"name": "p"}], {
            "p/recipes/start": f"#!/bin/sh\nsetsid sleep {numbers[2]} >/dev/null 2>&1 &\n"})
        zrun, = c.zruns("edge-node-1")
        os.kill(zrun, signal.SIGKILL)
        until(lambda: c.space("more", "p")["restarts"] == 1 and
              len(processes_of(f"sleep {numbers[2]}")) == 1, "what it had is ended, and runs again")
    finally:
        c.stop()
        shutil.rmtree(directory, ignore_errors=True)


# Root that may make namespaces, but finds no control groups.
NO_GROUPS = ["unshare", "--mount", "sh", "-c",
             "grep -E ' - cgroup2? ' /proc/self/mountinfo | sort -r | while read -r _ _ _ _ at _; "
             "do umount -l $at; done; exec \"$@\"", "sh"]


@pytest.mark.skipif(subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0,
                    reason="no mount namespaces")
def test_without_control_groups_the_share_is_a_nice_value(start_cluster):
    c = start_cluster(zhosts=())
    add_zhost_by(c, NO_GROUPS, c.directory / "edge-node-1")
    native_deploy(c, "nice", [{"name": "p", "run": {"mode": "foreground"},
                               "resources": {"cpu": "50m", "cpu_limit": "500m"}}],
                  {"p/recipes/start": SLEEPER.format(100041)})
    assert limits_of(c, "nice/p") == {"memory": None, "cpu": "nice", "cpu_limit": None, "processes": None,
                                    "zrms_ports": "seccomp"}
    words = "not enforced: memory, cpu_limit, processes; cpu by nice value; zrms_ports by system call filter (no control group for memory for cpu: "
    assert f"Limits:    {words}" in c.zshell("spaces", "status", "nice/p").stdout
    assert f"Limits:    of NATIVE spaces: {words}" in c.zshell("cluster", "status", "edge-node-1").stdout
    assert "(cpu is a nice value, without a limit)" in log_text(c)
    pid = process_of("sleep 100041")
    assert os.getpriority(os.PRIO_PROCESS, pid) == 13
    session = pathlib.Path(f"/proc/{pid}/autogroup")
    if session.exists():  # the kernel weighs sessions first
        assert session.read_text().endswith(" nice 13\n"), session.read_text()


def test_a_space_of_webassembly_has_its_share_and_limit(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    c.deploy("app", [{"name": "a", "type": "CALL",
                      "resources": {"cpu": "500m", "cpu_limit": "600m"}}])
    assert limits_of(c, "app/a") == {"memory": "module", "cpu": "nice", "cpu_limit": "pauses"}
    zrun, = c.zruns("edge-node-1")
    assert os.getpriority(os.PRIO_PROCESS, zrun) == 3  # all have the zygote's session
    status = pathlib.Path(f"/proc/{zrun}/status").read_text()
    handled = int(re.search(r"SigCgt:\s*([0-9a-f]+)", status).group(1), 16)
    assert handled >> (signal.SIGPROF - 1) & 1, "it pauses when it has used its limit"
