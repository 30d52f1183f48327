"""tools/check sees what it is there for: each test plants one violation into the tree as it stands
and looks for the finding. Nothing is written into the tree: a planted text or object file lies over
the tree's own.

    test_check.py BUILD
"""
import functools
import itertools
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

from checks import circles, headers, kinds, layers, mutations  # noqa: E402
from checks import symbols, text, tidy, unit_tests  # noqa: E402
from checks.tree import Tree, without_comments  # noqa: E402

BUILD = ROOT / "build"
NUMBERS = itertools.count()


@functools.cache
def tree():
    return Tree(ROOT, BUILD)


@functools.cache
def clean_findings(check):
    return list(check(tree()))


def planted(name, code):
    """The file's own text with `code` at its end."""
    path = ROOT / name
    return {name: (path.read_text() if path.exists() else "") + "\n" + code + "\n"}


def compiled(directory, name, code):
    """An object file of the source with `code` at its end, made as the build makes it."""
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        source = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if source == ROOT / name:
            break
    else:
        raise AssertionError(f"the build has no {name}")
    copy = pathlib.Path(directory) / f"{next(NUMBERS)}_{name.replace('/', '_')}"
    copy.write_text(planted(name, code)[name])
    command = shlex.split(entry["command"])
    command[command.index("-c") + 1] = str(copy)
    command[command.index("-o") + 1] = str(copy.with_suffix(".o"))
    command += ["-Wno-error", "-w", "-MF", str(copy.with_suffix(".d")),
                "-I", str((ROOT / name).parent)]
    subprocess.run(command, cwd=entry["directory"], check=True)
    return {name: copy.with_suffix(".o")}


