"""schema-tool refuses a schema in which a field of a topology says nothing of what a change of it
does: each field in turn is left without the option, and the build must stop with its name.

    test_schema_tool.py SCHEMA-TOOL PROTOC PROTOBUF-INCLUDE
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PROTO = pathlib.Path(__file__).resolve().parents[3] / "proto"
TOOL, PROTOC, INCLUDE = sys.argv[1:4]
CHANGE = re.compile(r"change: CHANGE_\w+ ?")


# Fields that say something else than the field above them.
OVERRIDES = {"patience"}


class Change(unittest.TestCase):
    def run_tool(self, model, options=None):
        """(exit status, standard error) for an edited model.proto."""
        with tempfile.TemporaryDirectory() as scratch:
            directory = pathlib.Path(scratch)
            (directory / "model.proto").write_text(model)
            (directory / "options.proto").write_text(options or
                                                     (PROTO / "options.proto").read_text())
            subprocess.run([PROTOC, f"-I{scratch}", f"-I{INCLUDE}", "--include_imports",
                            f"--descriptor_set_out={scratch}/d", f"{scratch}/model.proto"],
                           check=True)
            done = subprocess.run([TOOL, "change", f"{scratch}/d", f"{scratch}/out.c"], text=True,
                                  capture_output=True, check=False)
            return done.returncode, done.stderr

    def setUp(self):
        self.model = (PROTO / "model.proto").read_text()

    def test_the_schema_as_it_is(self):
        self.assertEqual(self.run_tool(self.model), (0, ""))

    def test_each_field_without_the_option(self):
        options = list(CHANGE.finditer(self.model))
        self.assertGreater(len(options), 20)
        for found in options:
            line = self.model[self.model.rfind("\n", 0, found.start()) + 1:]
            field = re.match(r"\s*(?:required |optional |repeated )?(?:map<.*?> )?\S* ?(\w+) =",
                             line).group(1)
            with self.subTest(field):
                status, words = self.run_tool(self.model[:found.start()] +
                                              self.model[found.end():])
                if field in OVERRIDES:
                    self.assertEqual(status, 0, "it has the option of the field above it")
                    continue
                self.assertEqual(status, 1)
                self.assertIn("what does a change of it mean?", words)
                message = re.findall(r"^message (\w+)", self.model[:found.start()], re.MULTILINE)
                # The field itself, or the first one below it.
                self.assertRegex(words, rf"samoza\.v1\.({message[-1]}\.{field}|\w+\.\w+):")

    def test_a_new_field(self):
        model = self.model.replace("message Stop {", "message Stop {\n\toptional string how = 9;")
        self.assertEqual(self.run_tool(model)[0], 0, "it inherits the option of Space.stop")
        model = self.model.replace("message Space {", "message Space {\n\toptional string how = 99;")
        self.assertIn("samoza.v1.Space.how: what does a change", self.run_tool(model)[1])

    def test_an_option_that_nothing_reads(self):
        model = self.model.replace(
            "message DeviceOffer {", "message DeviceOffer {\n\toptional string how = 9 "
            "[(rule) = {change: CHANGE_ADJUST}];")
        self.assertIn("samoza.v1.DeviceOffer.how: the option `change` is for what a topology",
                      self.run_tool(model)[1])

    def test_a_message_that_contains_itself(self):
        model = self.model.replace("message Stop {", "message Stop {\n\toptional Stop then = 9;")
        self.assertIn("samoza.v1.Stop contains itself", self.run_tool(model)[1])


if __name__ == "__main__":
    del sys.argv[1:]
    unittest.main()
