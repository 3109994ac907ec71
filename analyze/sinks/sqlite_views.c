/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/sqlite_views.h"

const struct sqlite_view sqlite_views[] = {
	{ "v_process_tree",
	  "processes as a tree: depth, and the names from the root down; ordered by path for "
	  "reading",
	  "WITH RECURSIVE tree(trace_id, process_id, depth, path, names) AS ("
	  " SELECT trace_id, process_id, 0, printf('%08d', process_id), ifnull(comm, '?')"
	  " FROM process c"
	  " WHERE NOT EXISTS (SELECT 1 FROM process p WHERE p.trace_id = c.trace_id AND"
	  " p.process_id = c.parent_process_id)"
	  " UNION ALL"
	  /* Or a chain of processes would have a text of its length by its depth. */
	  " SELECT p.trace_id, p.process_id, depth + 1, CASE WHEN depth < 128 THEN path ELSE"
	  " substr(path, 1, 1160) || '/…' END || '/' || printf('%08d', p.process_id),"
	  " CASE WHEN depth < 128 THEN names ELSE '…' END || ' > ' || ifnull(p.comm, '?')"
	  " FROM process p JOIN tree t ON p.trace_id = t.trace_id AND p.parent_process_id = "
	  "t.process_id)"
	  " SELECT t.trace_id, t.path, t.depth, p.pid, printf('%*s', min(t.depth, 128) * 2, '') || "
	  "ifnull(p.comm, '?') AS tree,"
	  " t.names, p.process_id, p.start_ns, p.end_ns - p.start_ns AS life_ns, p.exit_code, "
	  "p.exit_signal, p.cpu_ns,"
	  " p.cmdline FROM tree t JOIN process p ON p.trace_id = t.trace_id AND p.process_id = "
	  "t.process_id",
	  "process" },
	{ "v_syscall", "calls with who made them and seconds since the start",
	  "SELECT s.trace_id, (s.ts_ns - r.start_mono_ns) / 1e9 AS at_s, p.pid, s.tid, t.comm, "
	  "s.name, s.args, s.ret,"
	  " s.errno, s.errno_name, s.duration_ns, s.path, s.state, s.abi, s.cpu, s.ts_ns, "
	  "t.thread_id, p.process_id"
	  " FROM syscall s JOIN thread t ON t.trace_id = s.trace_id AND t.thread_id = s.thread_id"
	  " JOIN process p ON p.trace_id = t.trace_id AND p.process_id = t.process_id"
	  " JOIN trace r ON r.trace_id = s.trace_id",
	  "syscall,thread,process" },
	{ "v_slowest_syscall", "complete calls, the longest first",
	  "SELECT * FROM v_syscall WHERE state = 'complete' ORDER BY duration_ns DESC",
	  "v_syscall" },
	{ "v_failed_syscall", "calls that returned an error",
	  "SELECT * FROM v_syscall WHERE errno IS NOT NULL", "v_syscall" },
	{ "v_syscall_stats", "syscall_stats with the processes' pids and names",
	  "SELECT s.trace_id, p.pid, p.comm, s.name, s.count, s.error_count, s.total_ns, s.min_ns, "
	  "s.mean_ns, s.p50_ns,"
	  " s.p90_ns, s.p99_ns, s.max_ns, s.process_id"
	  " FROM syscall_stats s JOIN process p ON p.trace_id = s.trace_id AND p.process_id = "
	  "s.process_id",
	  "syscall_stats,process" },
	{ "v_exec", "programs in the order of their start, with pids and seconds since the start",
	  "SELECT e.trace_id, (e.ts_ns - r.start_mono_ns) / 1e9 AS at_s, p.pid, e.exe, e.cmdline, "
	  "e.cwd, e.process_id"
	  " FROM exec e JOIN process p ON p.trace_id = e.trace_id AND p.process_id = e.process_id"
	  " JOIN trace r ON r.trace_id = e.trace_id ORDER BY e.trace_id, e.ts_ns",
	  "exec,process" },
	/* The questions of README.md. */
	{ "v_time", "where the time of all threads went, the most first",
	  "SELECT trace_id, activity, time_ns, share, count, thread_count, most_comm, most_ns, "
	  "most_object, most_object_ns, complete FROM time_spent ORDER BY trace_id, time_ns DESC",
	  "time_spent" },
	{ "v_critical_path",
	  "why the command took as long as it took: what each moment of it was spent on",
	  "SELECT c.trace_id, c.segment, (c.start_ns - r.start_mono_ns) / 1e9 AS at_s, "
	  "c.duration_ns, 1.0 * c.duration_ns / total(c.duration_ns) OVER (PARTITION BY c.trace_id)"
	  " AS share, c.tid, c.comm, c.state, c.reason, c.object, c.call, c.via, c.thread_id,"
	  " c.process_id FROM critical_path c JOIN trace r ON r.trace_id = c.trace_id"
	  " ORDER BY c.trace_id, c.segment",
	  "critical_path" },
	{ "v_wait", "what each thread waited for and who ended the longest wait, the most first",
	  "SELECT w.trace_id, p.pid, w.tid, w.comm, w.reason, w.object, w.call, w.count, "
	  "w.total_ns,"
	  " w.p50_ns, w.p99_ns, w.max_ns, (w.max_ts_ns - r.start_mono_ns) / 1e9 AS max_at_s,"
	  " w.max_waker_tid, w.max_waker_comm, w.complete, w.thread_id, w.process_id FROM wait w"
	  " JOIN process p ON p.trace_id = w.trace_id AND p.process_id = w.process_id"
	  " JOIN trace r ON r.trace_id = w.trace_id ORDER BY w.trace_id, w.total_ns DESC",
	  "wait,process" },
	{ "v_lock", "futexes by the time that was waited for them, and who held them longest",
	  "SELECT f.trace_id, f.futex, f.use, f.thread_count, f.wait_count, f.wait_total_ns,"
	  " f.wait_p50_ns, f.wait_p99_ns, f.wait_max_ns, f.waiters_max, f.hold_count, f.hold_ns,"
	  " f.hold_max_ns, f.hold_max_tid, t.comm AS hold_max_comm, f.complete, f.futex_id FROM "
	  "futex f"
	  " LEFT JOIN thread t ON t.trace_id = f.trace_id AND t.thread_id = f.hold_max_thread_id"
	  " WHERE f.wait_count ORDER BY f.trace_id, f.wait_total_ns DESC",
	  "futex" },
	{ "v_communication", "who gave what to whom, and who waited for whom, the longest first",
	  "SELECT trace_id, ifnull(from_comm || '[' || from_pid || ']', ifnull(peer, '?')) AS "
	  "giver,"
	  " ifnull(to_comm || '[' || to_pid || ']', ifnull(peer, '?')) AS getter, via, bytes, "
	  "count,"
	  " wait_count, wait_ns, from_process_id, to_process_id FROM communication"
	  " ORDER BY trace_id, wait_ns DESC, bytes DESC",
	  "communication" },
	{ "v_connection", "connections: both ends, bytes, how fast the answers were",
	  "SELECT c.trace_id, (c.start_ts_ns - r.start_mono_ns) / 1e9 AS at_s, c.protocol, "
	  "c.client,"
	  " c.server, c.client_process, c.server_process, c.connect_ns, c.first_byte_ns,"
	  " c.sent_bytes, c.received_bytes, c.exchange_count, c.response_p50_ns, c.response_p99_ns,"
	  " c.response_max_ns, c.errno, c.complete FROM connection c"
	  " JOIN trace r ON r.trace_id = c.trace_id ORDER BY c.trace_id, c.response_max_ns DESC",
	  "connection" },
	{ "v_file", "files by the time that was spent on them, the most first",
	  "SELECT trace_id, path, type, process_count, open_count, read_count, read_bytes,"
	  " write_count, write_bytes, sync_count, total_ns, error_count, errors, never_closed_count"
	  " FROM file ORDER BY trace_id, total_ns DESC",
	  "file" },
	{ "v_failure", "what failed, where, how often, and who was the first",
	  "SELECT f.trace_id, f.name, f.errno_name, f.directory, f.count, f.total_ns,"
	  " (f.first_ts_ns - r.start_mono_ns) / 1e9 AS first_at_s, f.first_tid, f.first_comm,"
	  " f.first_path FROM failure f JOIN trace r ON r.trace_id = f.trace_id"
	  " ORDER BY f.trace_id, f.count DESC",
	  "failure" },
	{ "v_usage",
	  "what each process used: CPU, memory, disk; and how long it had to wait for it",
	  "SELECT p.trace_id, p.pid, p.comm, p.cmdline, p.end_ns - p.start_ns AS life_ns, p.cpu_ns,"
	  " CASE WHEN t.call_ns + t.outside_ns = 0 THEN t.preempted_ns + t.runnable_ns ELSE"
	  " nullif(p.cpu_delay_ns, 0) END AS ready_ns, t.sleep_ns, t.block_ns, t.iowait_ns,"
	  " p.max_rss_bytes, p.minor_faults, p.major_faults, p.read_bytes, p.write_bytes,"
	  " p.process_id FROM process p LEFT JOIN process_time t ON t.trace_id = p.trace_id AND"
	  " t.process_id = p.process_id ORDER BY p.trace_id, p.cpu_ns DESC",
	  "process,process_time" },
};

