# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R21: a socket is told of when it gets or loses a name, not when it is used; /proc/net and ss are the observers."""
import collections
import errno
import json
import os
import re
import shutil
import socket
import subprocess

import harness
from harness import check, equal, items, succeed, takes, wait, workload

REASONS = [None, "socket", "pair", "accept", "received", "found", "bind", "connect", "connecting", "connected",
           "connect_failed", "disconnect", "close"]
LISTEN = 10


def reason(event):
    return REASONS[event["reason"]]


def address(event, side):
    """The address as text: "127.0.0.1:80", "/path", "@abstract", "" without a name, None if there is none."""
    found = items(event, side)
    if not found:
        return None
    data = bytes.fromhex(found[0]["data"])
    family = int.from_bytes(data[:2], "little" if os.sys.byteorder == "little" else "big")
    if family == socket.AF_UNIX:
        name = data[2:]
        return "@" + name[1:].decode() if name[:1] == b"\0" else name.rstrip(b"\0").decode()
    port = int.from_bytes(data[2:4], "big")
    if family == socket.AF_INET:
        return f"{socket.inet_ntop(family, data[4:8])}:{port}"
    if family == socket.AF_INET6:
        return f"[{socket.inet_ntop(family, data[8:24])}]:{port}"
    return data[2:].hex()


def kernel_address(text):
    """An address of /proc/net/tcp, udp or tcp6, udp6."""
    host, port = text.split(":")
    words = [int(host[i:i + 8], 16).to_bytes(4, os.sys.byteorder) for i in range(0, len(host), 8)]
    packed = b"".join(words)
    if len(packed) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, packed)}:{int(port, 16)}"
    return f"[{socket.inet_ntop(socket.AF_INET6, packed)}]:{int(port, 16)}"


def inet_sockets(pid):
    """inode: (local, peer, state) of the process's network namespace."""
    found = {}
    for name in ("tcp", "tcp6", "udp", "udp6"):
        path = f"/proc/{pid}/net/{name}"
        if not os.path.exists(path):
            continue
        with open(path) as file:
            for line in file.readlines()[1:]:
                word = line.split()
                found[int(word[9])] = (kernel_address(word[1]), kernel_address(word[2]), int(word[3], 16))
    return found


def unix_sockets():
    """inode: (name, peer's inode) as ss has them; peers only where the kernel has its diagnostics of UNIX sockets."""
    if not shutil.which("ss"):
        succeed([os.path.join(harness.ROOT, "tests", "install.sh")], timeout=300)
    found = {}
    for line in succeed(["ss", "-xanH"]).stdout.splitlines():
        # Netid State Recv-Q Send-Q Local inode Peer inode
        word = line.split()
        name, inode, peer = word[4], int(word[5]), int(word[7])
        found[inode] = ("" if name == "*" else name, peer)
    return found


def with_reason(events, *reasons):
    return [event for event in events if reason(event) in reasons]