class Planting(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def assert_found(self, check, words, texts=None, objects=None):
        clean = clean_findings(check)
        found = [f for f in check(tree().planted(texts, objects)) if f not in clean]
        self.assertTrue(any(words in f for f in found),
                        f"no finding has the words '{words}': {found}")


class Includes(Planting):
    """What a file of a pure layer, or of any layer, must not include, in every spelling."""

    def refuse(self, name, code, words):
        self.assert_found(layers.check, words, planted(name, code))

    def test_a_library_in_core(self):
        self.refuse("src/core/outbox.c", "#include <sqlite3.h>", "core may not include <sqlite3.h>")

    def test_a_library_in_model(self):
        self.refuse("src/model/zhost.c", "#include <uv.h>", "model may not include <uv.h>")

    def test_a_library_behind_quotes(self):
        self.refuse("src/core/outbox.c", '#include "curl/curl.h"',
                    "core may not include <curl/curl.h>")

    def test_system_headers_in_core(self):
        for header in ("unistd.h", "time.h", "sys/random.h", "sys/syscall.h", "pthread.h",
                       "fcntl.h", "signal.h", "x86intrin.h"):
            with self.subTest(header):
                self.refuse("src/core/lifecycle/rules.c", f"#include <{header}>",
                            f"core/lifecycle may not include <{header}>")

    def test_a_library_outside_its_adapter(self):
        self.refuse("src/zrms/main.c", "#include <sqlite3.h>", "only adapter/sqlite may")

    def test_an_unknown_header(self):
        self.refuse("src/zrms/main.c", "#include <gnutls/gnutls.h>", "is not known to")

    def test_an_adapter_in_core(self):
        for spelling in ('#include "adapter/uv/loop.h"', "#include <adapter/uv/loop.h>",
                         '#include "../adapter/uv/loop.h"', '   #   include "adapter/uv/loop.h"',
                         '\t#include "adapter/uv/loop.h"', '%:include "adapter/uv/loop.h"',
                         '#include \\\n"adapter/uv/loop.h"', '#\\\ninclude "adapter/uv/loop.h"',
                         '/* why */ #include "adapter/uv/loop.h"',
                         '# /* why */ include "adapter/uv/loop.h"',
                         '#include_next "adapter/uv/loop.h"',
                         '#include "core/../adapter/uv/loop.h"',
                         "#include <../src/adapter/uv/loop.h>",
                         '#include "../../src/adapter/uv/loop.h"'):
            with self.subTest(spelling):
                self.refuse("src/core/outbox.c", spelling, "core may not use adapter/uv")

    def test_an_include_in_a_comment_or_a_string_is_none(self):
        texts = planted("src/core/outbox.c", '/*\n#include <uv.h>\n*/\n// #include <uv.h>\n'
                        'const char *text = "\\\n#include <uv.h>";')
        self.assertEqual(list(layers.check(tree())),
                         list(layers.check(tree().planted(texts))))

    def test_upwards_through_the_layers(self):
        for mine, theirs in (("base/heap.c", "schema/yaml.h"), ("base/heap.c", "proto/wire.pb-c.h"),
                             ("schema/map.c", "model/zhost.h"), ("model/zhost.c", "core/outbox.h"),
                             ("core/place/place.c", "core/control/control.h"),
                             ("core/place/place.c", "core/agent/agent.h"),
                             ("core/outbox.c", "port/store.h"), ("port/frame.c", "adapter/uv/loop.h"),
                             ("adapter/sqlite/kv.c", "zrms/submission/submissions.h"),
                             ("adapter/sqlite/kv.c", "adapter/http/http.h"),
                             ("zrms/main.c", "zhost/daemon.h")):
            with self.subTest(f"{mine} -> {theirs}"):
                self.refuse(f"src/{mine}", f'#include "{theirs}"', "may not use")

    def test_a_spelling_of_its_own(self):
        for spelling in ("<base/heap.h>", '"../base/heap.h"', '"heap.h"'):
            with self.subTest(spelling):
                self.refuse("src/base/text.c", f"#include {spelling}",
                            'write this include as "base/heap.h"')

    def test_a_macro(self):
        self.refuse("src/core/outbox.c", '#define H <uv.h>\n#include H', "include of a macro")

    def test_a_source_file(self):
        self.refuse("src/core/outbox.c", '#include "base/heap.c"', "not a header")

    def test_a_file_in_no_layer(self):
        self.assert_found(layers.check, "in no layer", {"src/somewhere/new.c": "int x;\n"})

    def test_a_test_in_the_product(self):
        self.refuse("src/zrms/main.c", '#include "tests/unit/place/fixture.h"', "in no layer")

    def test_two_layers_that_may_use_each_other(self):
        layers.ALSO[("adapter/uv", "adapter/http")] = "planted"
        try:
            self.assertIn("layers that may use each other: adapter/http, adapter/uv",
                          "".join(circles.of_layers()))
        finally:
            del layers.ALSO[("adapter/uv", "adapter/http")]


class Symbols(Planting):
    """Functions with effects in a pure layer, by the header or by a prototype of one's own."""

    def refuse(self, name, code, words):
        self.assert_found(symbols.check, words, objects=compiled(self.scratch, name, code))

    def test_by_the_header(self):
        for include, use in (("unistd.h", "pread(0, 0, 0, 0)"), ("unistd.h", "getpid()"),
                             ("unistd.h", "usleep(1)"), ("sys/random.h", "getrandom(0, 0, 0)"),
                             ("time.h", "time(0)"), ("stdlib.h", "rand()"),
                             ("stdlib.h", "getenv(\"X\")"), ("stdio.h", "printf(\"%d\", planted())"),
                             ("stdlib.h", "malloc(1)"), ("stdlib.h", "(exit(1), 0)")):
            with self.subTest(use):
                self.refuse("src/core/outbox.c", f"#include <{include}>\nlong planted(void);\n"
                            f"long planted(void) {{ return (long){use}; }}",
                            f"core/outbox.c: {use.strip('(').split('(')[0]}")

    def test_by_a_prototype_of_ones_own(self):
        for prototype, use in (("int pread(int, void *, unsigned long, long)", "pread(0, 0, 0, 0)"),
                               ("int getpid(void)", "getpid()"), ("int usleep(unsigned)", "usleep(1)"),
                               ("long getrandom(void *, unsigned long, unsigned)",
                                "getrandom(0, 0, 0)"),
                               ("long syscall(long, ...)", "syscall(39)"),
                               ("unsigned long long uv_hrtime(void)", "uv_hrtime()"),
                               ("int sqlite3_initialize(void)", "sqlite3_initialize()")):
            for name in ("src/core/place/place.c", "src/model/zhost.c"):
                with self.subTest(f"{use} in {name}"):
                    self.refuse(name, f"extern {prototype};\nlong planted(void);\n"
                                f"long planted(void) {{ return (long){use}; }}",
                                f"{use.split('(')[0]} is not a function that a pure layer")

    def test_a_variable(self):
        self.refuse("src/model/zhost.c", "extern char **environ;\nchar **planted(void);\n"
                    "char **planted(void) { return environ; }", "environ is not")

    def test_a_function_of_a_layer_below(self):
        self.refuse("src/core/outbox.c", "extern void loop_done(void *);\nvoid planted(void);\n"
                    "void planted(void) { loop_done(0); }",
                    "core may not use loop_done() of adapter/uv")
        self.refuse("src/base/heap.c", "extern void place_free(void *);\nvoid planted(void);\n"
                    "void planted(void) { place_free(0); }",
                    "base may not use place_free() of core/place")

    def test_what_no_symbol_shows(self):
        for code in ('void planted(void) { __asm__("rdtsc"); }', "const char *when = __DATE__;",
                     "long planted(void) { return __builtin_ia32_rdtsc(); }",
                     "#pragma weak planted"):
            with self.subTest(code):
                self.assert_found(symbols.check, "in a pure layer",
                                  planted("src/core/outbox.c", code))


def calls(mine, theirs):
    """Code of a function that calls one that another file defines."""
    return f"void {theirs}(void);\nvoid {mine}(void);\nvoid {mine}(void) {{ {theirs}(); }}"


class Circles(Planting):
    def refuse(self, codes, words):
        objects = {}
        for name, code in codes.items():
            objects.update(compiled(self.scratch, name, code))
        self.assert_found(circles.check, words, objects=objects)

    def test_two_files(self):
        self.refuse({"src/base/heap.c": calls("planted_a", "planted_b"),
                     "src/base/text.c": calls("planted_b", "planted_a")},
                    "files that use each other's functions: src/base/heap.c, src/base/text.c")

    def test_three_files(self):
        self.refuse({"src/zrun/runner/clocks.c": calls("planted_a", "planted_b"),
                     "src/zrun/runner/import_set.c": calls("planted_b", "planted_c"),
                     "src/zrun/runner/message_queue.c": calls("planted_c", "planted_a")},
                    "src/zrun/runner/clocks.c, src/zrun/runner/import_set.c, "
                    "src/zrun/runner/message_queue.c")

    def test_files_of_two_directories(self):
        self.refuse({"src/zsim/world/event.c": calls("planted_a", "planted_b"),
                     "src/zsim/fuzz/life/legal.c": calls("planted_b", "planted_a")},
                    "functions: src/zsim/fuzz/life/legal.c, src/zsim/world/event.c")

    def test_a_variable_and_a_table_of_functions(self):
        self.refuse({"src/base/heap.c": "extern int planted_a;\nint *planted_b(void);\n"
                                        "int *planted_b(void) { return &planted_a; }",
                     "src/base/text.c": "int *planted_b(void);\nint planted_a;\n"
                                        "int *(*const planted_table[])(void);\n"
                                        "int *(*const planted_table[])(void) = {planted_b};"},
                    "src/base/heap.c, src/base/text.c")

    def test_directories_without_a_circle_of_files(self):
        self.refuse({"src/zrms/submission/uuid.c": calls("planted_a", "planted_b"),
                     "src/zrms/logs.c": "void planted_b(void);\nvoid planted_b(void) {}"},
                    "directories that use each other's functions: src/zrms, src/zrms/submission")

    def test_a_name_that_two_programs_define(self):
        homes = ["src/adapter/client/api.c", "src/zrms/api.c"]
        self.assertEqual(circles.home_of("src/zrms/main.c", homes), "src/zrms/api.c")
        self.assertEqual(circles.home_of("src/adapter/client/view.c", homes),
                         "src/adapter/client/api.c")
        self.assertIsNone(circles.home_of("src/zshell/main.c", homes))

    def test_the_tree_has_none(self):
        self.assertEqual(clean_findings(circles.check), [])

    def test_headers(self):
        self.assert_found(circles.check, "headers that include each other",
                          {**planted("src/base/heap.h", '#include "base/text.h"'),
                           **planted("src/base/text.h", '#include "base/heap.h"')})

    def test_every_component_is_found(self):
        graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"},
                 "g": {"g"}}
        self.assertEqual(sorted(circles.circles(graph)), [["a", "b", "c"], ["d", "e"]])


