"""The daemons as a service manager runs them: what they tell it (sd_notify), and the settings that the
packages bring."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import BIN, DEADLINE, ROOT, free_port, run, stat_of, until

SETTINGS = ROOT / "packaging" / "settings"


class Manager:
    """The socket of a service manager."""

    def __init__(self, directory, watchdog_ms):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = directory / "notify"
        self.socket.bind(str(self.path))
        self.environment = dict(os.environ, NOTIFY_SOCKET=str(self.path), WATCHDOG_USEC=str(watchdog_ms * 1000))

    def expect(self, *words, deadline=DEADLINE):
        end = time.monotonic() + deadline
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                said = self.socket.recv(4096).decode()
            except TimeoutError:
                break
            if said in words:
                return said
            assert said == "WATCHDOG=1", said
        raise AssertionError(f"not within {deadline} s: {' or '.join(words)}")

    def silent(self, seconds):
        """Takes what waits, then listens: whether nothing more comes."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(4096)
        except BlockingIOError:
            pass
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(4096) is None
        except TimeoutError:
            return True


def command_of(program, directory):
    common = [BIN / program, "--dir", directory]
    if program == "zrms":
        return [*common, "--listen", "127.0.0.1:0"]
    return [*common, "--name", "edge-node-1", "--zedge", "127.0.0.1:0", "--zrms", f"http://127.0.0.1:{free_port()}"]


@pytest.mark.parametrize("program", ["zrms", "zhost"])
def test_a_daemon_tells_its_service_manager_that_it_is_ready_lives_and_ends(program, tmp_path):
    manager = Manager(tmp_path, watchdog_ms=600)
    command = [str(c) for c in command_of(program, tmp_path / program)]
    with (tmp_path / "log").open("wb") as log, \
            subprocess.Popen(command, env=manager.environment, stdout=log, stderr=log) as daemon:
        try:
            manager.expect("READY=1")
            if program == "zrms":  # ready: it has its address
                assert (tmp_path / program / "address").exists()
            for _ in range(4):
                manager.expect("WATCHDOG=1")
            daemon.send_signal(signal.SIGSTOP)  # its loop does not turn
            until(lambda: stat_of(daemon.pid)[0] == "T", "it stands still")
            assert manager.silent(0.6)
            daemon.send_signal(signal.SIGCONT)
            manager.expect("WATCHDOG=1")
            daemon.send_signal(signal.SIGTERM)
            manager.expect("STOPPING=1")
            assert daemon.wait(timeout=DEADLINE) == 0, (tmp_path / "log").read_text()
        finally:
            if daemon.poll() is None:
                daemon.kill()


@pytest.mark.parametrize("program", ["zrms", "zhost"])
def test_options_override_the_environment_and_that_the_file_of_the_package(program, tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text((SETTINGS / f"{program}.yaml").read_text() + "log_level: warn\n")
    words = [BIN / program, "--config", file, "--print-config"]
    shown = run(*words).stdout
    assert f"/var/lib/samoza-{program}" in shown and "warn" in shown
    variable = {f"{program.upper()}_LOG_LEVEL": "debug"}
    assert 'log_level: "debug"' in run(*words, env=dict(os.environ, **variable)).stdout
    shown = run(*words, "--dir", tmp_path, "--log-level", "error", env=dict(os.environ, **variable)).stdout
    assert 'log_level: "error"' in shown and f"/var/lib/samoza-{program}" not in shown


@pytest.mark.parametrize("program", ["zrms", "zhost"])
def test_every_key_that_the_file_of_the_package_shows_is_accepted(program, tmp_path):
    shown = (SETTINGS / f"{program}.yaml").read_text().splitlines()
    file = tmp_path / "settings.yaml"
    # Prose begins with "# " and a word; a setting that is only shown, with "#" alone or, where it belongs to
    # the key above, with "#" and two spaces.
    file.write_text("\n".join(re.sub(r"^#(?! \S)", "", line) for line in shown) + "\n")
    run(BIN / program, "--config", file, "--print-config")


@pytest.mark.parametrize("program", ["zrms", "zhost"])
def test_a_mistake_in_the_file_is_refused_with_its_line_and_column(program, tmp_path):
    file = tmp_path / "settings.yaml"
    present = (SETTINGS / f"{program}.yaml").read_text()
    line = len(present.splitlines()) + 1
    for mistake, said in (("log_levle: warn", f"{line}:1: unknown key 'log_levle'; did you mean 'log_level'?"),
                          ("log_level: loud", f"{line}:12: log_level: ")):
        file.write_text(f"{present}{mistake}\n")
        refused = run(BIN / program, "--config", file, check=False)
        assert refused.returncode == 2
        assert f"{file}:{said}" in refused.stderr


def test_a_zhost_with_the_file_of_the_package_is_called_like_its_machine(tmp_path):
    name = socket.gethostname().split(".")[0].lower()
    command = [BIN / "zhost", "--config", SETTINGS / "zhost.yaml", "--dir", tmp_path / "zhost", "--zedge", "127.0.0.1:0",
               "--zrms", f"http://127.0.0.1:{free_port()}"]
    with subprocess.Popen([str(c) for c in command], stderr=subprocess.PIPE, text=True) as daemon:
        try:
            line = next(line for line in daemon.stderr if " started" in line)
            assert f"name={name}" in line
        finally:
            daemon.kill()
