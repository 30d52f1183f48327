"""Whether a history of concurrent operations could have happened one after the other.

    history = [Operation(client, key, kind, begun, ended, …), …]
    for verdict in check(history, seconds=10): verdict.outcome is VALID, INVALID or UNDECIDED

A history is linearizable when every operation can be given one moment between its begin and its end, so that in the order of
these moments each answer is the one that a register gives. Keys are registers of their own, and are judged one by one
(linearizability is local). The search is that of Wing and Gong: take one of the operations that may be next, look whether
the register allows it, go on; where nothing fits, go back. A state of the search that was seen before, which is the set of
operations taken and the value of the register, is not entered again (Lowe).

    read      found `value`
    write     `value` replaced whatever there was
    compare   `value` replaced `expected`; is_refused: it found something else

The outcome of a change whose answer was lost (`ended` None) is unknown: it takes effect at any moment after its begin, or never.
A read without an answer says nothing, and is left out.
"""
import dataclasses
import time

READ, WRITE, COMPARE = "read", "write", "compare"
VALID, INVALID, UNDECIDED = "valid", "invalid", "undecided"
FOREVER = float("inf")


@dataclasses.dataclass
class Operation:
    client: object
    key: object
    kind: str
    begun: float
    ended: float | None = None  # None: nobody knows whether it happened
    value: object = None
    expected: object = None  # compare: what has to be there
    is_refused: bool = False  # compare: something else was there

    def step(self, state):
        """(allowed, the register after it)"""
        if self.kind == READ:
            return state == self.value, state
        if self.kind == WRITE:
            return True, self.value
        if self.ended is None:
            return True, self.value if state == self.expected else state
        fits = state == self.expected
        return fits != self.is_refused, self.value if fits else state

    def __str__(self):
        what = {READ: f"read {self.value!r}", WRITE: f"write {self.value!r}",
                COMPARE: f"compare {self.expected!r}, write {self.value!r}"}[self.kind]
        end = f"{self.ended:.3f}" if self.ended is not None else "?"
        answer = " refused" if self.is_refused else "" if self.ended is not None else " (its outcome is unknown)"
        return f"{self.begun:9.3f} to {end:>9}  {self.client}: {what}{answer}"


@dataclasses.dataclass
class Verdict:
    key: object
    outcome: str
    history: list
    stuck: list  # INVALID: the operations of which none could be next, where the search came furthest

    def __str__(self):
        lines = [f"{self.key}: {self.outcome}"]
        if self.outcome == INVALID:
            place = self.history.index(self.stuck[0])
            lines += ["  none of these can be next:", *(f"    {o}" for o in self.stuck), "  around them:",
                      *(f"    {o}" for o in self.history[max(0, place - 20):place + 10])]
        return "\n".join(lines)


class Chain:
    """Begins and ends of operations in the order of time, as a list from which an operation can be lifted, and put back."""

    def __init__(self, history):
        moments = []
        for i, operation in enumerate(history):
            # At one moment begins come first: such operations count as concurrent.
            moments.append((operation.begun, 0, i))
            moments.append((FOREVER if operation.ended is None else operation.ended, 1, i))
        moments.sort()
        self.of = [(kind, i) for _, kind, i in moments]  # from 1 on; 0 is the head
        self.of.insert(0, None)
        count = len(self.of)
        self.next = [*range(1, count), None]
        self.before = [None, *range(count - 1)]
        self.places = [[0, 0] for _ in history]
        for place in range(1, count):
            kind, i = self.of[place]
            self.places[i][kind] = place

    def lift(self, i):
        for place in self.places[i]:
            self.next[self.before[place]] = self.next[place]
            if self.next[place] is not None:
                self.before[self.next[place]] = self.before[place]

    def put_back(self, i):
        for place in reversed(self.places[i]):
            self.next[self.before[place]] = place
            if self.next[place] is not None:
                self.before[self.next[place]] = place

    def candidates(self):
        """Those that began before any other one that is left has ended."""
        place = self.next[0]
        while place is not None and self.of[place][0] == 0:
            yield self.of[place][1]
            place = self.next[place]


def check_register(history, initial=None, deadline=FOREVER):
    """The operations of one key: VALID, INVALID or UNDECIDED (the deadline, of time.monotonic(), has passed), and
    for INVALID what could not be placed."""
    history = sorted((o for o in history if o.kind != READ or o.ended is not None), key=lambda o: o.begun)
    known = sum(o.ended is not None for o in history)
    chain = Chain(history)
    state, taken, left, steps = initial, 0, known, 0
    seen, calls, furthest, stuck = set(), [], known + 1, []
    place = chain.next[0]
    while left > 0:
        steps += 1
        if steps % 1024 == 0 and time.monotonic() > deadline:
            return UNDECIDED, []
        kind, i = chain.of[place]
        if kind == 0:
            allowed, after = history[i].step(state)
            if allowed and (entered := (taken | 1 << i, after)) not in seen:
                seen.add(entered)
                calls.append((i, state))
                state, taken = after, taken | 1 << i
                left -= history[i].ended is not None
                chain.lift(i)
                place = chain.next[0]
                continue
            place = chain.next[place]
            continue
        # An end of one that was not taken: nothing that could be next fits.
        if left < furthest:
            furthest, stuck = left, [history[c] for c in chain.candidates()]
        if not calls:
            return INVALID, stuck
        i, state = calls.pop()
        taken &= ~(1 << i)
        left += history[i].ended is not None
        chain.put_back(i)
        place = chain.next[chain.places[i][0]]
    return VALID, []


def without_unseen(history):
    """Without changes of unknown outcome whose value nobody ever found: what they did, if anything, is as never. A comparison that
    was refused may have found it, so then all are kept."""
    if any(o.kind == COMPARE for o in history):
        return history
    found = {o.value for o in history if o.kind == READ and o.ended is not None}
    return [o for o in history if o.ended is not None or o.kind != WRITE or o.value in found]


def check(history, initial=None, seconds=60):
    """A verdict for each key, those that are not valid first. `initial`: values that are there before, by key; None for others.
    `seconds`: for all of them together."""
    deadline = time.monotonic() + seconds
    registers = {}
    for operation in history:
        registers.setdefault(operation.key, []).append(operation)
    verdicts = []
    for key, operations in sorted(registers.items(), key=lambda entry: len(entry[1])):
        operations.sort(key=lambda o: o.begun)
        outcome, stuck = check_register(without_unseen(operations), (initial or {}).get(key), deadline)
        verdicts.append(Verdict(key, outcome, operations, stuck))
    return sorted(verdicts, key=lambda v: (v.outcome == VALID, str(v.key)))