class Headers(Planting):
    def test_a_private_header_for_everything(self):
        texts = {"src/base/planted.h": "".join(f"void planted_{k}(int x);\n" for k in range(26))}
        self.assert_found(headers.check, "src/base/planted.h: 26 prototypes in a private header",
                          texts)

    def test_what_is_a_prototype(self):
        self.assertEqual(headers.prototypes(
            "#define F(x) f(x);\n/* void a(void); */\nvoid b(void);\nint c(int x,\n  int y)\n"
            "  __attribute__((format(printf, 1, 2)));\ntypedef void d(void);\n"
            "struct e { void (*f)(void); };\nstatic inline int g(void)\n{\n\treturn h();\n}\n"
            "extern int i;\nstruct j *k(void) must_check;\n"), 3)


class Kinds(Planting):
    def test_code_that_asks_for_a_kind(self):
        for code in ("int f(int t) { return t == SAMOZA__V1__SPACE_TYPE__UI; }",
                     "int f(int t) { switch (t) { case SAMOZA__V1__SPACE_TYPE__NATIVE: return 1; } }",
                     "int f(const struct space *s) { return SPACE_NATIVE != s->type; }",
                     "int f(const void *k) { return k == &space_kind_wasm; }",
                     "const int sizes[] = {[SPACE_UI] = 3};"):
            with self.subTest(code):
                self.assert_found(kinds.check, "asks for a kind of space",
                                  planted("src/zhost/space/resident.c", code))

    def test_the_file_of_a_kind_may(self):
        texts = planted("src/model/kind/ui.c", "int f(int t) { return t == SPACE_UI; }")
        self.assertEqual(list(kinds.check(tree().planted(texts))), [])


