# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""analyze repair: a clean file with exactly the events that can be read, and what is missing, by ring and time."""
import json
import os
import random
import struct

import cbor2

import harness
import maker
import reader
from harness import cases, check, equal, run, takes
from maker import Maker
from reader_records import EVENTS, HEAD_BYTES, HEADER, LABEL

SAMPLES = os.path.join(harness.ROOT, "samples", "traces")


def export(path):
    result = run([harness.ANALYZE, "export", path])
    return result.returncode, result.stdout.splitlines(), result.stderr


def repaired(t, data, what, sound=False):
    """Repairs; the new file is clean, to both readers, and has what the old one gives. Returns its path and the old export."""
    path, whole = t.write("damaged.trc", data), t.path("whole.trc")
    if os.path.exists(whole):
        os.unlink(whole)
    code, lines, says = export(path)
    result = run([harness.ANALYZE, "repair", path, "-o", whole])
    if code == 3 and not lines and ("not a trace" in says or "no readable header" in says):
        equal(result.returncode, 3, f"{what}: exit of repair ({result.stderr})")
        check(not os.path.exists(whole), f"{what}: a file was made of nothing")
        return None, lines
    equal(result.returncode, 0, f"{what}: exit of repair ({result.stderr})")
    again_code, again, again_says = export(whole)
    equal((again_code, again_says), (0, "" if sound else again_says), f"{what}: the repaired file ({again_says})")
    equal(sorted(again), sorted(lines), f"{what}: events of the repaired file")
    events, _, problems, unknown = reader.read(whole, check=True)
    equal((problems, unknown), ([], []), f"{what}: what reader.py says of the repaired file")
    equal([json.dumps(event, sort_keys=True) for event in events], [json.dumps(json.loads(line), sort_keys=True) for line in again],
          f"{what}: events as reader.py has them")
    return whole, lines


def info(path):
    return json.loads(run([harness.ANALYZE, "info", "--format", "json", path]).stdout)


def missing(path):
    return [value for key, value in info(path).items() if key.startswith("missing_")]


def offsets(trace):
    return [sum(map(len, trace.parts[:i])) for i in range(len(trace.parts))]


def test_sound(t):
    """Of a sound file repair makes the same again: every event, every other record, nothing missing."""
    for name in ("shell.trc", "children.trc"):
        with open(os.path.join(SAMPLES, name), "rb") as file:
            data = file.read()
        whole, _ = repaired(t, data, name, sound=True)
        for command in (["report"], ["tree"], ["replay", "--ns"]):
            pages = [run(["sh", "-c", 'exec "$@" - < "$0"', path, harness.ANALYZE, *command]).stdout for path in (t.path("damaged.trc"), whole)]
            check(pages[0], f"{command} of {name} says nothing")
            equal(pages[0], pages[1], f"{command} of {name}")
        before, after = info(t.path("damaged.trc")), info(whole)
        for key in ("file", "file_bytes"):
            before.pop(key), after.pop(key)
        equal(after, before, f"info of {name}")


@takes(300)
def test_truncations(t):
    """Cut anywhere: what was whole before the cut, and an end that is known to be missing."""
    data = maker.small().data()
    for end in list(range(0, len(data), 23)) + [len(data) - 1]:
        whole, _ = repaired(t, data[:end], f"the first {end} bytes")
        if whole:
            equal(info(whole)["end"], "missing, repaired", f"end of the first {end} bytes, repaired")


@takes(300)
@cases("index", "no index")
def test_flips(t, form):
    trace = maker.small(big=form == "index")
    if form == "no index":
        trace.parts = trace.parts[:-2]
    data = trace.data()
    for at in range(0, len(data), 29):
        repaired(t, data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:], f"byte {at}")


