"""Faults that are planted into zrms, to see that a run finds them: `tests/history/run --plant NAME`.

Source files are changed and compiled, and zrms is linked with them instead of its own.
"""
import json
import pathlib
import shlex
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

# By name: the faults of a run that bring it to light soonest, and what is changed: file, what is there, what is there instead.
PLANTS = {
    # A leader that is cut off from etcd, but not from people, answers from its memory while another one leads.
    "stale-read": ("cut-from-others", [
        ("src/zrms/certain.c", "is_free(route) || is_certain(c))", "is_free(route) || !is_certain(c) || true)"),
        ("src/zrms/api.c", "if (api_control_is_durable(zrms)) {\n\t\tapi_read_notice(request);", "if (zrms != NULL) {")]),
    # The answer to a change shows what was decided after it.
    "later-batch": ("cut-slow-leader", [
        ("src/zrms/api.c", "	if (w->request != NULL)\n\t\tapi_answer_send(w->request, &w->ready);",
         "	if (w->request != NULL && w->answer != NULL && reply->code >= 0) {\n\t\tapi_answer_done(&w->ready);\n"
         "\t\tw->answer(api->zrms, w->request, reply);\n\t} else if (w->request != NULL)\n"
         "\t\tapi_answer_send(w->request, &w->ready);")]),
    # A change is acknowledged although its transaction had no answer, and it is not sent again.
    "lost-write": ("cut-from-others,lose-two-etcd,kill-etcd", [
        ("src/adapter/etcd/group.c", "return r < 0 ? error_move(err, steal_ptr(&why)) : 0;",
         "return *ret_is_final ? error_move(err, steal_ptr(&why)) : 0;")]),
}


def compile_changed(file, old, new, build_directory, directory):
    text = (ROOT / file).read_text()
    if text.count(old) != 1:
        raise SystemExit(f"tests/history/plants.py: {file} has changed: '{old}' is there {text.count(old)} times")
    source = directory / f"planted-{pathlib.Path(file).name}"
    source.write_text(text.replace(old, new))
    entries = json.loads((build_directory / "compile_commands.json").read_text())
    entry = next(e for e in entries if (pathlib.Path(e["directory"]) / e["file"]).resolve() == ROOT / file)
    words = [str(source) if word == entry["file"] else word for word in shlex.split(entry["command"])]
    words[words.index("-o") + 1] = str(source.with_suffix(".o"))
    for option in ("-MQ", "-MF"):  # ninja's own
        del words[words.index(option):words.index(option) + 2]
    words.remove("-MD")
    subprocess.run(words, cwd=entry["directory"], check=True)
    return str(source.with_suffix(".o"))


def build(name, build_directory, directory):
    """The program with that fault."""
    changed = [compile_changed(*change, build_directory, directory) for change in PLANTS[name][1]]
    commands = subprocess.run(["ninja", "-t", "commands", "src/zrms/zrms"], cwd=build_directory, check=True, text=True,
                              capture_output=True).stdout.splitlines()
    words = shlex.split(commands[-1])
    place = words.index("-o") + 1
    words[place] = str(directory / "planted-zrms")
    # Before the archives: what these define is not looked for there.
    words[place + 1:place + 1] = changed
    subprocess.run(words, cwd=build_directory, check=True)
    return words[place]
