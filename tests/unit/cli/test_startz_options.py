"""Options of startz: what is taken, remembered and refused."""

import json
import os
import signal
import socket

import pytest

from startz_cluster import until


def test_a_port_that_is_taken_is_refused(cluster):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = cluster.run("up", "--api", f"127.0.0.1:{port}", "--detach")
    assert done.returncode == 1
    assert f"127.0.0.1:{port} is in use by another program" in done.stderr
    assert "What was started" not in done.stderr
    assert not os.path.exists(cluster.dir)


def test_incompatible_durations_are_refused(cluster):
    done = cluster.up("--heartbeat", "5s", "--failure-timeout", "1s")
    assert done.returncode == 1, done
    assert "a failure timeout of 1s is too short for heartbeats every 5s" in done.stderr
    assert "at least twice as long" in done.stderr
    assert not os.path.exists(cluster.dir)
    assert cluster.up("--zhosts", "1", "--heartbeat", "1500ms").returncode == 0
    cluster.run("down")
    done = cluster.again("--heartbeat", "2s")  # of the 3 s from before
    assert done.returncode == 1 and "timeout of 3s is too short" in done.stderr


def test_another_address_for_a_running_zrms_is_refused(cluster):
    cluster.up("--zhosts", "1")
    before = cluster.rows()
    done = cluster.up("--zhosts", "1")
    assert done.returncode == 1
    assert f"is already running at {before[0][4]}" in done.stderr
    assert cluster.rows() == before


def test_addresses_other_than_loopback_are_refused(cluster):
    done = cluster.run("up", "--api", "0.0.0.0:7331")
    assert done.returncode == 2
    assert "there is no access control yet" in done.stderr


def test_a_daemon_that_exits_at_once_shows_its_last_lines(cluster):
    os.makedirs(os.path.join(cluster.dir, "zrms"))
    open(os.path.join(cluster.dir, "zrms", "fail"), "w").close()
    done = cluster.up()
    assert done.returncode == 1
    assert f"zrms has exited; the last lines of {cluster.dir}/log/zrms.log:\n" in done.stderr
    assert "  zrms: the store is damaged \\x1b[31m\n" in done.stderr


def copy_of(cluster, name):
    return os.path.join(cluster.dir, "config", name + ".yaml")


def test_a_configuration_file_lists_the_zhosts(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: paris, cpu: 4, capabilities: [sensors.camera]}\n"
                      "- {name: rome}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    assert [row[0] for row in cluster.rows()] == ["zrms", "paris", "rome"]
    assert json.loads(cluster.log("rome").splitlines()[0])["zhost"][-2:] == [
        "--config", copy_of(cluster, "rome")]
    done = cluster.again("--config", str(config), "--zhosts", "3")
    assert "lists only 2" in done.stderr
    config.write_text("zhosts:\n- {nam: paris}\n")
    done = cluster.again("--config", str(config))
    assert done.returncode == 1
    assert f"{config}:2:4: unknown key 'nam'" in done.stderr


def test_a_bad_configuration_file_leaves_nothing_behind(cluster, tmp_path):
    done = cluster.up("--config", str(tmp_path / "missing.yaml"))
    assert done.returncode == 1 and f"cannot read {tmp_path}/missing.yaml" in done.stderr
    assert not os.path.exists(cluster.dir)


def test_a_configuration_file_may_move_once_it_was_used(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n- {name: rome}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    text = config.read_text()
    config.unlink()
    os.kill(cluster.pids()["rome"], signal.SIGKILL)
    until(lambda: "rome" not in cluster.pids())
    assert cluster.again().returncode == 0
    assert cluster.log("rome").count(copy_of(cluster, "rome")) == 2
    assert open(copy_of(cluster, "rome")).read() == text


def test_a_changed_configuration_is_refused_for_a_zhost_that_runs(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n- {name: rome, cpu: 4}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    before = cluster.rows()
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n- {name: rome, cpu: 5}\n")
    done = cluster.again("--config", str(config))
    assert done.returncode == 1, done
    assert f"rome is running, and {config} changes its configuration" in done.stderr
    assert f"stop it first (startz down --dir {cluster.dir})" in done.stderr
    assert cluster.rows() == before
    # The order, comments and another spelling change nothing.
    config.write_text("# moved\nzhosts:\n- {cpu: \"4\", name: rome}\n- {name: paris, cpu: 4}\n")
    assert cluster.again("--config", str(config)).returncode == 0


def test_a_changed_configuration_is_taken_by_what_starts(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n- {name: rome, cpu: 4}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    os.kill(cluster.pids()["rome"], signal.SIGKILL)
    until(lambda: "rome" not in cluster.pids())
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n- {name: rome, cpu: 5}\n")
    assert cluster.again("--config", str(config)).returncode == 0
    assert "cpu: 5" in open(copy_of(cluster, "rome")).read()
    done = cluster.again("--config", str(config))
    assert done.returncode == 0, done


def test_other_durations_for_a_running_zrms_are_refused(cluster):
    assert cluster.up("--zhosts", "1", "--heartbeat", "500ms").returncode == 0
    saved = cluster.state()
    done = cluster.again("--heartbeat", "250ms")
    assert done.returncode == 1, done
    assert "is already running with --heartbeat 500ms: stop it first" in done.stderr
    done = cluster.again("--failure-timeout", "9s")
    assert "is already running with --failure-timeout 3s: stop it first" in done.stderr
    assert cluster.state() == saved
    assert cluster.again("--heartbeat", "500ms").returncode == 0


def test_a_configuration_that_an_earlier_startz_used_in_place_is_copied(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: paris, cpu: 4}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    cluster.run("down")
    state = cluster.state()
    state["members"][1]["config"] = str(config)
    with open(os.path.join(cluster.dir, "startz.json"), "w") as file:
        json.dump(state, file)
    os.unlink(copy_of(cluster, "paris"))
    assert cluster.again().returncode == 0
    assert open(copy_of(cluster, "paris")).read() == config.read_text()


def test_up_without_options_starts_every_known_zhost(cluster, tmp_path):
    config = tmp_path / "zhosts.yaml"
    config.write_text("zhosts:\n- {name: alpha, cpu: 4}\n- {name: beta}\n")
    assert cluster.up("--config", str(config)).returncode == 0
    assert cluster.again("--zhosts", "2").returncode == 0
    names = ["zrms", "alpha", "beta", "edge-node-1", "edge-node-2"]
    assert [row[0] for row in cluster.rows()] == names
    cluster.run("down")
    done = cluster.again()
    assert done.returncode == 0, done
    assert sorted(cluster.pids()) == sorted(names)
    for name in names[1:]:
        assert cluster.log(name).count('"zhost"') == 2
        with_file = 2 if name in ("alpha", "beta") else 0
        assert cluster.log(name).count(copy_of(cluster, name)) == with_file, name


@pytest.mark.parametrize("name", ["-x", ".x", "zrms"])
def test_a_configuration_with_a_name_that_no_zhost_may_have_is_refused(cluster, tmp_path, name):
    config = tmp_path / "zhosts.yaml"
    config.write_text(f'zhosts:\n- {{name: "{name}"}}\n')
    done = cluster.up("--config", str(config))
    assert done.returncode == 1, done
    assert "expected" in done.stderr and f"'{name}'" in done.stderr, done.stderr
    assert not os.path.exists(cluster.dir)