def test_names(t):
    """Sockets of every family have the addresses, peers and listeners that the kernel tells."""
    trace, recorder = t.start(workload("sock"), "names", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said = []
    while not said or not said[-1].startswith("ready"):
        said.append(recorder.stdout.readline().decode())
        check(said[-1], f"the workload ended: {said}")
    pid = int(said[-1].split()[1])
    ipv6, vsock = "no IPv6\n" not in said, "no vsock\n" not in said
    inet, unix = inet_sockets(pid), unix_sockets()
    mine = {int(found[1]) for fd in os.listdir(f"/proc/{pid}/fd")
            if (found := re.match(r"socket:\[(\d+)\]$", os.readlink(f"/proc/{pid}/fd/{fd}")))}
    net_ns = int(re.search(r"\d+", os.readlink(f"/proc/{pid}/ns/net"))[0])
    with open(f"/proc/{pid}/net/netlink") as file:
        netlink = {int(line.split()[9]): (int(line.split()[2]), int(line.split()[3], 16)) for line in file.readlines()[1:]}
    recorder.stdin.close()
    equal(wait(recorder), 0, "exit of the recorder")
    events = [event for event in trace.of("sock") if event["tgid"] == pid]
    last = {event["inode"]: event for event in events}
    equal({event["net_ns"] for event in events}, {net_ns}, "network namespaces")

    # Everything that /proc/PID/fd has was seen, and is what the kernel says it is.
    equal(mine - set(last), set(), "sockets without an event")
    compared = collections.Counter()
    accepted = {event["peer_inode"]: event["inode"] for event in with_reason(events, "accept") if event["peer_inode"]}
    for inode in mine & set(last):
        event = last[inode]
        none = "[::]:0" if event["family"] == socket.AF_INET6 else "0.0.0.0:0"
        if inode in inet:
            local, peer, state = inet[inode]
            equal((address(event, "local") or none, address(event, "peer") or none), (local, peer), f"addresses of {event}")
            check(state in (event["state"], LISTEN), f"state of {event} is {state}")
            compared["inet"] += 1
        elif inode in unix:
            name, peer = unix[inode]
            own = address(event, "local")
            equal(own, name, f"name of {event}")
            known = event["peer_inode"] or accepted.get(inode, 0)
            equal(known, peer, f"peer of {event}")
            compared["unix"] += 1
        elif event["family"] == socket.AF_NETLINK:
            data = bytes.fromhex(items(event, "local")[0]["data"])
            equal((int.from_bytes(data[4:8], os.sys.byteorder), int.from_bytes(data[8:12], os.sys.byteorder)), netlink[inode],
                  f"address of {event}")
            compared["netlink"] += 1
    both = 2 * 3 + 1 + 2 * 2 + 2 if ipv6 else 0  # and the socket that tried whether there is IPv6
    # A UDP socket that is not bound, and a TCP one, is in no list of /proc/net.
    equal(compared["inet"], 1 + 2 * 5 + both + 2 - bool(ipv6), "sockets that /proc/net has")
    equal(compared["unix"], 1 + 2 * 3 + 1 + 2 * 2 + 10 + 3, "sockets that ss has")
    equal(compared["netlink"], 2, "netlink sockets")

    # The life of each, exactly. if_nametoindex makes one unix socket more, and closes it.
    counts = collections.Counter((reason(event), event["family"]) for event in events)
    expected = {("socket", 2): 1 + 5 + (2 if ipv6 else 0) + 2, ("bind", 2): 1 + 1, ("connect", 2): 5 + (2 if ipv6 else 0) + 8,
                ("disconnect", 2): 1, ("accept", 2): 5,
                ("socket", 1): 1 + 3 + 1 + 2 + 1 + 2 + 1, ("bind", 1): 1 + 1 + 1 + 1, ("connect", 1): 3 + 2 + 2,
                ("accept", 1): 3 + 2, ("pair", 1): 10, ("close", 1): 1,
                ("socket", 16): 2, ("bind", 16): 2, ("socket", 17): 1, ("bind", 17): 1}
    if ipv6:
        expected |= {("socket", 10): 1 + 1 + 3 + 1, ("bind", 10): 1 + 1 + 1, ("connect", 10): 3, ("accept", 10): 3 + 2}
    if vsock:
        expected |= {("socket", 40): 1, ("bind", 40): 1}
    equal(counts, expected, "events by reason and family")
    equal({event["generation"] == event["ts"] for event in with_reason(events, "socket", "pair", "accept")}, {True},
          "an instance begins when it is made")
    first = {}
    for event in events:
        equal(first.setdefault(event["inode"], event["generation"]), event["generation"], f"generation of {event}")

    # An accepted socket names its listener; both ends have each other's address.
    for event in with_reason(events, "accept"):
        listener = last[event["listener_inode"]]
        equal(reason(listener), "bind", "what the listener was last")
        if event["family"] == socket.AF_INET6 and "::ffff:" in address(event, "local"):
            continue
        equal(address(event, "local").split(":")[-1], address(listener, "local").split(":")[-1], "port of the listener")
    mapped = [event for event in with_reason(events, "accept") if "::ffff:127.0.0.1" in (address(event, "peer") or "")]
    equal(len(mapped), 2 if ipv6 else 0, "connections of IPv4 to a listener for IPv6")
    packet = [event for event in with_reason(events, "bind") if event["family"] == socket.AF_PACKET]
    data = bytes.fromhex(items(packet[0], "local")[0]["data"])
    equal((data[2:4].hex(), int.from_bytes(data[4:8], os.sys.byteorder)), ("7ac0", socket.if_nametoindex("lo")), "packet socket")
    if vsock:
        bound = [event for event in with_reason(events, "bind") if event["family"] == 40]
        equal(int.from_bytes(bytes.fromhex(items(bound[0], "local")[0]["data"])[4:8], os.sys.byteorder), 7919, "vsock port")


def test_failed(t):
    """A connect that fails has its target and its errno; a bind that fails changes nothing."""
    events = t.record(workload("sock"), "failed").of("sock")
    failed = collections.Counter((address(event, "peer"), event["error"]) for event in with_reason(events, "connect_failed"))
    equal(failed, {("127.0.0.1:1", errno.ECONNREFUSED): 5 + 3, ("nowhere.sock", errno.ENOENT): 7}, "failed connects")
    counts = collections.Counter(reason(event) for event in events)
    equal(counts, {"socket": 8 + 7 + 1 + 11, "connect_failed": 15, "bind": 1, "close": 8 + 7 + 11}, "events")


@takes(60)
def test_behind(t):
    """A connect that goes on behind its call is followed to its end, whoever runs then."""
    trace = t.record(workload("sock"), "behind", timeout=50)
    events = trace.of("sock")
    pid = events[0]["tgid"]
    equal({event["tgid"] for event in events}, {pid}, "processes")
    lives = collections.defaultdict(list)
    for event in events:
        lives[event["inode"]].append(event)
    seen = collections.Counter()
    for life in lives.values():
        if "connecting" not in map(reason, life):
            continue
        begun, ended = with_reason(life, "connecting")[0], life[-1]
        equal((begun["state"], address(begun, "peer")), (2, address(ended, "peer")), "the target")
        equal((ended["fd"], address(ended, "local")), (begun["fd"], address(begun, "local")), "the socket")
        check(ended["ts"] - begun["ts"] > 50 * 10**6, "the end came at once")
        seen[tuple(map(reason, life)), begun["error"], ended["error"], ended["state"]] += 1
    equal(seen, {(("socket", "connecting", "connected"), errno.EINPROGRESS, 0, 1): 3,
                 (("socket", "connecting", "connect_failed"), errno.EINPROGRESS, errno.ECONNREFUSED, 7): 2,
                 (("socket", "connecting", "connected"), errno.EINTR, 0, 1): 1}, "lives")
    equal(len(with_reason(events, "accept")), 5, "accepts")
    failed = {row["errno_name"]: row["count"] for row in json.loads(trace.analyze("report", "failure", "--format", "json").stdout)
              if row["name"] == "connect"}
    equal(failed, {"ECONNREFUSED": 2, "ECONNABORTED": 2}, "failures: what went on and was refused; each was tried again")


def test_closed(t):
    """The close of the last descriptor ends a socket, no other one."""
    trace = t.record(workload("sock"), "closed")
    events = trace.of("sock")
    counts = collections.Counter(reason(event) for event in events)
    equal(counts, {"pair": 26, "socket": 7 + 3 + 1, "close": 26 + 7 + 3}, "events")
    calls = trace.calls("close") + trace.calls(harness.made_as("dup2"))
    for event in with_reason(events, "close"):
        inside = [call for call in calls if call["ts"] - call["duration_ns"] - 10**6 * harness.SLOWER < event["ts"] <= call["ts"]
                  and event["fd"] == (call["arg0"] if call["nr"] == harness.nr("close") else call["arg1"])]
        check(inside, f"{event} belongs to no call")
    copies = {call["ret"] for call in trace.calls("dup")}
    ends = [event["fd"] for event in with_reason(events, "close") if event["type"] == 2][:7]
    equal(set(ends), copies, "descriptors whose close was the last")


@takes(100)
def test_sends(t):
    """1,000,003 sends on a socket: three events; with the calls recorded or not."""
    for options in ([], ["--events", "sock"]):
        trace = t.record(workload("sock"), "sends", "1000003" if options else "100003", options=["-b", "64M", *options])
        equal([reason(event) for event in trace.of("sock")], ["socket", "bind", "socket", "connect", "close", "close"], "events")
        equal(trace.losses(), [], "losses")


def test_inherited(t):
    """A socket that was made unseen is found at the first call that names it, and its listener with it."""
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        inode = os.fstat(listener.fileno()).st_ino
        client.connect(listener.getsockname())
        code = f"import socket; s = socket.socket(fileno={listener.fileno()}); s.accept(); s.dup()"
        trace = t.record("/usr/bin/python3", "-c", code, pass_fds=[listener.fileno()])
        events = trace.of("sock")
        equal([(reason(event), event["inode"] == inode) for event in events][:2], [("found", True), ("accept", False)], "events")
        equal(events[1]["listener_inode"], inode, "listener")
        equal(address(events[0], "local"), "127.0.0.1:%d" % listener.getsockname()[1], "address of the listener")
        equal(len(with_reason(events, "found")), 1, "found once")