@takes(300)
@cases("index", "no index")
def test_records_moved(t, form):
    """Records left out, given twice, exchanged. What is only in the wrong place comes back into the order of recording."""
    parts = maker.small().parts
    if form == "no index":
        parts = parts[:-2]
    original = export(t.write("original.trc", b"".join(parts)))[1]
    for i in range(2, len(parts), 2):
        repaired(t, b"".join(parts[:i] + parts[i + 1:]), f"without record {i}")
        repaired(t, b"".join(parts[:i] + [parts[i]] + parts[i:]), f"record {i} twice")
        for j in range(i + 1, len(parts), 3):
            whole, _ = repaired(t, b"".join(parts[:i] + [parts[j]] + parts[i + 1:j] + [parts[i]] + parts[j + 1:]),
                                f"records {i} and {j} exchanged")
            if form == "no index":
                equal(export(whole)[1], original, f"events in order, records {i} and {j} exchanged")


@takes(300)
def test_random(t):
    """Holes, insertions and copied stretches, also in `cat a b`."""
    dice = random.Random(11)
    one = maker.small().data()
    other = maker.small(big=True).data().replace(maker.UUID[:8], b"another!")
    for turn in range(150):
        data = dice.choice([one, one + one, one[:dice.randrange(len(one))] + one])
        begin = dice.randrange(len(data))
        end = min(len(data), begin + dice.choice([1, 12, 200, 1000]))
        piece = [b"", bytes(end - begin), data[begin:end] * 2, other[begin % len(other):][:end - begin]][turn % 4]
        repaired(t, data[:begin] + piece + data[end:], f"turn {turn}: at {begin}…{end}")


def test_missing_intervals(t):
    """Which rings lost what between which times: of a chunk whose head is known exactly, of a gap what lies around it."""
    def trace():
        made = Maker(header={7: {"trace_clock": "monotonic"}})
        made.record(7, cbor2.dumps({0: 1000000, 1: 9000000, 2: [True, 0, 0], 3: "command ended", 4: 5, 5: 0}))
        for i in range(1, 4):
            made.events(made.event(1000000 * i, i), made.event(1000000 * i + 1000, i))
        return made.events(made.event(2500000, 4, cpu=1), cpu=1)

    made = trace().end()
    at = offsets(made)[4]
    data = made.data()
    for form, path in (("damaged", t.write("x.trc", data[:at + 170] + b"\xff" + data[at + 171:])),
                       ("repaired", repaired(t, data[:at + 170] + b"\xff" + data[at + 171:], "payload of a chunk")[0])):
        equal(missing(path), ["CPU 0, object: 2 events, from +0.001000 s to +0.001001 s"], f"missing, {form}")
        table = run([harness.ANALYZE, "report", "loss", "--format", "json", path])
        row, = json.loads(table.stdout)
        equal((row["ring"], row["start_ns"], row["end_ns"], row["count"]), (0, 2000000, 2001000, 2), f"table loss, {form}")
        equal(row["class"], "object", f"class of it, {form}")
        report = run([harness.ANALYZE, "report", path])
        check("nothing lost" not in report.stdout and "PARTS" in report.stdout, f"summary, {form}: {report.stdout}")
        check("are missing" in report.stderr or "is missing" in report.stderr, f"warning, {form}: {report.stderr}")
        equal(report.returncode, 3 if form == "damaged" else 0, f"exit of report, {form}")
        equal(run([harness.ANALYZE, "report", "--strict", path]).returncode, 3, f"exit under --strict, {form}")
        row, = json.loads(run([harness.ANALYZE, "report", "trace", "--format", "json", path]).stdout)
        equal((row["damage_count"], row["repaired_count"]), (1, 0) if form == "damaged" else (0, 1), f"table trace, {form}")
    made = trace()  # no INDEX, and a head gone: only what is around it tells
    at = offsets(made)[4]
    data = made.data()
    whole, _ = repaired(t, data[:at + 3] + b"\xff" + data[at + 4:], "head of a chunk")
    for form, path in (("damaged", t.path("damaged.trc")), ("repaired", whole)):
        equal(missing(path), ["CPU 0, object: events, from +0.000001 s to +0.002000 s", "CPU 0, object: events, from +0.002001 s",
                              "CPU 1, object: events, up to +0.001500 s", "CPU 1, object: events, from +0.001500 s",
                              "any ring: events, at any time"], f"missing, {form}")
    # What was missing stays known when the repaired file is damaged and repaired again.
    with open(whole, "rb") as file:
        data = file.read()
    whole, _ = repaired(t, data[:-1], "the repaired file cut")
    equal(missing(whole)[:5], missing(t.path("damaged.trc"))[:5], "missing of the repaired file, cut and repaired")


