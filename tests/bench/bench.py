# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What all questions share: the directory, running and measuring a command, what a recording says of itself, tables."""
import csv
import os
import re
import shutil
import subprocess
import sys

BENCH = os.path.dirname(os.path.abspath(__file__))


class Bench:
    def __init__(self, build, quick):
        self.build, self.quick = build, quick
        self.tools = os.path.join(build, "bench")
        self.work = os.path.join(self.tools, "work")
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)
        os.symlink(self.tool("server"), self.path("server"))  # mix.sh looks for it
        self.record, self.analyze = os.path.join(build, "record/record"), os.path.join(build, "analyze")
        self.file = open(os.path.join(self.tools, "figures.csv"), "w", newline="")
        self.csv = csv.writer(self.file)
        self.csv.writerow(["question", "subject", "round", "figure", "value"])
        self.cpu = min(os.sched_getaffinity(0))
        self.rounds = 3 if quick else 6
        self.quoted = {}  # what README says: (row, column): cell
        self.remarks = []  # and below its table

    def close(self):
        self.file.close()
        shutil.rmtree(self.work)

    def tool(self, name):
        return os.path.join(self.tools, name)

    def path(self, name):
        return os.path.join(self.work, name)

    def remove(self, *names):
        for name in names:
            for path in (self.path(name), self.path(name) + ".old"):
                if os.path.exists(path):
                    os.unlink(path)

    def note(self, question, subject, turn, **figures):
        for figure, value in figures.items():
            self.csv.writerow([question, subject, turn, figure, value])

    def quote(self, row, column, cell):
        self.quoted[row, column] = cell

    def run(self, command, timeout=300):
        """Standard output of a command that must succeed."""
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                timeout=timeout, check=False, cwd=self.work)
        if result.returncode:
            sys.exit(f"bench: {' '.join(command)}: exit {result.returncode}\n{result.stdout[-500:]}{result.stderr[-2000:]}")
        return result.stdout

    def usage(self, command):
        """What a command took: wall, own and tree CPU in ns, peak memory in bytes, start. Its output is thrown away."""
        out = self.path("usage")
        with open(os.devnull, "w") as null:
            result = subprocess.run([self.tool("usage"), out, *command], stdin=subprocess.DEVNULL, stdout=null,
                                    stderr=subprocess.PIPE, text=True, timeout=600, check=False, cwd=self.work)
        if result.returncode:
            sys.exit(f"bench: {' '.join(command)}: exit {result.returncode}\n{result.stderr[-2000:]}")
        return self.usage_noted()

    def usage_noted(self):
        with open(self.path("usage")) as file:
            return dict(zip(("wall", "own", "tree", "rss", "start"), map(int, file.read().split())))

    def summary(self, trace):
        names = ("events", "calls", "lost", "cpu", "bytes", "rss")
        return dict(zip(names, map(int, self.run([self.tool("summary"), trace]).split())))

    def perf_stats(self, data):
        """Events and losses of a perf.data file."""
        text = self.run(["perf", "report", "--stats", "-i", data])
        aggregated = text.split("stats:")[1]
        count = {name: int(n) for name, n in re.findall(r"(\w+) events:\s+(\d+)", aggregated)}
        lost = 0
        if count.get("LOST") or count.get("LOST_SAMPLES"):
            shown = self.run(["perf", "script", "--show-lost-events", "-F", "comm,tid,event", "-i", data])
            lost = sum(int(n) for n in re.findall(r"PERF_RECORD_LOST(?:_SAMPLES)?\s+(?:lost )?(\d+)", shown))
        return count.get("SAMPLE", 0), lost

    def noting_tracer(self, command):
        """The command, which first notes how much CPU its parent, the tracer, has used for getting ready."""
        return ["sh", "-c", f'cat /proc/$PPID/task/*/schedstat >{self.path("before")}; exec "$@"', "sh", *command]

    def tracer_before_ns(self):
        with open(self.path("before")) as file:
            return sum(int(line.split()[0]) for line in file)

    def recorder_ns(self, summary):
        """The recorder's own CPU time from the first event on."""
        return summary["cpu"] - self.tracer_before_ns()

    def recording(self, trace, *options):
        return [self.record, "--force", "-q", *options, "-o", trace, "--"]


def table(title, head, rows):
    print(f"\n### {title}\n")
    print_table(head, rows)


def print_table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def ratio(value, base):
    return f"{value / base:.2f}" if base > 0 else "–"


def times(value):
    """A multiple, with three digits."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
