"""The tool mex, as a person uses it: the program itself, in private directories."""

import hashlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import zipfile

import pytest

MEX = os.environ["MEX"]
GUEST = os.environ["SAMOZA_GUEST_DIR"]


def mex(*arguments, status=0, **environment):
    """Runs mex; returns (standard output, standard error)."""
    clean = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    done = subprocess.run([MEX, *map(str, arguments)], capture_output=True, text=True,
                          env=clean | environment, timeout=120)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A directory with a new project, a key, and the package built of both."""
    directory = tmp_path_factory.mktemp("mex")
    mex("new", directory / "counter")
    mex("keygen", "-o", directory / "key")
    mex("build", directory / "counter", "-o", directory / "counter.mex", "--key", directory / "key")
    return directory


def test_help_names_every_command():
    out, _ = mex("--help")
    for command in ["new", "keygen", "validate", "build", "sign", "verify", "inspect", "schema"]:
        assert f"\n  {command} " in out
        assert mex(command, "--help")[0].startswith(f"usage: mex {command}")


@pytest.mark.parametrize("arguments", [
    [], ["nothing"], ["build"], ["build", "x"], ["build", "x", "-o"], ["keygen"],
    ["validate", "a", "b"], ["inspect", "x", "-o", "xml"], ["inspect", "x", "--colour"],
    ["keygen", "-o", "k", "extra"], ["schema", "nothing"],
])
def test_incorrect_usage_exits_with_2(arguments):
    out, err = mex(*arguments, status=2)
    assert out == "" and "usage: mex" in err


def test_new_project_is_valid_and_builds(shop):
    out, _ = mex("validate", shop / "counter")
    assert "counter 0.1.0 is valid: 3 spaces, 3 instances" in out
    out, _ = mex("verify", shop / "counter.mex", "--trust", shop / "key.pub")
    assert "(trusted)" in out
    mex("validate", shop / "counter.mex")


def test_building_leaves_the_source_unchanged(shop, tmp_path):
    shutil.copytree(shop / "counter", tmp_path / "counter")
    before = sorted(tmp_path.rglob("*"))
    mex("build", tmp_path / "counter", "-o", tmp_path / "out.mex")
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "out.mex"])


def test_new_overwrites_nothing(shop):
    _, err = mex("new", shop / "counter", status=1)
    assert "nothing is overwritten" in err
    _, err = mex("new", shop / "Not_A_Name", status=1)
    assert "expected 1 to 63 characters of a-z, 0-9 and -" in err
    assert not (shop / "Not_A_Name").exists()
    _, err = mex("new", shop / "trailing-", status=1)
    assert "with no - at either end" in err
    assert not (shop / "trailing-").exists()


def test_keygen(shop):
    assert stat.S_IMODE((shop / "key").stat().st_mode) == 0o600
    assert "not overwritten" in mex("keygen", "-o", shop / "key", status=1)[1]


def test_build_is_reproducible(shop, tmp_path):
    elsewhere = tmp_path / "a" / "deep" / "directory"
    shutil.copytree(shop / "counter", elsewhere)
    for path in elsewhere.rglob("*"):
        os.utime(path, (1, 1))
    old = os.umask(0o077)
    try:
        mex("build", elsewhere, "-o", tmp_path / "b.mex", "--key", shop / "key",
            TZ="Asia/Tokyo", LC_ALL="C", CPATH="/nonexistent", C_INCLUDE_PATH="/nonexistent",
            TMPDIR=str(tmp_path))
    finally:
        os.umask(old)
    assert (tmp_path / "b.mex").read_bytes() == (shop / "counter.mex").read_bytes()
    assert not list(tmp_path.glob("mex-build-*"))


def test_created_comes_from_the_source(shop, tmp_path):
    mex("build", shop / "counter", "-o", tmp_path / "a.mex", SOURCE_DATE_EPOCH="1777458600")
    assert json.loads(mex("inspect", tmp_path / "a.mex", "-o", "json")[0])["created"] \
        == "2026-04-29T10:30:00Z"
    mex("build", shop / "counter", "-o", tmp_path / "b.mex")
    assert "created" not in json.loads(mex("inspect", tmp_path / "b.mex", "-o", "json")[0])
    _, err = mex("build", shop / "counter", "-o", tmp_path / "c.mex", SOURCE_DATE_EPOCH="soon",
                 status=1)
    assert "SOURCE_DATE_EPOCH" in err and not (tmp_path / "c.mex").exists()


def test_a_source_that_uses_the_build_time_is_refused(shop, tmp_path):
    shutil.copytree(shop / "counter", tmp_path / "p")
    main = tmp_path / "p" / "spaces" / "api" / "src" / "main.c"
    main.write_text(main.read_text() + "\nconst char *built = __DATE__;\n")
    _, err = mex("build", tmp_path / "p", "-o", tmp_path / "p.mex", status=1)
    assert "compilation failed" in err and "date-time" in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p"]


def test_a_module_with_unknown_imports_is_refused(shop, tmp_path):
    shutil.copytree(shop / "counter", tmp_path / "p")
    main = tmp_path / "p" / "spaces" / "api" / "src" / "main.c"
    main.write_text(main.read_text() + '\n__attribute__((import_module("sys"), '
                    'import_name("evil"))) int evil(void);\n'
                    'SAMOZA_ON_UPDATE(void) { return evil(); }\n')
    (tmp_path / "p.mex").write_text("old")
    _, err = mex("build", tmp_path / "p", "-o", tmp_path / "p.mex", status=1)
    assert "spaces/api/core.wasm" in err and "sys.evil" in err
    assert (tmp_path / "p.mex").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p", "p.mex"]


NOT_TRANSLATABLE = bytes.fromhex("0061736d01000000" "010501600001" "7f" "03020100" "070e010a6f6e5f70726f636573730000"
                                 "0a040102000b")


def test_what_cannot_be_translated_is_refused_by_build_and_validate(shop, tmp_path):
    shutil.copytree(shop / "counter", tmp_path / "p")
    shutil.rmtree(tmp_path / "p" / "spaces" / "api" / "src")
    (tmp_path / "p" / "spaces" / "api" / "core.wasm").write_bytes(NOT_TRANSLATABLE)
    for command in (["build", tmp_path / "p", "-o", tmp_path / "p.mex"], ["validate", tmp_path / "p"]):
        _, err = mex(*command, status=1)
        assert "spaces/api/core.wasm" in err and "refused by wasm-validate" in err
        mex(*command, "--no-translate")
    _, err = mex("validate", tmp_path / "p.mex", status=1)
    assert "spaces/api/core.wasm" in err


def test_programs_that_are_missing_are_named_with_the_way_out(shop, tmp_path):
    command = "build", shop / "counter", "-o", tmp_path / "a.mex"
    tools = tmp_path / "tools"
    tools.mkdir()
    compiler = pathlib.Path(shutil.which("clang"))
    for program in [compiler, *compiler.parent.glob("wasm-ld*")]:
        (tools / program.name).symlink_to(program)
    _, err = mex(*command, status=1, PATH=str(tools))
    assert "install the package wabt" in err and "--no-translate" in err
    assert not (tmp_path / "a.mex").exists()
    mex(*command, "--no-translate", PATH=str(tools))


def test_the_host_of_a_probe_is_a_number(tmp_path):
    (tmp_path / "spaces" / "a" / "recipes").mkdir(parents=True)
    start = tmp_path / "spaces" / "a" / "recipes" / "start"
    start.write_text("#!/bin/sh\nsleep 1000\n")
    start.chmod(0o755)
    (tmp_path / "manifest.yaml").write_text(
        "apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: a, version: 1.0.0}\nspec: {topology: topology.yaml}\n")
    (tmp_path / "topology.yaml").write_text(
        "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: a}\n"
        "spaces:\n- {name: a, type: NATIVE, ready: {http: \"http://db.example.com/\"}}\n")
    for command in (["build", tmp_path, "-o", tmp_path / "p.mex"], ["validate", tmp_path]):
        _, err = mex(*command, status=1)
        assert "topology.yaml:5:" in err and "names are not resolved" in err


def test_inspect(shop):
    view = json.loads(mex("inspect", shop / "counter.mex", "-o", "json")[0])
    assert view["name"] == "counter" and view["signed"] is True
    assert [s["name"] for s in view["spaces"]] == ["dashboard", "api", "store"]
    assert view["packed_bytes"] == (shop / "counter.mex").stat().st_size
    with zipfile.ZipFile(shop / "counter.mex") as archive:
        for file in view["files"]:
            assert archive.getinfo(file["path"]).file_size == file["size"]
    table, _ = mex("inspect", shop / "counter.mex")
    for text in ["Package: counter", view["signer"], view["files"][0]["hash"], "SPACE"]:
        assert text in table
    assert "name: counter" in mex("inspect", shop / "counter.mex", "-o", "yaml")[0]


def by_another_tool(shop, path, compression):
    """The package's files, without the list of hashes, written by Python's zipfile."""
    with zipfile.ZipFile(shop / "counter.mex") as old, \
            zipfile.ZipFile(path, "w", compression) as new:
        for name in reversed(old.namelist()):
            data = old.read(name)
            if name == "manifest.yaml":
                data = data[:data.index(b"integrity:")]
            new.writestr(name, data)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_sign_accepts_an_archive_of_another_tool(shop, tmp_path, compression):
    by_another_tool(shop, tmp_path / "x.mex", compression)
    _, err = mex("verify", tmp_path / "x.mex", status=1)
    assert "integrity" in err
    mex("sign", tmp_path / "x.mex", "--key", shop / "key")
    mex("verify", tmp_path / "x.mex", "--trust", shop / "key.pub")
    assert (tmp_path / "x.mex").read_bytes() == (shop / "counter.mex").read_bytes()


def test_sign_refuses_a_wrong_integrity_list(shop, tmp_path):
    with zipfile.ZipFile(shop / "counter.mex") as old, \
            zipfile.ZipFile(tmp_path / "x.mex", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data + b"<p>" if name.endswith(".html") else data)
    before = (tmp_path / "x.mex").read_bytes()
    _, err = mex("sign", tmp_path / "x.mex", "--key", shop / "key", status=1)
    assert "spaces/dashboard/index.html" in err and "integrity list" in err
    assert (tmp_path / "x.mex").read_bytes() == before


def test_unknown_key(shop, tmp_path):
    mex("keygen", "-o", tmp_path / "other")
    _, err = mex("verify", shop / "counter.mex", "--trust", tmp_path / "other.pub", status=1)
    assert "not a trusted key" in err
    _, err = mex("build", shop / "counter", "-o", tmp_path / "x.mex", "--key",
                 tmp_path / "other.pub", status=1)
    assert "not a secret key" in err


def test_all_findings_are_reported_with_their_positions(shop, tmp_path):
    shutil.copytree(shop / "counter", tmp_path / "p")
    topology = tmp_path / "p" / "topology.yaml"
    topology.write_text(topology.read_text().replace("from: store", "from: shop")
                        .replace("to: api,", "to: apo,"))
    (tmp_path / "p" / "spaces" / "dashboard" / "index.html").unlink()
    out, err = mex("validate", tmp_path / "p", status=1)
    assert out == ""
    places = [line.split(": ", 1)[0].removeprefix(str(tmp_path)) for line in err.splitlines()]
    assert places == ["/p/spaces/dashboard/", "/p/topology.yaml:16:16",
                      "/p/topology.yaml:25:27", "mex"]
    assert "did you mean 'api'?" in err


def test_new_makes_missing_parent_directories(tmp_path):
    mex("new", tmp_path / "a" / "b" / "hello")
    assert (tmp_path / "a" / "b" / "hello" / "topology.yaml").exists()


def test_a_space_without_exports_gets_a_hint(shop, tmp_path):
    shutil.copytree(shop / "counter", tmp_path / "p")
    (tmp_path / "p" / "spaces" / "api" / "src" / "main.c").write_text("int main(void) { return 0; }\n")
    _, err = mex("build", tmp_path / "p", "-o", tmp_path / "x.mex", status=1)
    assert "spaces/api/core.wasm" in err and "SAMOZA_ON_PROCESS(void)" in err
    assert "-mexec-model=command in src/flags" in err
    (tmp_path / "p" / "spaces" / "api" / "src" / "flags").write_text("-mexec-model=command\n")
    mex("build", tmp_path / "p", "-o", tmp_path / "x.mex")


def places_of(err, directory):
    return [line.split(": ", 1)[0].removeprefix(str(directory)) for line in err.splitlines()]


def test_schema_findings_do_not_hide_others(shop, tmp_path):
    """A missing page, a name that nobody has and a file of no space stand beside them."""
    shutil.copytree(shop / "counter", tmp_path / "p")
    topology = tmp_path / "p" / "topology.yaml"
    topology.write_text(topology.read_text().replace("from: store", "from: shop")
                        .replace("to: api,", "to: apo,")
                        + "nonsense: 1\n")
    (tmp_path / "p" / "spaces" / "dashboard" / "index.html").unlink()
    (tmp_path / "p" / "spaces" / "ghost").mkdir()
    (tmp_path / "p" / "spaces" / "ghost" / "a.txt").write_text("a")
    _, err = mex("validate", tmp_path / "p", status=1)
    last = len(topology.read_text().splitlines())
    assert places_of(err, tmp_path) == [
        "/p/spaces/dashboard/", "/p/spaces/ghost/a.txt", "/p/topology.yaml:16:16",
        "/p/topology.yaml:25:27", f"/p/topology.yaml:{last}:1", "mex"]


def test_unreadable_names_are_not_reported_as_missing(shop, tmp_path):
    """`inside: Api` has one fault, and not a second one where it is named."""
    shutil.copytree(shop / "counter", tmp_path / "p")
    topology = tmp_path / "p" / "topology.yaml"
    topology.write_text(topology.read_text().replace("name: api", "name: Api"))
    _, err = mex("validate", tmp_path / "p", status=1)
    assert len(err.splitlines()) == 2 and "topology.yaml" in err.splitlines()[0], err


def test_schema_findings_of_an_archive_do_not_hide_others(shop, tmp_path):
    """The same where the archive is whole, as another tool may have made it."""
    shutil.copytree(shop / "counter", tmp_path / "p")
    with zipfile.ZipFile(shop / "counter.mex") as archive:
        names = [n for n in archive.namelist() if not n.endswith("index.html")]
        texts = {n: archive.read(n) for n in names}
    texts["topology.yaml"] += b"nonsense: 1\n"
    manifest = texts.pop("manifest.yaml").decode().split("integrity:")[0]
    listed = "".join(f"  - {{path: {n}, hash: {hashlib.sha256(t).hexdigest()}}}\n"
                     for n, t in sorted(texts.items()))
    manifest += f"integrity:\n  algorithm: sha256\n  files:\n{listed}"
    with zipfile.ZipFile(tmp_path / "x.mex", "w") as archive:
        archive.writestr("manifest.yaml", manifest)
        for name, text in texts.items():
            archive.writestr(name, text)
    _, err = mex("validate", tmp_path / "x.mex", status=1)
    assert "spaces/dashboard/: a UI space needs index.html" in err
    assert "unknown key 'nonsense'" in err


@pytest.mark.parametrize("text", [
    "[]", "spaces: 1", "spaces: [1, null, {}, [], {name: 1}]", "metadata: {}\nspaces: [{}]",
    "spaces: [{name: api, provides: [A, null, {}], imports: [1, {}, {from: }], inside: {}}]\n"
    "paths: [1, {}, {from: api}, {to: [x]}, null]",
    "spaces: [{name: api, exports: {1: {}, x: [], A B: c}, resources: 1, placement: [1]}]",
    "spaces: [*x, {name: y, imports: [*x], provides: [*x], exports: {*x : 1}}]\npaths: [*x]",
    "spaces: [{name: a, inside: a}, {name: b, inside: c}, {name: c, inside: b}]\nx: 1",
])
def test_unreadable_source_files_are_refused(shop, tmp_path, text):
    shutil.copytree(shop / "counter", tmp_path / "p")
    (tmp_path / "p" / "topology.yaml").write_text(text)
    (tmp_path / "p" / "spaces" / "api" / "space.yaml").write_text(
        "exports: {x: y}\nresources: {cpu: 1}\nprovides: [q]\nimports: [{from: z}]\n")
    _, err = mex("validate", tmp_path / "p", status=1)
    assert "topology.yaml:" in err and "finding" in err


def test_schema(shop):
    for kind in ["topology", "space", "manifest", "zhosts"]:
        schema = json.loads(mex("schema", kind)[0])
        assert schema["$schema"].startswith("https://json-schema.org/")


def test_a_missing_guest_sdk_is_reported(shop, tmp_path):
    _, err = mex("build", shop / "counter", "-o", tmp_path / "x.mex", status=1,
                 SAMOZA_GUEST_DIR=str(tmp_path))
    assert "cannot find the guest SDK" in err
