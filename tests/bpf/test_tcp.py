# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R23: TCP: retransmissions, resets, states."""
import collections
import socket
import struct

from harness import check, equal, item, start, wait, workload

ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN = range(1, 11)


def address(event, field):
    data = bytes.fromhex(item(event, field)["data"])
    family = struct.unpack_from("=H", data)[0]
    port = struct.unpack_from(">H", data, 2)[0]
    if family == socket.AF_INET:
        return socket.inet_ntop(family, data[4:8]), port
    return socket.inet_ntop(family, data[8:24]), port


def test_connections(t):
    trace = t.record(workload("connections"), options=["--events", "+tcp"])
    said = [line.split() for line in trace.result.stdout.splitlines()]
    six = int(said[-1][1])
    pid = trace.of("exec")[0]["tgid"]
    events = [event for kind in ("tcp_retransmit", "tcp_reset", "tcp_state") for event in trace.of(kind)]
    equal({event["tid"] for event in events}, {pid}, "whose sockets")

    # The observer: TCP_INFO's total of each connection.
    retransmitted = collections.Counter((event["cookie"], event["inode"], address(event, "local"), address(event, "peer"))
                                        for event in trace.of("tcp_retransmit"))
    expected = {(int(cookie), int(inode), ("127.0.0.1", int(client)), ("127.0.0.1", int(port))): int(count)
                for port, client, inode, cookie, count in said[:7]}
    equal(retransmitted, expected, "retransmissions, as TCP_INFO counts them")
    equal({(event["state"], event["bytes"]) for event in trace.of("tcp_retransmit")}, {(ESTABLISHED, 1)}, "what was sent again")

    resets = collections.Counter((event["received"], event["state"]) for event in trace.of("tcp_reset"))
    equal(resets[1, SYN_SENT], 11, "refused connections")
    equal(resets[1, ESTABLISHED], 13, "resets received")
    equal(sum(count for (received, _), count in resets.items() if not received), 13, "resets sent")

    changes = collections.Counter((event["old_state"], event["new_state"]) for event in trace.of("tcp_state"))
    good = 7 + six
    wanted = {(CLOSE, SYN_SENT): 11 + 13 + good, (SYN_SENT, CLOSE): 11, (SYN_SENT, ESTABLISHED): 13 + good,
              (SYN_RECV, ESTABLISHED): 13 + good, (ESTABLISHED, CLOSE): 26, (ESTABLISHED, FIN_WAIT1): good,
              (ESTABLISHED, CLOSE_WAIT): good, (CLOSE_WAIT, LAST_ACK): good, (LAST_ACK, CLOSE): good}
    equal({change: changes[change] for change in wanted}, wanted, "changes of state")
    families = collections.Counter(len(item(event, "peer")["data"]) // 2 for event in trace.of("tcp_state")
                                   if event["old_state"] == CLOSE and event["new_state"] == SYN_SENT)
    equal(families, {16: 24 + 7} | ({28: six} if six else {}), "sizes of addresses")
    namespace = trace.of("exec")[0]["net_ns"]
    equal({event["net_ns"] for event in events}, {namespace}, "network namespace")


def test_others_are_left_out(t):
    """Connections that no target has a part in."""
    other = start([workload("connections")])
    trace = t.record("/bin/sleep", "0.5", options=["--events", "+tcp"])
    equal(wait(other), 0, "exit of the other")
    equal(trace.of("tcp_state") + trace.of("tcp_retransmit") + trace.of("tcp_reset"), [], "events of others")


def test_inherited(t):
    """A socket that a target has from somebody else is known once the target sends with it."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    script = f"import socket; s = socket.socket(fileno={client.fileno()}); s.send(b'x'); s.shutdown(socket.SHUT_WR)"
    trace = t.record("/usr/bin/python3", "-c", script, options=["--events", "+tcp"], pass_fds=[client.fileno()])
    if "sock_send_length" in trace.analyze("info").stdout:
        return
    (change,) = [event for event in trace.of("tcp_state") if event["new_state"] == FIN_WAIT1]
    equal((address(change, "local"), address(change, "peer")), (client.getsockname(), server.getsockname()), "whose end")
    check(change["tid"] == trace.of("exec")[0]["tgid"], "the target's now")
