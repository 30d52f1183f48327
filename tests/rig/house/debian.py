#!/usr/bin/python3
"""What the packages and systemd do on a Debian, as far as docs/howto/three-machines.md needs it, on a machine of the rig, where
neither is: called by the name of the program that it stands for, with the same words. Settings, users and units are those of
packaging/. The programs are installed already; `apt install` sets up the rest, and starts the service.
"""
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

PACKAGING = pathlib.Path("/usr/local/lib/packaging")
RUN = pathlib.Path("/run/units")
USERS = {"samoza-zrms": 64771, "samoza-zhost": 64772}
WAIT_S = 60.0


def fail(text):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {text}")


def unit_of(name):
    name = name.removesuffix(".service")
    text = (PACKAGING / "debian" / f"{name}.service").read_text()
    return name, dict(re.findall(r"^(\w+)=(.*)$", text, re.M))


# ---- a service ----

def pid_of(name):
    """None: it does not run."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((RUN / name).read_text())
        if pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX":
            return pid
    return None


def environment_of(unit):
    found = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    found.update([unit["Environment"].split("=", 1)])
    with contextlib.suppress(OSError):
        text = pathlib.Path(unit["EnvironmentFile"].removeprefix("-")).read_text()
        found.update(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return found


def wait_for(predicate, what):
    end = time.monotonic() + WAIT_S
    while not predicate():
        if time.monotonic() > end:
            fail(f"not within {WAIT_S} s: {what}")
        time.sleep(0.02)


def start(name):
    """Until it says that it is ready."""
    name, unit = unit_of(name)
    if pid_of(name) is not None:
        return
    RUN.mkdir(exist_ok=True)
    notify = RUN / f"{name}.notify"
    notify.unlink(missing_ok=True)
    user = unit["User"]
    program = unit["ExecStart"].replace("/usr/bin/", "/usr/local/bin/").split()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard, (RUN / f"{name}.log").open("ab") as log:
        heard.bind(str(notify))
        notify.chmod(0o666)
        heard.settimeout(0.1)
        process = subprocess.Popen(
            ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--bounding-set=-all", "--no-new-privs", *program],
            env=dict(environment_of(unit), NOTIFY_SOCKET=str(notify)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd="/", umask=0o077)
        (RUN / name).write_text(f"{process.pid}\n")

        def is_ready():
            if process.poll() is not None:
                fail(f"{name} has ended: " + (RUN / f"{name}.log").read_text()[-2000:])
            with contextlib.suppress(TimeoutError):
                return b"READY=1" in heard.recv(4096)
            return False
        wait_for(is_ready, f"{name} is ready")


def stop(name):
    """KillMode=process: what it has started is left alone."""
    name, _ = unit_of(name)
    pid = pid_of(name)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: pid_of(name) is None, f"{name} has ended")
    (RUN / name).unlink(missing_ok=True)


def systemctl(words):
    flags = {word for word in words if word.startswith("-")}
    (verb, *names) = [word for word in words if word not in flags]
    for name in names:
        if verb == "start" or (verb == "enable" and "--now" in flags):
            start(name)
        elif verb == "stop" or (verb == "disable" and "--now" in flags):
            stop(name)
        elif verb == "restart":
            stop(name)
            start(name)
        else:
            fail(f"it does not know {words}")


def journalctl(words):
    name, lines = words[words.index("-u") + 1], words[words.index("-n") + 1]
    os.execvp("tail", ["tail", "-n", lines, str(RUN / f"{name}.log")])


# ---- a package ----

def install(package):
    for user in re.findall(r"^u (\S+)", (PACKAGING / "debian" / f"{package}.sysusers").read_text(), re.M):
        with open("/etc/passwd", "a", encoding="utf-8") as passwd, open("/etc/group", "a", encoding="utf-8") as group:
            passwd.write(f"{user}:x:{USERS[user]}:{USERS[user]}::/var/lib/{user}:/usr/sbin/nologin\n")
            group.write(f"{user}:x:{USERS[user]}:\n")
    tmpfiles = (PACKAGING / "debian" / f"{package}.tmpfiles").read_text()
    for path, mode, user in re.findall(r"^d (\S+) (\d+) (\S+)", tmpfiles, re.M):
        pathlib.Path(path).mkdir(exist_ok=True)
        os.chmod(path, int(mode, 8))
        os.chown(path, USERS[user], USERS[user])
    for file, place in re.findall(r"^(packaging/settings/\S+) (\S+)", (PACKAGING / "debian" / f"{package}.install").read_text(), re.M):
        target = pathlib.Path("/") / place
        target.mkdir(exist_ok=True)
        shutil.copy(PACKAGING.parent / file, target)
    start(package)


def apt(words):
    if words[0] != "install":
        fail(f"it does not know {words}")
    for word in words[1:]:
        package = re.fullmatch(r"\./(samoza[a-z-]*)_\*?.*\.deb", word).group(1)
        if (PACKAGING / "debian" / f"{package}.service").exists():
            install(package)


def sudo(words):
    if words[0] == "-u":
        words = ["setpriv", f"--reuid={words[1]}", f"--regid={words[1]}", "--clear-groups", *words[2:]]
    os.execvp(words[0], words)


if __name__ == "__main__":
    with open("/run/lock-of-debian", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        {"apt": apt, "journalctl": journalctl, "sudo": sudo, "systemctl": systemctl}[pathlib.Path(sys.argv[0]).name](sys.argv[1:])
