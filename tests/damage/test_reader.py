# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The second reader and analyze lose the same events of a damaged trace, and no others."""
import json
import os
import re

import harness
import reader
from harness import cases, check, equal, run

READER = os.path.join(harness.ROOT, "tests", "reader.py")
TRACES = os.path.join(harness.ROOT, "samples", "traces")
SAMPLES = sorted(name for name in os.listdir(TRACES) if name.endswith(".trc"))
EVENTS = 2


def sample(name):
    with open(os.path.join(TRACES, name), "rb") as file:
        return file.read()


def lines(*command):
    """(exit, every event with its fields in one order: as text, in which 1, 1.0 and true are three things)"""
    result = run(command)
    return result.returncode, [json.dumps(json.loads(line), sort_keys=True) for line in result.stdout.splitlines()]


def same(ours, theirs):
    for number, (our, their) in enumerate(zip(ours, theirs), 1):
        equal(our, their, f"event {number} of export against reader.py")
    equal(len(ours), len(theirs), "events of export against reader.py")


def both(t, data):
    """What both find in these bytes: the exit codes of export and reader.py, and the events."""
    path = t.write("both.trc", data)
    our_code, ours = lines(harness.ANALYZE, "export", "--format", "jsonl", path)
    their_code, theirs = lines("/usr/bin/python3", "-B", READER, path)
    same(ours, theirs)
    equal(our_code, their_code, "exit of export against reader.py")
    return our_code, their_code, ours


def records(t, data):
    """(offset, head) of each record of a sound trace, as reader.py has them."""
    (section,) = reader.File(t.write("sound.trc", data)).sections
    return section.records


def flipped(data, offset):
    return data[:offset] + bytes([data[offset] ^ 0x10]) + data[offset + 1:]


def test_comparison(t):
    """A difference in any one field, item or place is found."""
    _, _, events = both(t, sample("strings.trc"))
    for number, line in enumerate(events):
        event = json.loads(line)
        fields = [(event, key) for key in event if key not in ("fields", "items")]
        fields += [(event["fields"], key) for key in event["fields"]] + [(item, key) for item in event["items"] for key in item]
        for holder, key in fields:
            before, holder[key] = holder[key], [holder[key]]
            changed = events[:number] + [json.dumps(event, sort_keys=True)] + events[number + 1:]
            holder[key] = before
            try:
                same(events, changed)
            except harness.Failure:
                continue
            raise harness.Failure(f"{key} of event {number} may be anything")
    for changed in (events[1:], events[:-1], events[1:] + events[:1]):
        try:
            same(events, changed)
        except harness.Failure:
            continue
        raise harness.Failure("missing or exchanged events are not found")


@cases("children.trc", "shell.trc", "execs.trc")
def test_payload(t, name):
    """A byte flipped in a chunk: its events are missing, all others are there, both say so."""
    data = sample(name)
    everything = both(t, data)[2]
    chunks = [(offset, head) for offset, head in records(t, data) if head.type == EVENTS]
    check(len(chunks) > 1, "few chunks")
    for offset, head in chunks:
        ours, theirs, events = both(t, flipped(data, offset + 165 + head.payload_len // 2))
        equal((ours, theirs), (3, 3), "exit of export and reader.py")
        equal(len(events), len(everything) - head.event_count, "events that are left")
        check(set(events) <= set(everything), "events that were not there before")


def test_head(t):
    """A byte flipped in a head costs nothing, as long as the index has it; without the index it costs the record."""
    data = sample("children.trc")
    everything = both(t, data)[2]
    listed = records(t, data)
    for offset, head in listed[:-2]:
        events = both(t, flipped(data, offset + 100))[2]
        equal(events, everything, f"events with a damaged head at {offset}")
    cut = data[:listed[-2][0]]
    for offset, head in listed[:-2]:
        events = both(t, flipped(cut, offset + 100))[2]
        equal(len(events), len(everything) - head.event_count, f"events with a damaged head at {offset}, no index")


def test_header(t):
    """The HEADER damaged: its copy stands in. Both damaged: nothing can be read."""
    data = sample("shell.trc")
    headers = [offset for offset, head in records(t, data) if head.type == 1]
    equal(len(headers), 2, "HEADERs")
    everything = both(t, data)[2]
    equal(both(t, flipped(data, headers[0] + 1000))[2], everything, "events with the copy")
    equal(both(t, flipped(flipped(data, headers[0] + 1000), headers[1] + 1000))[2], [], "events without a HEADER")


def test_cut(t):
    """Any beginning of a trace: what it has is read."""
    data = sample("shell.trc")
    counts = []
    for offset, head in records(t, data):
        for end in (offset, offset + 80, offset + 165, offset + 165 + head.payload_len // 2):
            counts.append(len(both(t, data[:end])[2]) if end > 12 else 0)
    equal(counts, sorted(counts), "events, the more the longer")
    equal(counts[-1], len(both(t, data)[2]), "events before the END")


def test_middle_missing(t):
    """Bytes missing or too many inside a record: it is skipped, the next one is found."""
    data = sample("children.trc")
    for offset, head in records(t, data):
        middle = offset + 165 + head.payload_len // 2
        both(t, data[:middle] + data[middle + 7:])
        both(t, data[:middle] + b"\xda\x54\x52\x43\x52\x94\x1b surplus" + data[middle:])


def test_sections(t):
    """`cat a b`, in either order, also with one of them cut or damaged."""
    first, second = sample("first_act.trc"), sample("sockets.trc")
    parts = [both(t, data)[2] for data in (first, second)]
    for data in (first + second, second + first):
        ours, theirs, events = both(t, data)
        equal((ours, theirs), (0, 0), "exit of export and reader.py")
        equal(sorted(events), sorted(parts[0] + parts[1]), "events of both")
    both(t, first[:-100] + second)
    both(t, first[:len(first) // 2] + second)
    both(t, first + second[:len(second) // 2])
    offset = next(offset for offset, head in records(t, first) if head.type == EVENTS)
    check(len(both(t, flipped(first, offset + 200) + second)[2]) < len(parts[0] + parts[1]), "damage in one of them")


def test_example(t):
    """The example of FORMAT.md."""
    with open(os.path.join(harness.ROOT, "FORMAT.md")) as file:
        digits = re.findall(r"^[0-9a-f]{4}  ((?:[0-9a-f]{2} ?)+)$", file.read(), re.M)
    ours, theirs, events = both(t, bytes.fromhex("".join(digits)))
    equal((ours, theirs), (0, 0), "exit of export and reader.py")
    equal([json.loads(event)["ts"] for event in events], [1000, 1100, 1250], "times of the example")


@cases(*SAMPLES)
def test_plausible(t, name):
    """No checksum covers what the filter makes of its streams: a sample from before a change of it would be read wrong by all."""
    for line in lines("/usr/bin/python3", "-B", READER, os.path.join(TRACES, name))[1]:
        event = json.loads(line)
        check(event["fields"].get("ret", 0) >= -4095, f"no error has the number of {line}")
        if event["kind"] in ("task_new", "exec", "task_exit", "task_rename"):
            check(event["fields"]["comm"], f"no name in {line}")
            huge = {key for key, value in event["fields"].items() if isinstance(value, int) and value >= 2**63}
            check(not huge, f"{huge} of {line}")
