# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Names and paths that are made to break the reader of an output: every form is parsed back by a strict reader and has the
same bytes in it, and no form lets a control character reach a terminal."""
import contextlib
import csv
import io
import json
import os
import pty
import re
import sqlite3
import struct
import subprocess
import tty
import unicodedata

import harness
from harness import cases, check, equal, run, succeed
from maker import Maker, item

HOSTILE = {
    "escape": b"/\x1b[2J\x1b]0;owned\x07/\x9b31m",
    "newline": b"/a\nFAKE 1.0 execve(\"/bin/sh\") = 0\r\n",
    "tab": b"/a\tb\tc\x0b\x0c\x08",
    "utf8": "/größe/日本\u202egnp.exe\u200b".encode(),
    "not_utf8": b"/\xff\xfe\xc3(\xed\xa0\x80\xf5\x80\x80\x80\xc0\x80",
    "quotes": b"/'\"`\"\"''\\\"\\",
    "script": b"</script><script>alert(1)</script>&amp;<!--",
    "commas": b"/a,b;c,\"d\",=1+1,@SUM(A1),-2",
    "sql": b"'); DROP TABLE process; --",
    "format": b"%s%n%d{}{0}$(id)`id`${HOME}",
    "strace": b"/x\", O_RDONLY) = 3 <0.1>",
    "delete": b"/\x7f\x01\x02\x1f end ",
}
KINDS = [
    [1, "syscall", 72, 2, [["nr", 24, 4, 3, "syscall", ""], ["abi", 28, 1, 1, "abi", ""], ["state", 29, 1, 1, "enum", ""],
                           ["flags", 30, 1, 1, "hex", ""], ["items", 31, 1, 1, "count", ""], ["ret", 32, 8, 6, "errno_ret", ""],
                           ["duration_ns", 40, 8, 4, "ns", ""], *([f"arg{i}", 48 + 8 * i, 8, 4, "hex", ""] for i in range(3))],
     [[f"data{i}", 16, ""] for i in range(6)], ""],
    [4, "task_rename", 40, 0, [["comm", 24, 16, 7, "name", ""]], [], ""],
]
CALLS = {1: [[2, "open", 1, 1, [["pathname", "path", 0, None], ["flags", "hex", 0, None], ["mode", "mode", 0, None]]]]}


def trace(t, text):
    """Somebody of that name opens a file of that name, on a machine of that name, under a command of that name."""
    made = Maker(kinds=KINDS, header={6: {"hostname": text, "release": text}, 10: CALLS,
                                      13: {"argv": [text, b"x " + text], "cwd": text, "pid": 7, "options": [[text, text]]}})
    rename = made.event(10, kind=4, fixed=text[:15].ljust(16, b"\0"))
    made.events(rename, stream=0, kinds=1 << 4)
    fixed = struct.pack("<IBBBBqQQQQ", 2, 1, 0, 0, 1, -2, 5, 4096, 0, 0)
    made.events(made.event(20, fixed=fixed, tail=item("<", 0, 17, text)), made.event(30, fixed=fixed, tail=item("<", 0, 17, text)),
                stream=2 << 16)
    return t.write("hostile.trc", made.end().data())


def analyze(path, *words):
    result = run([harness.ANALYZE, *words, path], text=False, errors=None)
    equal(result.returncode, 0, f"exit of {words} ({result.stderr})")
    return result.stdout


def on_a_terminal(path, *words):
    master, slave = pty.openpty()
    tty.setraw(slave)
    process = subprocess.Popen([harness.ANALYZE, *words, path], stdout=slave)
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # its end
        while chunk := os.read(master, 65536):
            shown += chunk
    os.close(master)
    equal(process.wait(), 0, f"exit of {words}")
    return shown


def back(text):
    """The bytes that stand behind a string of JSON or CSV."""
    return text.encode("utf-8", "surrogateescape")


def strict_csv(data):
    """RFC 4180 to the letter: quotes only around a field or doubled in it, the same number of fields everywhere."""
    field = r'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
    text = data.decode("utf-8", "surrogateescape")
    check(re.fullmatch(rf"(?:{field}(?:,{field})*\r?\n)+", text), f"no CSV: {text!r}")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    check(len({len(row) for row in rows}) == 1, f"rows of different lengths: {rows}")
    return rows


def harmless(data, what):
    """What a terminal gets: no control character but the end of a line, no broken UTF-8, no character that turns text round."""
    text = data.decode("utf-8")
    bad = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    check(not bad, f"{what}: {text[max(0, bad.start() - 40):bad.start() + 40]!r}" if bad else "")


@cases(*HOSTILE)
def test_terminal(t, name):
    """Text and replay: one event is one line, and nothing in it is an order to the terminal."""
    path = trace(t, HOSTILE[name])
    tables = [line.split()[0] for line in succeed([harness.ANALYZE, "report", "--list"]).stdout.splitlines()]
    for words in (["report"], ["report", *tables], ["replay"], ["replay", "--no-split", "-tt"], ["tree"], ["info"]):
        harmless(analyze(path, *words), " ".join(words))
    for words in (["export"], ["export", "--format", "csv", "--kind", "task_rename"], ["report", "--format", "csv", "thread"],
                  ["report", "--format", "csv", "syscall"], ["report", "--format", "json", "syscall"], ["info", "--format", "json"]):
        shown = on_a_terminal(path, *words)
        harmless(shown, f"{' '.join(words)} on a terminal")
        check(shown.count(b"\n") > 1, f"{words} shows nothing: {shown}")
    lines = analyze(path, "replay").decode().splitlines()
    equal(len(lines), 2, f"lines of replay: {lines}")
    check(all(re.search(r' = -1 ENOENT|= -2', line) or line.endswith(">") for line in lines), f"{lines}")


@cases(*HOSTILE)
def test_replay(t, name):
    """The string in a line of replay, read as C reads it, is the path."""
    text = HOSTILE[name]
    line = analyze(trace(t, text), "replay").decode().splitlines()[0]
    quoted = re.search(r'open\("((?:[^"\\]|\\.)*)"', line)
    check(quoted, f"no string in {line}")
    simple = {"n": b"\n", "t": b"\t", "r": b"\r", "v": b"\v", "f": b"\f", "a": b"\a", "b": b"\b"}

    def char(found):
        escaped = found[1]
        return (bytes([int(escaped, 8)]) if escaped[0] in "01234567" else bytes([int(escaped[1:], 16)]) if escaped[0] == "x"
                else simple.get(escaped, escaped.encode())).decode("latin-1")

    got = re.sub(r"\\([0-7]{1,3}|x[0-9a-f]{2}|.)", char, quoted[1].encode().decode("latin-1")).encode("latin-1")
    equal(got, text, "the path in replay")


@cases(*HOSTILE)
def test_json(t, name):
    """JSON in all its forms is JSON, and has the bytes."""
    text = HOSTILE[name]
    path = trace(t, text)
    events = [json.loads(line) for line in analyze(path, "export").splitlines()]
    equal([back(event["items"][0]["data"]) for event in events if event["items"]], [text, text], "paths in export")
    equal([back(event["fields"]["comm"]) for event in events if event["kind"] == "task_rename"], [text[:15]], "names in export")
    info = json.loads(analyze(path, "info", "--format", "json"))
    equal(back(info["host"]), text, "host in info")
    trace_row, = json.loads(analyze(path, "report", "--format", "json", "trace"))
    equal(back(trace_row["host"]), text, "host in the tables")
    for line in analyze(path, "report", "--format", "jsonl", "syscall", "thread", "process").splitlines():
        json.loads(line)
    json.loads(analyze(path, "tree", "--format", "json"))


@cases(*HOSTILE)
def test_csv(t, name):
    text = HOSTILE[name]
    path = trace(t, text)
    rows = strict_csv(analyze(path, "export", "--format", "csv", "--kind", "syscall"))
    equal(len(rows), 3, "rows")
    items = json.loads(rows[1][-1])
    equal(back(items[0]["data"]), text, "path in CSV")
    for table in ("syscall", "thread", "process", "trace", "failure"):
        strict_csv(analyze(path, "report", "--format", "csv", table))


@cases(*HOSTILE)
def test_sql(t, name):
    """The database is sound, has the tables that it should, and the name of the host, byte for byte."""
    text = HOSTILE[name]
    path = trace(t, text)
    succeed([harness.ANALYZE, "load", path, t.path("x.db")])
    db = sqlite3.connect(t.path("x.db"))
    db.text_factory = bytes
    equal(db.execute("PRAGMA integrity_check").fetchall(), [(b"ok",)], "integrity")
    equal(db.execute("SELECT count(*) FROM syscall").fetchone(), (2,), "calls")
    check(db.execute("SELECT count(*) FROM process").fetchone()[0] >= 1, "no process")
    host, = db.execute("SELECT host FROM trace").fetchone()
    equal(host, text, "host in SQL")
    dump = run(["sqlite3", t.path("x.db"), ".dump"], text=False, errors=None)
    equal(dump.returncode, 0, "exit of .dump")


def places(text):
    """How many places it takes on a terminal, as Unicode has it."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_columns(t):
    """What takes two places, or none, leaves the columns where they are."""
    names = ["日本語", "e\u0301tude\u0301", "plain"]
    fixed = struct.pack("<IBBBBqQQQQ", 2, 1, 0, 0, 1, -2, 5, 4096, 0, 0)
    made = Maker(kinds=KINDS, header={10: CALLS})
    made.events(*[made.event(10 + i, fixed=fixed, tail=item("<", 0, 17, name.encode())) for i, name in enumerate(names)], stream=2 << 16)
    out = analyze(t.write("wide.trc", made.end().data()), "report", "--columns", "path,tid", "syscall").decode()
    ends = {places(line) for line in out.splitlines()}
    equal(len(out.splitlines()), 1 + len(names), "lines")
    equal(len(ends), 1, f"different places where the tid ends:\n{out}")
