"""The checker of histories finds what no register can have answered, and nothing else."""
import pathlib
import random
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "history"))
from linear import COMPARE, INVALID, READ, UNDECIDED, VALID, WRITE, Operation, check, check_register  # noqa: E402


def write(client, begun, ended, value, key="k"):
    return Operation(client, key, WRITE, begun, ended, value)


def read(client, begun, ended, value, key="k"):
    return Operation(client, key, READ, begun, ended, value)


def compare(client, begun, ended, expected, value, is_refused=False):
    return Operation(client, "k", COMPARE, begun, ended, value, expected, is_refused)


def outcome(*history):
    return check_register(list(history))[0]


class Register:
    """What a history is recorded of that must be valid: operations that happen one after the other, at a moment
    between their begin and their end; some answers are lost."""

    def __init__(self, seed, clients=5, loss=0.1):
        self.random = random.Random(seed)
        self.loss = loss
        self.free = [0.0] * clients  # when each has its answer
        self.values, self.number, self.history = {}, 0, []

    def operation(self):
        client = self.random.randrange(len(self.free))
        begun = self.free[client] + self.random.random() * 0.1
        moment = begun + self.random.random()
        self.free[client] = ended = moment + self.random.random()
        self.number += 1
        kind = self.random.choice((READ, READ, WRITE, COMPARE))
        return moment, Operation(client, self.random.choice("ab"), kind, begun, ended, self.number)

    def record(self, count):
        for _, operation in sorted((self.operation() for _ in range(count)), key=lambda entry: entry[0]):
            now = self.values.get(operation.key)
            is_lost = self.random.random() < self.loss
            if is_lost:
                operation.ended = None
            if operation.kind == READ:
                operation.value = now
            elif operation.kind == COMPARE:
                operation.expected = self.random.choice((now, now, 0))
                operation.is_refused = operation.expected != now
            happens = not operation.is_refused and (not is_lost or self.random.random() < 0.5)
            if operation.kind != READ and happens:
                self.values[operation.key] = operation.value
            self.history.append(operation)
        return self.history


class Checker(unittest.TestCase):
    def test_what_follows_one_after_the_other_is_valid(self):
        self.assertEqual(outcome(write("a", 0, 1, 1), read("b", 2, 3, 1), write("a", 4, 5, 2), read("b", 6, 7, 2)), VALID)
        self.assertEqual(outcome(read("a", 0, 1, None)), VALID)

    def test_a_lost_write_is_found(self):
        self.assertEqual(outcome(write("a", 0, 1, 1), write("a", 2, 3, 2), read("b", 4, 5, 1)), INVALID)
        self.assertEqual(outcome(write("a", 0, 1, 1), read("b", 2, 3, None)), INVALID)

    def test_a_stale_read_is_found_also_where_a_later_one_is_right(self):
        self.assertEqual(outcome(write("a", 0, 1, 1), write("a", 2, 3, 2), read("b", 4, 5, 2), read("c", 6, 7, 1),
                                 read("b", 8, 9, 2)), INVALID)

    def test_a_read_during_a_write_may_find_either(self):
        for value in (1, 2):
            self.assertEqual(outcome(write("a", 0, 1, 1), write("a", 2, 6, 2), read("b", 3, 4, value)), VALID)
        self.assertEqual(outcome(write("a", 0, 1, 1), write("a", 2, 6, 2), read("b", 3, 3.5, 2), read("c", 4, 5, 1)),
                         INVALID)

    def test_a_value_that_nobody_wrote_is_found(self):
        self.assertEqual(outcome(write("a", 0, 1, 1), read("b", 0, 1, 7)), INVALID)

    def test_a_write_of_unknown_outcome_happens_late_or_never_but_not_before_its_begin(self):
        lost = write("a", 2, None, 2)
        self.assertEqual(outcome(write("a", 0, 1, 1), lost, read("b", 3, 4, 1), read("b", 9, 10, 2)), VALID)
        self.assertEqual(outcome(write("a", 0, 1, 1), lost, read("b", 3, 4, 1), read("b", 9, 10, 1)), VALID)
        self.assertEqual(outcome(write("a", 0, 1, 1), lost, read("b", 3, 4, 2), read("b", 9, 10, 1)), INVALID)
        self.assertEqual(outcome(read("b", 0, 1, 2), lost), INVALID)

    def test_a_comparison_is_one_step(self):
        self.assertEqual(outcome(compare("a", 0, 5, None, 1), compare("b", 0, 5, None, 2, True), read("c", 6, 7, 1)), VALID)
        self.assertEqual(outcome(compare("a", 0, 5, None, 1), compare("b", 0, 5, None, 2)), INVALID)
        self.assertEqual(outcome(compare("a", 0, 1, None, 1, True)), INVALID)
        self.assertEqual(outcome(compare("a", 0, None, None, 1), compare("b", 2, 3, None, 2, True)), VALID)

    def test_a_read_without_an_answer_says_nothing(self):
        self.assertEqual(outcome(write("a", 0, 1, 1), read("b", 2, None, 9)), VALID)

    def test_keys_are_judged_one_by_one(self):
        history = [write("a", 0, 1, 1, "x"), read("b", 2, 3, 1, "x"), write("a", 2, 3, 1, "y"), read("b", 4, 5, None, "y")]
        bad, good = check(history)
        self.assertEqual((bad.key, bad.outcome, good.key, good.outcome), ("y", INVALID, "x", VALID))
        self.assertIn("b: read None", str(bad))

    def test_histories_of_a_real_register_are_valid(self):
        for seed in range(40):
            for verdict in check(Register(seed).record(300)):
                self.assertEqual(verdict.outcome, VALID, f"seed {seed}\n{verdict}")

    def test_a_fault_that_is_planted_in_such_a_history_is_found(self):
        """A read that finds what was replaced long ago; a write that is acknowledged and does not happen."""
        for seed in range(20):
            history = Register(seed, loss=0.02).record(300)
            end = max(o.ended or o.begun for o in history)
            history += [write("a", end + 1, end + 2, -1, "a"), write("a", end + 3, end + 4, -2, "a")]
            stale = read("b", end + 5, end + 6, -1, "a")
            self.assertEqual([v.key for v in check([*history, stale]) if v.outcome == INVALID], ["a"], f"seed {seed}")
            stale.value = -2
            self.assertEqual([v for v in check([*history, stale]) if v.outcome != VALID], [], f"seed {seed}")

    def test_it_ends_in_time(self):
        """Thirty writes at once, and a read that none of them explains: every order would have to be tried."""
        history = [write(n, 0, 100, n) for n in range(30)] + [read(n, 1, 99, n) for n in range(30)]
        history.append(read("z", 101, 102, "none"))
        begun = time.monotonic()
        verdict, = check(history, seconds=0.5)
        self.assertIn(verdict.outcome, (UNDECIDED, INVALID))
        self.assertLess(time.monotonic() - begun, 10)


if __name__ == "__main__":
    unittest.main()