const size_t sqlite_view_count = ARRAY_SIZE(sqlite_views);

const struct sqlite_view_column sqlite_view_columns[] = {
	{ "v_process_tree",
	  { "path", "the numbers of its ancestors, of the 128 outermost, and its own: to sort by",
	    COLUMN_TEXT, UNIT_NONE } },
	{ "v_process_tree", { "depth", "how many ancestors it has", COLUMN_INTEGER, UNIT_COUNT } },
	{ "v_process_tree", { "tree", "its name, indented by its depth", COLUMN_TEXT, UNIT_NONE } },
	{ "v_process_tree",
	  { "names", "the names of its ancestors, if they are not more than 128, and its own",
	    COLUMN_TEXT, UNIT_NONE } },
	{ "v_process_tree",
	  { "life_ns", "from its start to its end; NULL: one of them is not known", COLUMN_INTEGER,
	    UNIT_NS } },
	{ "v_syscall",
	  { "at_s", "its entry, in seconds since the start of the trace", COLUMN_REAL,
	    UNIT_NONE } },
	{ "v_exec",
	  { "at_s", "when it was, in seconds since the start of the trace", COLUMN_REAL,
	    UNIT_NONE } },
	{ "v_critical_path",
	  { "at_s", "its beginning, in seconds since the start of the trace", COLUMN_REAL,
	    UNIT_NONE } },
	{ "v_critical_path",
	  { "share", "its part of the whole path, 0 to 1", COLUMN_REAL, UNIT_NONE } },
	{ "v_wait",
	  { "max_at_s", "when the longest began, in seconds since the start of the trace",
	    COLUMN_REAL, UNIT_NONE } },
	{ "v_lock",
	  { "hold_max_comm", "last name of the thread that held it longest", COLUMN_TEXT,
	    UNIT_NONE } },
	{ "v_communication",
	  { "giver", "process that gave, name and pid, or the address of a peer outside the trace",
	    COLUMN_TEXT, UNIT_NONE } },
	{ "v_communication",
	  { "getter", "process that got, name and pid, or the address of a peer outside the trace",
	    COLUMN_TEXT, UNIT_NONE } },
	{ "v_connection",
	  { "at_s", "its beginning, in seconds since the start of the trace", COLUMN_REAL,
	    UNIT_NONE } },
	{ "v_failure",
	  { "first_at_s", "when the first of them was, in seconds since the start of the trace",
	    COLUMN_REAL, UNIT_NONE } },
	{ "v_usage",
	  { "life_ns", "from its start to its end; NULL: one of them is not known", COLUMN_INTEGER,
	    UNIT_NS } },
	{ "v_usage",
	  { "ready_ns", "time that its threads were ready but had no CPU; NULL: not recorded",
	    COLUMN_INTEGER, UNIT_NS } },
};

const size_t sqlite_view_column_count = ARRAY_SIZE(sqlite_view_columns);
