"""Control groups of instances, which outlive a cluster that ends by kill -9."""
import contextlib
import os
import time


def groups():
    """Control groups of instances."""
    # os.walk, because groups come and go meanwhile.
    return {os.path.join(directory, name) for directory, names, _ in os.walk("/sys/fs/cgroup")
            for name in names if name.startswith("samoza-")}


def is_worker():
    """Of several processes that run tests: others have groups, too."""
    return "PYTEST_XDIST_WORKER" in os.environ


def sweep(before):
    """Clusters of tests end by kill -9: what control groups they leave are empty, and removed."""
    end = time.monotonic() + 5  # what was killed may still be ending
    while (left := groups() - before) and time.monotonic() < end:
        for group in left:
            with contextlib.suppress(OSError):
                os.rmdir(group)
        time.sleep(0.05)


@contextlib.contextmanager
def groups_swept():
    """Where tests run one after another; else they are swept at the end of all (conftest.py)."""
    before = groups()
    yield
    if not is_worker():
        sweep(before)
