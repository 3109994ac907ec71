# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The rules of the house: who may include whom, who may speak, how long a file is, what it begins with."""
import os
import re

import harness
from harness import ROOT, check, equal, run, succeed


def files(*suffixes):
    found = [path for path in harness.tree_files() if path.endswith(suffixes)]
    check(found, f"no file ends in {suffixes}")
    return found


def read(path):
    with open(os.path.join(ROOT, path), errors="surrogateescape") as file:
        return file.read()


def none(problems):
    problems = list(problems)
    check(not problems, "\n".join(problems))


def without_comments(text):
    """The code, line for line, with empty strings and no comments."""
    def blank(found):
        return '""' if found[0][0] == '"' else "\n" * found[0].count("\n")

    return re.sub(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', blank, text, flags=re.S)


# The first prefix that matches a file says what it may include of ours.
MAY_INCLUDE = [
    ("common/", r"common/|version\.h$"),
    ("bpf/", r"bpf/|common/events\.h$"),
    ("record/ptrace_capture.c", r"record/|common/|bpf/capture\.bpf\.h$"),
    ("record/", r"record/|common/|bpf/\w+\.(h|def)$|trc\.skel\.h$|version\.h$"),
    ("analyze/decode/", r"analyze/decode/|analyze/stream\.h$|common/"),
    ("analyze/model/", r"analyze/model/|analyze/decode/|analyze/stream\.h$|common/"),
    ("analyze/metrics/", r"analyze/(?!sinks/|cmd)|common/"),
    ("analyze/sinks/", r"analyze/sinks/|analyze/table\.h$|common/"),
    ("analyze/", r"analyze/|common/|version\.h$"),
    ("samples/workloads/", r"(marker|workload|page_cache)\.h$"),
    ("tests/fuzz/", r"tests/|common/|analyze/|record/"),
    ("tests/", r"tests/|common/|analyze/|check\.h$"),
]


def test_includes(t):
    """Dependencies point one way: common <- record, common <- analyze, and inside analyze as designed."""
    problems = []
    for path in files(".c", ".h", ".def"):
        allowed = next((pattern for prefix, pattern in MAY_INCLUDE if path.startswith(prefix)), None)
        if not allowed:
            problems.append(f"{path}: in no room of the house")
            continue
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path), re.M):
            if not re.match(allowed, name):
                problems.append(f'{path}: may not include "{name}"')
            if name.startswith("tests/") and not path.startswith("tests/"):
                problems.append(f"{path}: includes a test")
    none(problems)


# Who may use a library's header.
LIBRARIES = {
    r"<bpf/(?!bpf_)|<libelf": r"record/|tests/bench/|tests/fuzz/",
    r"<sqlite3\.h>": r"analyze/sinks/sqlite\w*\.[ch]$|analyze/cmd_sql\.c$|tests/",
    r"<cbor\.h>": r"common/|tests/",
    r"<zstd\.h>": r"common/|tests/",
}


def test_libraries(t):
    """libbpf in record only, SQLite in its sink only, CBOR and zstd in common only."""
    none(f"{path}: may not include {line.strip()}" for path in files(".c", ".h")
         for line in re.findall(r"^\s*#\s*include\s+<[^>]+>", read(path), re.M)
         for library, allowed in LIBRARIES.items()
         if re.search(library, line) and not re.match(allowed, path))


def test_links(t):
    """analyze needs no libbpf, record no SQLite."""
    analyze = succeed(["ldd", harness.ANALYZE]).stdout
    check("libsqlite3" in analyze and "libbpf" not in analyze, f"analyze links {analyze}")
    record = succeed(["ldd", harness.RECORD]).stdout
    check("libbpf" in record and "libsqlite3" not in record, f"record links {record}")


SPEAKERS = r"common/(log|alloc)\.[ch]$"
SILENT = r"common/|analyze/(model|metrics|sinks|decode)/"


def test_who_speaks(t):
    """common, model, metrics, sinks and decode return errors; they never talk and never end the program."""
    speech = re.compile(r"\b(log_(?:error|warning|info|verbose)|perror|err|errx|warn|warnx|exit|_exit|abort)\s*\(|\bstderr\b|(?<!f)\bprintf\s*\(")
    none(f"{path}:{number}: {line.strip()}" for path in files(".c")
         if re.match(SILENT, path) and not re.match(SPEAKERS, path)
         for number, line in enumerate(without_comments(read(path)).splitlines(), 1) if speech.search(line))