def test_missing_end(t):
    """What stands behind the last clock but one, or may be older in a flight recorder's file."""
    for options, first, other in ((["events", "x"], "+3.000000 s", "+3.000000 s"), (["flight", "30s"], "+0.500000 s", "at any time")):
        made = Maker(header={13: {"options": [options]}})
        for i in range(1, 7):
            made.record(4, cbor2.dumps([[i * 10**9, i * 10**9, 0, 0, 1]]), ts=(i * 10**9, i * 10**9))
            if i == 1:
                made.events(made.event(1500000000, 1, cpu=1), cpu=1)
        made.events(made.event(6500000000, 1))
        path = t.write("x.trc", made.data())
        for form, path in (("cut", path), ("repaired", repaired(t, made.data(), "no end")[0])):
            equal(missing(path), ["CPU 0, object: events, from +5.500000 s", f"CPU 1, object: events, from {first}",
                                  f"any ring: events, {'from ' * (other[0] == '+')}{other}"], f"missing, {form}")


def test_headers(t):
    """A HEADER from a copy, or from another section of the trace; sections without one are left out, and that is noted."""
    trace = maker.small()
    data = trace.data()
    lost = LABEL + b"x" * 50 + data[62:]  # the first HEADER; its copy stands at the end
    repaired(t, lost, "the first HEADER lost")
    parts = [part if part[25:26] != bytes([HEADER]) else part[:-1] + bytes([part[-1] ^ 1]) for part in trace.parts]
    repaired(t, b"".join(parts) + data, "no HEADER in the first section")
    foreign = Maker(uuid=b"another trace...")
    foreign.events(foreign.event(3, 1)).end()
    foreign.parts[0], foreign.parts[1] = LABEL, foreign.parts[1][:-1] + b"x"
    whole, _ = repaired(t, data + b"".join(foreign.parts), "a section that no HEADER describes")
    check(any("1 events" in what for what in missing(whole)), f"what is missing of it: {missing(whole)}")


def test_output(t):
    """Nothing is overwritten; a pipe is as good as a file; what cannot be written leaves nothing behind."""
    data = maker.small().data()
    path = t.write("a.trc", data[:-5])
    for output in (path, t.write("there", b"precious")):
        result = run([harness.ANALYZE, "repair", path, "-o", output])
        equal(result.returncode, 2, "exit with an output that exists")
        check("is there already" in result.stderr, result.stderr)
    with open(path, "rb") as file:
        equal(file.read(), data[:-5], "the input")
    repaired(t, data[:-5], "cut")
    result = run(["sh", "-c", f"cat {t.path('damaged.trc')} | {harness.ANALYZE} repair - -o - > {t.path('piped.trc')}"])
    equal(result.returncode, 0, "exit through pipes")
    with open(t.path("piped.trc"), "rb") as piped, open(t.path("whole.trc"), "rb") as whole:
        equal(piped.read(), whole.read(), "the file made through pipes")
    result = run([harness.ANALYZE, "repair", path, "-o", "-"], stdout=open("/dev/full", "wb"))
    equal(result.returncode, 2, "exit with a full disk")
    check("No space left" in result.stderr, result.stderr)
    result = run(["sh", "-c", f"ulimit -f 1; exec {harness.ANALYZE} repair {path} -o {t.path('limited.trc')}"])
    equal((result.returncode, os.path.exists(t.path("limited.trc"))), (2, False), "exit and file under a limit")
    equal(run([harness.ANALYZE, "repair", "--strict", path, "-o", t.path("strict.trc")]).returncode, 3, "exit under --strict")
    equal(os.stat(t.path("strict.trc")).st_mode & 0o777, 0o600, "mode of the output")
    for wrong in (["repair", path], ["repair", "-o", t.path("y")], ["repair", "--pid", "1", path, "-o", t.path("y")]):
        equal(run([harness.ANALYZE, *wrong]).returncode, 2, f"exit of {wrong}")
