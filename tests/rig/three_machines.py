"""The story of docs/howto/three-machines.md, told by its own blocks, on any four machines and one that replaces the first.

What tells it brings `machines`, by name ("first" to "fourth", "spare"), each with

    shell           howto.Shell; on `first` and `spare` it stands in a directory with the source's examples/ and the packages
    running()       processes of spaces: {name: (number, when it began)}
    power_off()     the machine is gone for all others, and what it runs with it

    has_address_of_first()   of `spare`: it has the address of `first` from now on
"""
import contextlib
import pathlib
import re
import time

from howto import Page

FILE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "howto" / "three-machines.md"
TRYING = "On one machine, for trying"
TOKEN = re.compile(r"^ *(smzu_\S+)$", re.M)
WORD = re.compile(r"^(smz2\.\S+)$", re.M)
SPACES = ("api", "store", "dashboard")


def until(predicate, what, deadline=90.0):
    end = time.monotonic() + deadline
    seen = None
    while time.monotonic() < end:
        seen = predicate()
        if seen:
            return seen
        time.sleep(0.2)
    raise AssertionError(f"not within {deadline} s: {what} (last seen: {seen!r})")


def places(text):
    """The zhost of each space, as `topo status` shows it."""
    found = dict(re.findall(r"^\s*(?:\S+\s+)??(api|store|dashboard)\b.*?\b(second|third|fourth)\b", text, re.M))
    assert set(found) == set(SPACES), text
    return found


def zhosts(text):
    """The state of each zhost, as `cluster zhosts` shows it."""
    return dict(re.findall(r"^(second|third|fourth)\s+(\S+)", text, re.M))


def wait_zhosts(first, block, wanted):
    until(lambda: zhosts(first.run(block)) == wanted and wanted, f"{block} shows {wanted}")


def wait_running(shell, status):
    until(lambda: re.search(r"^  State: +running$", shell.run(status), re.M), "my-app is running")


def join(page_blocks, machine, word):
    """Step 3 on that machine."""
    install, look = page_blocks
    machine.shell.run(install, paste=word)
    journal, remove = look.splitlines()
    until(lambda: "joined" in (said := machine.shell.run(journal)) and "accepted" in said, "the journal says joined and accepted")
    machine.shell.run(remove)


def tell(machines, see_page):
    """`see_page(page block)`: runs the tunnel of step 5, and gives the page that a browser then sees."""
    page = Page(FILE, before=TRYING)
    first = machines["first"].shell

    # 1. first: make the cluster
    said = first.run(page.block("apt install", "zrms init", "systemctl start"))
    token, = TOKEN.findall(said)
    cluster, fingerprint = (re.search(f"{what} (\\S+)$", said, re.M).group(1)
                            for what in ('cluster "lab",', "fingerprint of its certificate authority:"))
    read = page.block("read -rs SAMOZA_TOKEN")
    assert cluster in first.run(read, paste=token)
    # On any other machine: one with the tools.
    elsewhere = machines["fourth"].shell
    from_elsewhere = page.block("ZRMS_URL", "SAMOZA_FINGERPRINT")
    assert from_elsewhere.count("9fc28164…") == 1
    elsewhere.run(read.splitlines()[0], paste=token)
    assert cluster in elsewhere.run(from_elsewhere.replace("9fc28164…", fingerprint))

    # 2. A token for the machines
    word, = WORD.findall(first.run(page.block("token create --uses 2")))

    # 3. second and third: join
    joining = page.block("ZHOST_JOIN", "apt install"), page.block("journalctl", "rm ")
    list_zhosts = page.block("zshell cluster zhosts")
    for name in ("second", "third"):
        join(joining, machines[name], word)
    wait_zhosts(first, list_zhosts, {"second": "running", "third": "running"})

    # 4. A key whose packages are accepted
    first.run(page.block("mex keygen", "trust/"))

    # 5. Build, submit, look
    build, submit, status, explain, logs = page.block("mex build", "topo submit").splitlines()
    first.run(build)
    first.run(submit)
    assert set(places(first.run(status)).values()) <= {"second", "third"}
    assert all(space in first.run(explain) for space in SPACES)
    until(lambda: first.run(logs).strip(), "what it has printed is shown")
    url = re.search(r"open (http://\S+)\.", page.text).group(1)
    assert "<html" in see_page(page.block("ssh -L"), url).lower()

    # 6. Take one machine away
    drain, status = page.block("cluster drain second").splitlines()
    first.run(drain)
    assert set(places(first.run(status)).values()) == {"third"}
    machines["second"].shell.run(page.block("systemctl disable --now"))
    assert machines["second"].running() == {}
    first.run(page.block("cluster rm second"))
    assert zhosts(first.run(list_zhosts)) == {"third": "running"}

    # 7. Add another one
    word, = WORD.findall(first.run(page.block("token create --name fourth")))
    join(joining, machines["fourth"], word)
    list_zhosts, plan, rebalance = page.block("cluster rebalance").splitlines()
    wait_zhosts(first, list_zhosts, {"third": "running", "fourth": "running"})
    planned = first.run(plan, check=False)  # 10: something would move
    assert "fourth" in planned, planned
    first.run(rebalance)
    assert set(places(first.run(status)).values()) == {"third", "fourth"}
    # `second` comes back in the same way, with a new word.
    second = machines["second"].shell
    word, = WORD.findall(first.run("zshell cluster token create"))
    second.run(page.phrase("rm -r", "credentials"))
    install, look = joining
    join((install.splitlines()[0] + "\n" + page.phrase("enable --now"), look), machines["second"], word)
    wait_zhosts(first, list_zhosts, {name: "running" for name in ("second", "third", "fourth")})

    # Without the drain, as when the power fails (said in step 6).
    page.says("Without the drain, as when the power fails: zrms misses the zhost after 30 seconds, and starts its spaces")
    follow = first.popen("exec " + page.phrase("topo events", "-f") + " >followed")
    machines["fourth"].power_off()
    since = time.monotonic()
    until(lambda: "fourth" not in places(first.run(status)).values(), "nothing is on the lost machine")
    assert time.monotonic() - since > 20
    wait_running(first, status)
    until(lambda: "fourth" in first.run("cat followed"), "the events name the machine that was lost")
    with contextlib.suppress(ProcessLookupError):
        follow.terminate()
    follow.wait()

    # 8. Backup
    first.run(page.block("passphrase", "cluster backup"))
    backup = {name: first.run(f"base64 -w0 {name}") for name in ("lab.backup", "passphrase")}
    kept = {name: machines[name].running() for name in ("second", "third")}
    assert sum(map(len, kept.values())) >= 2
    machines["first"].power_off()
    spare = machines["spare"]
    spare.has_address_of_first()
    for name, text in backup.items():
        spare.shell.run(f"base64 -d >{name}", paste=text.strip())
    spare.shell.run(page.block("apt install", "zrms restore", "systemctl start"))
    spare.shell.run(read.splitlines()[0], paste=token)
    wait_zhosts(spare.shell, list_zhosts, {"second": "running", "third": "running", "fourth": "problem"})
    wait_running(spare.shell, status)
    assert {name: machines[name].running() for name in ("second", "third")} == kept
    page.end()