@unittest.skipUnless(shutil.which("clang-tidy"), "clang-tidy is not installed; make check does it")
class Tidy(unittest.TestCase):
    """In a tree of one file: what is planted must be on disk for clang-tidy."""

    CODE = "int twice(int value);\n\nint twice(int value)\n{\n\treturn value + value;\n}\n"

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        (self.root / "src/base").mkdir(parents=True)
        self.build = self.root / "build"
        self.build.mkdir()
        shutil.copy(ROOT / ".clang-tidy", self.root)
        self.source = self.root / "src/base/twice.c"
        (self.build / "compile_commands.json").write_text(json.dumps([
            {"directory": str(self.build), "command": "cc -c ../src/base/twice.c -o twice.o",
             "file": "../src/base/twice.c", "output": "twice.o"}]))
        (self.build / "build.ninja").write_text(
            "rule compile\n command = cc -MD -MF $out.d -c $in -o $out\n deps = gcc\n depfile = $out.d\n"
            "build twice.o: compile ../src/base/twice.c\n")
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)

    def found(self, code):
        self.source.write_text(code)
        subprocess.run(["git", "add", "src"], cwd=self.root, check=True)
        subprocess.run(["ninja", "-C", str(self.build)], check=False, capture_output=True)
        return list(tidy.lint(Tree(self.root, self.build)))

    def test_a_finding_is_reported_again_until_it_is_mended(self):
        wrong = self.CODE.replace("int twice(int value);", "int twice(int number);")
        expected = "src/base/twice.c:1: function 'twice' has a definition with different parameter"
        self.assertEqual(self.found(self.CODE), [])
        for _ in range(2):  # analysed, then remembered
            findings = self.found(wrong)
            self.assertEqual(len(findings), 1, findings)
            self.assertTrue(findings[0].startswith(expected), findings[0])
        self.assertEqual(self.found(self.CODE), [])

    def test_a_finding_is_remembered_until_what_the_file_includes_changes(self):
        header = self.source.with_suffix(".h")
        header.write_text("int twice(int number);\n")
        code = '#include "twice.h"\n' + self.CODE.split("\n", 2)[2]
        self.assertEqual(len(self.found(code)), 1)
        header.write_text("int twice(int value);\n")
        self.assertEqual(self.found(code), [])
        self.assertEqual(len(list((self.build / "tidy").iterdir())), 2)
        self.assertEqual(self.found(code), [])
        self.assertEqual(len(list((self.build / "tidy").iterdir())), 2)

    def test_a_file_that_does_not_compile_is_a_finding(self):
        findings = self.found("int twice(")
        self.assertTrue(findings and "clang-diagnostic-error" in findings[0], findings)


