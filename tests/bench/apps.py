# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How much slower real programs run while they are recorded: one function per program, bare and recorded in turns.

A server is recorded, its client is not. A program that is not installed is named and left out.
"""
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time

SOURCES = 48


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.02)
    raise SystemExit(f"bench: nothing listens on port {port}")


class Server:
    """A server under `prefix`, ended with SIGTERM to the server itself; its port answers when the block begins."""

    def __init__(self, bench, prefix, command, port):
        self.process = subprocess.Popen([*prefix, *command], cwd=bench.work, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.port = port

    def __enter__(self):
        wait_for_port(self.port)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)  # record passes it on
        self.process.communicate(timeout=60)


def build(bench, prefix):
    """Seconds for make -j2 of a small C project, made here."""
    tree = bench.path("project")
    if not os.path.exists(tree):
        os.makedirs(tree)
        names = [f"part{i}" for i in range(SOURCES)]
        for name in names:
            with open(os.path.join(tree, name + ".c"), "w") as file:
                file.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/socket.h>\n")
                file.writelines(f"int {name}_{i}(char *s) {{ return snprintf(s, {i}, \"%d\", atoi(s) + {i}); }}\n"
                                for i in range(40))
        with open(os.path.join(tree, "Makefile"), "w") as file:
            file.write("all: " + " ".join(name + ".o" for name in names) + "\n\tld -r -o all.o $^\n")
    subprocess.run(["make", "-s", "clean"], cwd=tree, check=False, stderr=subprocess.DEVNULL)
    for name in os.listdir(tree):
        if name.endswith(".o"):
            os.unlink(os.path.join(tree, name))
    # Timed inside: getting ready to record is another figure.
    bench.run([*prefix, bench.tool("usage"), bench.path("usage"), "make", "-s", "-j2", "-C", tree, "CFLAGS=-O1"])
    with open(bench.path("usage")) as file:
        return int(file.read().split()[0]) / 1e9


def redis(bench, prefix):
    """Seconds that redis-benchmark takes for its GETs and SETs, 50 clients, no pipelining."""
    port = free_port()
    count = "40000" if bench.quick else "150000"
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with Server(bench, prefix, command, port):
        start = time.monotonic()
        bench.run(["redis-benchmark", "-q", "-p", str(port), "-t", "set,get", "-n", count, "-c", "50"])
        return time.monotonic() - start


def nginx(bench, prefix):
    """Seconds per 10,000 requests of a small page, as wrk counts them."""
    port = free_port()
    root = bench.path("www")
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(root, "index.html"), "w") as file:
        file.write("<p>" + "x" * 500)
    config = bench.path("nginx.conf")
    with open(config, "w") as file:
        file.write(f"daemon off; master_process off; pid {root}/pid; error_log {root}/error;\n"
                   f"events {{}}\nhttp {{ access_log off; client_body_temp_path {root}/t; proxy_temp_path {root}/t;\n"
                   f"fastcgi_temp_path {root}/t; uwsgi_temp_path {root}/t; scgi_temp_path {root}/t;\n"
                   f"server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n")
    with Server(bench, prefix, ["nginx", "-c", config, "-p", root, "-e", root + "/error"], port):
        said = bench.run(["wrk", "-t1", "-c16", "-d", "2s" if bench.quick else "5s", f"http://127.0.0.1:{port}/"])
    return 10000 / float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


PROGRAMS = {
    "make -j2 (48 C files)": (build, ["make", "gcc"]),
    "redis-server under redis-benchmark": (redis, ["redis-server", "redis-benchmark"]),
    "nginx under wrk": (nginx, ["nginx", "wrk"]),
}
RECORDERS = {
    "`--events task`": ["--events", "task"],
    "default groups": [],
    "all groups": ["--events", "all"],
}


def question(bench, table, summary_of):
    """Prints the table: slow-down as the median over the rounds of recorded to bare within the round."""
    for program, (measure, needs) in PROGRAMS.items():
        missing = [need for need in needs if not shutil.which(need)]
        if missing:
            print(f"\n{program}: left out, {', '.join(missing)} not installed")
            continue
        ratios = {name: [] for name in RECORDERS}
        last = {}
        measure(bench, [])  # warms caches
        for turn in range(3 if bench.quick else 7):
            bare = measure(bench, [])
            bench.note("app", f"{program}: bare", turn, seconds=bare)
            for name, options in RECORDERS.items():
                trace = bench.path("app.trc")
                seconds = measure(bench, [bench.record, "-q", "--force", "-o", trace, *options, "--"])
                last[name] = summary_of(trace)
                ratios[name].append(seconds / bare)
                bench.note("app", f"{program}: {name}", turn, seconds=seconds, **last[name])
        rows = []
        for name in RECORDERS:
            found = last[name]
            rows.append([name, f"{(statistics.median(ratios[name]) - 1) * 100:+.1f} %",
                         f"{(min(ratios[name]) - 1) * 100:+.1f} … {(max(ratios[name]) - 1) * 100:+.1f} %",
                         f"{found['events']:,}", f"{found['bytes'] / max(found['events'], 1):.1f}", f"{found['lost']:,}"])
        table(f"Slow-down: {program}", ["recorded with", "median", "of all rounds", "events", "bytes each", "lost"], rows)
