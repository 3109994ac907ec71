# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The questions of the README are answered: each of its queries runs, and says what the recording is known to be."""
import os
import re

from harness import ROOT, check, equal, workload

SCRIPT = """
{locks} mutex
cat nothing here
(sleep .05; seq 1 20000) | wc -l
"""


def queries():
    with open(os.path.join(ROOT, "README.md")) as file:
        return dict(re.findall(r"^\| ([^|]*\?) \| `(SELECT[^`]*)` \|$", file.read(), re.M))


def test_first_query(t):
    """The one that stands in front: every call once."""
    with open(os.path.join(ROOT, "README.md")) as file:
        query, = re.findall(r'sqlite3 run\.db "(SELECT [^"]*)"', file.read())
    names = [row["name"] for row in t.record("/bin/sh", "-c", "ls; ls; sleep .01; cat /dev/null").sql(query)]
    equal((len(names), sorted(names)), (5, sorted(set(names))), "calls")


def test_questions(t):
    asked = queries()
    equal(len(asked), 10, "questions")
    trace = t.record("/bin/sh", "-c", SCRIPT.format(locks=workload("locks")))
    found = {question: trace.sql(query) for question, query in asked.items()}
    what, where, why, waited, locks, talk, slow, files, failed, used = found.values()

    tree = [row["tree"].strip() for row in what]
    equal((tree[0], sorted(tree)), ("sh", sorted(["sh", "locks", "cat", "wc", "sleep", "seq"])), "the tree")
    check(any(row["most_comm"] == "locks" for row in where), "most of some time is that of the locks")
    check(abs(sum(row["share"] for row in where) - 1) < .001, "shares of the time")
    check("sleep" in {row["comm"] for row in why}, f"sleep is on the critical path: {[tuple(row) for row in why]}")
    check(any(row["comm"] == "wc" and row["reason"] == "pipe" and row["ms"] > 40 for row in waited), "wc waited for the pipe")
    mutex = [row for row in locks if row["use"] == "lock"][0]
    check(mutex["wait_count"] > 9 and mutex["hold_max_comm"] == "locks", f"the mutex: {[tuple(row) for row in locks]}")
    edges = {(re.sub(r"\[.*", "", row["giver"]), re.sub(r"\[.*", "", row["getter"]), row["via"]): row for row in talk}
    equal(edges["seq", "wc", "pipe"]["bytes"], len("".join(f"{i}\n" for i in range(1, 20001))), "bytes from seq to wc")
    equal(slow, [], "connections")
    check(any(row["path"].endswith("libc.so.6") for row in files), "a file that all of them open")
    check(any(row["directory"] in (".", t.directory) and row["first_comm"] == "cat" for row in failed), "what cat did not find")
    equal({row["comm"] for row in used}, set(tree), "who used something")


STUCK = """
import ctypes, os, signal, threading, time
pid = os.fork()
if not pid:
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(mutex)
time.sleep(0.4)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
lock = threading.Lock()
lock.acquire()
thread = threading.Thread(target=lock.acquire)
thread.start()
time.sleep(0.2)
lock.release()
thread.join()
"""


def test_stuck(t):
    """The question about locks, with a mutex that nobody ever gives and a lock of Python's that is given once."""
    (query,) = [query for question, query in queries().items() if "locks" in question]
    rows = t.record("/usr/bin/python3", "-c", STUCK).sql(query)
    found = {row["use"] for row in rows if row["ms"] > 50}
    check(len(found) == 2 and None in found, f"{[tuple(row) for row in rows]}")


def test_connections(t):
    """The question about connections, with connections."""
    (query,) = [query for question, query in queries().items() if "connections" in question]
    trace = t.record(workload("connections"))
    rows = trace.sql(query.replace("LIMIT 20", ""))
    check(len(rows) >= 7, f"{len(rows)} connections")
    check(any(row["client_process"] for row in rows), "who connected")


def test_documented(t):
    """Each view and each of its columns has words in the database."""
    trace = t.record("/bin/true")
    missing = trace.sql("""SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c LEFT JOIN doc d
        ON d.table_name = m.name AND d.column_name = c.name WHERE m.type = 'view' AND c.name != 'trace_id' AND d.doc IS NULL""")
    equal([tuple(row) for row in missing], [], "columns of views without words")
