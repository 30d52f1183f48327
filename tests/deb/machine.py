"""A machine for tests of the packages: a small Debian that boots systemd in a container of systemd-nspawn, with
a network of its own that reaches nobody.

    base     what the packages depend on, made once by debootstrap (a minute), in BUILD/deb/system
    machine  an overlay on it that goes with the test

Commands are run in it with nsenter: neither ssh nor a terminal is needed.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEADLINE = 60.0  # on a loaded machine


def run(*command, check=True, timeout=600, **options):
    done = subprocess.run([str(c) for c in command], text=True, capture_output=True, timeout=timeout,
                          check=False, stdin=subprocess.DEVNULL, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def missing():
    """Why no machine can be made here; empty: it can."""
    if os.geteuid() != 0:
        return "systemd-nspawn needs root"
    for program in ("systemd-nspawn", "debootstrap", "dpkg-deb", "nsenter"):
        if shutil.which(program) is None:
            return f"there is no {program}: tools/setup deb"
    return ""


def until(predicate, what, deadline=DEADLINE):
    end = time.monotonic() + deadline
    seen = None
    while time.monotonic() < end:
        seen = predicate()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"not within {deadline} s: {what} (last seen: {seen!r})")


def dependencies(packages):
    """Names of what they depend on, without each other."""
    names = set()
    for package in packages:
        for alternative in run("dpkg-deb", "-f", package, "Depends").stdout.split(","):
            name = alternative.split("|")[0].split("(")[0].strip()
            if name and not name.startswith("samoza"):
                names.add(name)
    return sorted(names)


def base_of(build, packages, more=(), name="system"):
    """The directory of the base for these packages and more of Debian's; made where there is none, or one for others. SAMOZA_DEB_BASE:
    a directory that has all of it, such as / of a Debian without these packages, of which nothing is changed."""
    if os.environ.get("SAMOZA_DEB_BASE"):
        return pathlib.Path(os.environ["SAMOZA_DEB_BASE"])
    base, note = build / "deb" / name, build / "deb" / f"{name}.packages"
    wanted = sorted({"systemd", "systemd-sysv", "dbus", "curl", "openssh-server", "procps", *more, *dependencies(packages)})
    if base.is_dir() and note.exists() and note.read_text().split() == wanted:
        return base
    shutil.rmtree(base, ignore_errors=True)
    note.unlink(missing_ok=True)
    codename = run("sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME").stdout.strip()
    run("debootstrap", "--variant=minbase", f"--include={','.join(wanted)}", codename, base, timeout=1200)
    note.write_text("\n".join(wanted) + "\n")
    return base


class Machine:
    def __init__(self, base, directory, name):
        self.directory, self.name = directory, name
        self.root = directory / "root"
        for made in ("root", "upper", "work"):
            (directory / made).mkdir(parents=True)
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={base},upperdir={directory}/upper,workdir={directory}/work", self.root)
        (self.root / "etc/hostname").write_text(f"{name}\n")
        (self.root / "etc/machine-id").write_text("")
        self.leader = None
        self.container = None

    def boot(self):
        self.console = (self.directory / "console").open("ab")
        self.container = subprocess.Popen(
            ["systemd-nspawn", "-q", "-D", str(self.root), "-b", "--register=no", "--keep-unit", "--private-network",
             "-M", self.name, "--console=pipe"],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console,
            # Without the container's own filter of system calls, which knows no Landlock.
            env=dict(os.environ, SYSTEMD_SECCOMP="0"))
        self.leader = until(self._leader, "the container has a first process")
        until(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"),
              "systemd is up")

    def _leader(self):
        assert self.container.poll() is None, (self.directory / "console").read_text()
        for line in pathlib.Path(f"/proc/{self.container.pid}/task/{self.container.pid}/children").read_text().split():
            if pathlib.Path(f"/proc/{line}/comm").read_text().strip() == "systemd":
                return line
        return None

    def run(self, *command, check=True, **options):
        return run("nsenter", "-t", self.leader, "-m", "-p", "-u", "-i", "-n", "-C", "env", "-i",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                   *command, check=check, **options)

    def sh(self, text, check=True):
        return self.run("sh", "-c", text, check=check).stdout.strip()

    def take(self, file):
        """A copy of it, in /root."""
        shutil.copy(file, self.root / "root")
        return f"/root/{pathlib.Path(file).name}"

    def main_pid(self, unit):
        return int(self.run("systemctl", "show", "-P", "MainPID", unit).stdout)

    def end(self):
        if self.container is not None:
            self.container.terminate()  # a shutdown in order
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.container.wait(timeout=30)
            if self.container.poll() is None:
                self.container.kill()
                self.container.wait()
            self.console.close()
        run("umount", self.root, check=False)