class UnitTests(Planting):
    def test_the_tree_names_all(self):
        self.assertEqual(clean_findings(unit_tests.check), [])

    def test_one_that_no_list_names(self):
        name = "tests/unit/control/test_planted.c"
        findings = list(unit_tests.check(tree().planted({name: "int main(void);\n"})))
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith(name))


class Mutations(Planting):
    TABLE = "tests/mutations/planted.toml"
    NAME = "src/base/planted.c"
    CODE = "first();\n\tsecond();\ntwice();\ntwice();\n"

    def found(self, *edits, more=""):
        """The findings of one mutation that makes these replacements in one file."""
        table = f'[[mutation]]\nname = "one"\nwords = "w"\n{more}'
        for old, new in edits:
            table += f'[[mutation.edit]]\nfile = "{self.NAME}"\nold = "{old}"\nnew = "{new}"\n'
        return self.found_in(table)

    def found_in(self, table):
        planted_tree = tree().planted({self.TABLE: table, self.NAME: self.CODE})
        return [f for f in mutations.check(planted_tree) if f.startswith(self.TABLE)]

    def test_the_tree_has_every_text_once(self):
        self.assertEqual(clean_findings(mutations.check), [])

    def test_white_space_stands_for_any(self):
        self.assertEqual(self.found(("first(); second();", "")), [])

    def test_a_text_that_is_gone(self):
        self.assertEqual(self.found(("third();", "")), [
            f"{self.TABLE}: one: out of date: {self.NAME} has its text 0 times: third();"])

    def test_a_text_that_is_there_twice(self):
        self.assertIn("has its text 2 times", self.found(("twice();", ""))[0])

    def test_edits_apply_one_after_the_other(self):
        third = ("third();", "fourth();")
        self.assertEqual(self.found(("first();", "third();"), third), [])
        self.assertIn("has its text 0 times",
                      self.found(("first();", ""), ("first();", ""))[0])
        self.assertIn("has its text 0 times", self.found(third, ("first();", "third();"))[0])

    def test_a_file_that_is_gone(self):
        self.assert_found(mutations.check, "there is no src/base/gone.c", {
            self.TABLE: '[[mutation]]\nname = "one"\nwords = "w"\n[[mutation.edit]]\n'
                        'file = "src/base/gone.c"\nold = "a"\nnew = ""\n'})

    def test_a_scenario_that_is_gone(self):
        self.assertEqual(self.found(("first();", ""), more='scenario = "gone"\n'),
                         [f"{self.TABLE}: one: there is no scenario gone"])

    def test_the_keys_of_a_mutation_and_of_its_edits(self):
        head = '[[mutation]]\nname = "one"\nwords = "w"\n'
        edit = f'[[mutation.edit]]\nfile = "{self.NAME}"\nold = "first();"\nnew = ""\n'
        self.assertEqual(self.found_in(head + edit), [])
        lost = "is the line [[mutation]] after it there?"
        for table, finding in (
                (head + 'sead = 3\n' + edit, "one: unknown or missing: sead"),
                ('[[mutation]]\nname = "one"\n' + edit, "one: unknown or missing: words"),
                (head + edit.replace("new", "now"), f"one: unknown or missing in an edit: new, now; {lost}"),
                (head + edit.replace("old", "words"), f"one: unknown or missing in an edit: old, words; {lost}"),
                (head + edit + '\nwords = "w"\nscenario = "gone"\n',
                 f"one: unknown or missing in an edit: scenario, words; {lost}"),
                (head + edit + head.replace("one", "two") + 'words = "w"\n' + edit, "two: Cannot overwrite a value"),
                (head + edit + edit.replace("[[mutation.edit]]\n", ""), "one: Cannot overwrite a value"),
                (head + edit + "[[mutatoin]]\n", "unknown: mutatoin")):
            found = self.found_in(table)
            self.assertEqual(len(found), 1, found)
            self.assertTrue(found[0].startswith(f"{self.TABLE}: {finding}"), found)


class Text(Planting):
    def test_an_unfinished_word(self):
        self.assert_found(text.words, "unfinished",
                          planted("src/base/heap.c", "/* TO" "DO: this */"))

    def test_comments_and_strings_are_blanked_in_place(self):
        self.assertEqual(without_comments('a /* b\n c */ "d/*" \'"\' // e\nf'),
                         'a     \n      "   " \' \'     \nf')


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