def test_licence_lines(t):
    """Each source file begins with its licence."""
    none(f"{path}: no SPDX line at the top"
         for path in files(".c", ".h", ".def", ".py", ".sh", ".tbl", "CMakeLists.txt", ".ci/run")
         if not any("SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause" in line for line in read(path).splitlines()[:2]))


def test_length(t):
    """No .c file over 500 lines, unless its head says why ("Over 500 lines because")."""
    for path in files(".c", ".h"):
        lines = read(path).splitlines()
        reason = "Over 500 lines because" in "\n".join(lines[:30])
        check(len(lines) <= 500 or reason, f"{path} has {len(lines)} lines and no reason for it in its head")


def test_format(t):
    """clang-format changes nothing."""
    result = run(["clang-format", "--dry-run", "--Werror", "--ferror-limit=1", *files(".c", ".h")], cwd=ROOT)
    changed = sorted({line.split(":")[0] for line in result.stderr.splitlines() if "error:" in line})
    check(result.returncode == 0, "clang-format would change " + " ".join(changed))


# Written so that this file does not match itself.
FORBIDDEN = [r"/work[/](main|shared)", r"/roo[t]/", r"/tmp/buil[d]-", r"\bcl[a]ude\b", r"\banthr[o]pic\b", r"\bC[E]O\b", r"\bL[L]M\b",
             r"deb\.debia[n]\.org", r"npmj[s]\.", r"\bX[X]X\b", r"\bFIXM[E]\b", r"\bTOD[O]\b"]


def test_words(t):
    """Nothing of the place where it was written, no unfinished work."""
    pattern = re.compile("|".join(FORBIDDEN), re.I)
    none(f"{path}:{number}: {line.strip()[:100]}" for path in files("")
         if not path.endswith((".trc", ".db", "LICENSE"))
         for number, line in enumerate(read(path).splitlines(), 1) if pattern.search(line))


def test_headers_stand_alone(t):
    """Each header includes what it needs."""
    problems = []
    for path in files(".h"):
        if path.startswith("bpf/") or "private" in path:
            continue
        source = t.write("header.c", f'#include "{os.path.join(ROOT, path)}"\n'.encode())
        result = run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", f"-I{ROOT}", f"-I{ROOT}/samples/workloads",
                      f"-I{harness.BUILD}/generated", source])
        if result.returncode:
            problems.append(f"{path}: {result.stderr.splitlines()[0]} {result.stderr.splitlines()[1]}")
    none(problems)


def test_structs_have_no_typedef(t):
    """struct noun, never a typedef of it; no old-style macro names of libc hidden."""
    none(f"{path}: {line}" for path in files(".c", ".h") if not path.startswith("bpf/vmlinux")
         for line in re.findall(r"^typedef\s+(?:struct|union|enum)\b[^;\[]*[;{]", without_comments(read(path)), re.M))


def test_scripts_parse(t):
    """Shell and Python files have no syntax error."""
    for path in files(".sh", ".ci/run"):
        succeed(["bash", "-n", path], cwd=ROOT)
    for path in files(".py"):
        compile(read(path), path, "exec")


def test_nothing_generated_in_the_tree(t):
    """Building and testing leave the source tree as it is."""
    status = succeed(["git", "status", "--porcelain", "--ignored"], cwd=ROOT).stdout
    ignored = [line[3:] for line in status.splitlines() if line.startswith("!!")]
    none(f"{path} was made in the source tree" for path in ignored
         if not path.startswith("build") and "__pycache__" not in path)


def test_install(t):
    """cmake --install puts both programs in place; they run from there, from any directory."""
    succeed(["cmake", "--install", harness.BUILD, "--prefix", t.path("usr")])
    version = re.search(r"project\(trc VERSION ([\d.]+)", read("CMakeLists.txt"))[1]
    for program in ("record", "analyze"):
        result = succeed([t.path(f"usr/bin/{program}"), "--version"], cwd="/")
        check(version in result.stdout, f"{program} --version says {result.stdout}")
        check("RUNPATH" not in succeed(["readelf", "-d", t.path(f"usr/bin/{program}")]).stdout, "it needs the build")
    if harness.bpf_works():
        result = run([t.path("usr/bin/record"), "-q", "-o", t.path("x.trc"), "--", "/bin/true"], cwd="/")
        equal(result.returncode, 0, f"exit of the installed record ({result.stderr})")
