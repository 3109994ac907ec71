# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The real programs whose slow-down is measured. Each is a function of the bench, the tracer and how many times less there is to do;
it gives the seconds that so many pieces of work took, and how many. A server is recorded, its client is not.
"""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SOURCES = 48


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address):
    """Until something listens on a port of 127.0.0.1, or on the unix socket of that path."""
    family, name = (socket.AF_UNIX, address) if isinstance(address, str) else (socket.AF_INET, ("127.0.0.1", address))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket(family) as probe:
            if not probe.connect_ex(name):
                return
        time.sleep(0.02)
    raise SystemExit(f"bench: nothing listens on {address}")


class Server:
    """A server under a tracer, ended with a signal to the server itself; its address answers when the block begins."""

    def __init__(self, bench, tracer, command, address):
        self.pid_file, self.address = bench.path("pid"), address
        if os.path.exists(self.pid_file):
            os.unlink(self.pid_file)
        command = tracer.wrap(["sh", "-c", f'echo $$ >{self.pid_file}; exec "$@"', "sh", *command])
        self.process = subprocess.Popen(command, cwd=bench.work, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        wait_for(self.address)
        return self

    def __exit__(self, *_):
        with open(self.pid_file) as file:
            os.kill(int(file.read()), signal.SIGINT)
        self.process.communicate(timeout=120)


def inside(bench, tracer, command):
    """Seconds of a command, timed inside: getting ready to record is another figure."""
    bench.run(tracer.wrap([bench.tool("usage"), bench.path("usage"), *command]))
    return bench.usage_noted()["wall"] / 1e9


def build(bench, tracer, fewer):
    """make -j2 of a small C project, made here."""
    tree = bench.path("project")
    if not os.path.exists(tree):
        os.makedirs(tree)
        names = [f"part{i}" for i in range(SOURCES)]
        for name in names:
            with open(os.path.join(tree, name + ".c"), "w") as file:
                file.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/socket.h>\n")
                file.writelines(f"int {name}_{i}(char *s) {{ return snprintf(s, {i}, \"%d\", atoi(s) + {i}); }}\n"
                                for i in range(40))
    for name in os.listdir(tree):
        if name.endswith(".o"):
            os.unlink(os.path.join(tree, name))
    made = [f"part{i}.o" for i in range(SOURCES // fewer)]
    return inside(bench, tracer, ["make", "-s", "-j2", "-C", tree, "CFLAGS=-O1", *made]), len(made)


def find(bench, tracer, fewer):
    """find through directories of /usr, with a look at each file, several times."""
    times = (4 if bench.quick else 10) // min(fewer, 4)
    search = "find /usr/include /usr/share/doc -xdev -size +100M;" * times
    return inside(bench, tracer, ["sh", "-c", search]), times


def sqlite(bench, tracer, fewer):
    """sqlite3 inserting rows, a transaction each, and selecting them; not waiting for the disk."""
    script, database = bench.path("rows.sql"), bench.path("rows.db")
    count = (2000 if bench.quick else 6000) // fewer
    with open(script, "w") as file:
        file.write("PRAGMA synchronous = OFF; CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price INTEGER);\n")
        for i in range(count):
            file.write(f"INSERT INTO item VALUES ({i}, 'item {i * 7919 % 1000}', {i * 31 % 97});\n")
            file.write(f"SELECT name FROM item WHERE id = {i // 2};\n")
        file.write("SELECT price, count(*), max(name) FROM item GROUP BY price;\n")
    for name in (database, database + "-journal"):
        if os.path.exists(name):
            os.unlink(name)
    return inside(bench, tracer, ["sqlite3", database, f".read {script}"]), count


def redis(bench, tracer, fewer):
    """What redis-benchmark takes for its GETs and SETs, 50 clients, no pipelining."""
    port = free_port()
    count = (40_000 if bench.quick else 100_000) // fewer
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with Server(bench, tracer, command, port):
        start = time.monotonic()
        bench.run(["redis-benchmark", "-q", "-p", str(port), "-t", "set,get", "-n", str(count), "-c", "50"])
        return time.monotonic() - start, count


def nginx(bench, tracer, fewer):
    """Requests of a small page, as wrk counts them."""
    port = free_port()
    root = bench.path("www")
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(root, "index.html"), "w") as file:
        file.write("trc " * 256)
    config = bench.path("nginx.conf")
    with open(config, "w") as file:
        file.write(f"user root; daemon off; master_process off; pid {root}/pid; error_log {root}/error;\n"
                   f"events {{}}\nhttp {{ access_log off; client_body_temp_path {root}/t; proxy_temp_path {root}/t;\n"
                   f"fastcgi_temp_path {root}/t; uwsgi_temp_path {root}/t; scgi_temp_path {root}/t;\n"
                   f"server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n")
    with Server(bench, tracer, ["nginx", "-c", config, "-p", root, "-e", root + "/error"], port):
        said = bench.run(["wrk", "-t1", "-c16", "-d", "1s" if bench.quick else "4s", f"http://127.0.0.1:{port}/"])
    count, seconds = re.search(r"(\d+) requests in ([\d.]+)s", said).groups()
    return float(seconds), int(count)


def postgres(name):
    """A program of PostgreSQL: Debian has them of several versions, not in PATH."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: int(path.split("/")[4]))
    return found[-1] if found else shutil.which(name)


def pgbench(bench, tracer, fewer):
    """Transactions of pgbench's own kind, 4 clients over a unix socket; the server does not wait for the disk and is not root."""
    nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    if not hasattr(bench, "postgres"):
        bench.postgres = tempfile.TemporaryDirectory(prefix="bench-")  # of others, the path above it may be closed to nobody
        shutil.chown(bench.postgres.name, "nobody", "nogroup")
        bench.run([*nobody, postgres("initdb"), "-D", bench.postgres.name + "/data", "-U", "bench", "-A", "trust", "-N"])
    root = bench.postgres.name
    ask = [postgres("pgbench"), "-h", root, "-U", "bench", "-n"]
    server = [*nobody, postgres("postgres"), "-D", root + "/data", "-k", root, "-c", "listen_addresses=", "-c", "fsync=off"]
    with Server(bench, tracer, server, root + "/.s.PGSQL.5432"):
        while subprocess.run([postgres("pg_isready"), "-q", "-h", root], check=False).returncode:
            time.sleep(0.02)  # it listens before it answers
        if not os.path.exists(root + "/filled"):
            bench.run([*ask, "-i", "-q", "postgres"])
            open(root + "/filled", "w").close()
        said = bench.run([*ask, "-c", "4", "-T", "1" if bench.quick else "4", "postgres"])
    count = int(re.search(r"actually processed: (\d+)", said)[1])
    return count / float(re.search(r"tps = ([\d.]+)", said)[1]), count
