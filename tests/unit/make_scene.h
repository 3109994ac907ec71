/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A trace of a small known world for the tests of analyze: processes, threads and calls are put in by
 * name, in any order of time within a CPU's stream.
 */
#pragma once

#include "tests/unit/make_trace.h"

/* x86_64 */
enum {
	NR_read = 0,
	NR_write = 1,
	NR_close = 3,
	NR_nanosleep = 35,
	NR_vfork = 58,
	NR_getppid = 110,
	NR_wait4 = 61,
	NR_flock = 73,
	NR_exit_group = 231,
	NR_openat = 257
};

#define SCENE_START 1000000000ull /* of the recording, on the trace clock */
#define SCENE_BOOT  500000000ull  /* boot clock minus trace clock */
#define SCENE_WALL  1700000000000000000ll

struct scene {
	int fd;
	char path[64];
	struct trace_writer *writer;
	u64 events;
	u64 lost;
	u64 probe_runs; /* 0: not counted */
	u64 end_ns;
	u8 uuid[16];
};

/* Of the machine's boot `boot`. */
static MAKE_UNUSED void scene_begin_in(struct scene *scene, u8 identity, char *boot)
{
	struct trace_meta meta = make_meta(schema_builtin());
	struct trace_writer_options options = { .level = 1, .chunk_bytes = 4096 };
	struct trace_clock_sample clock = { SCENE_START, SCENE_START + SCENE_BOOT, SCENE_WALL,
					    SCENE_WALL, 100 };
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	*scene = (struct scene){ .end_ns = SCENE_START + 1000000000 };
	scene->fd = make_file(scene->path);
	memset(scene->uuid, identity, sizeof(scene->uuid));
	options.fd = scene->fd;
	memcpy(options.uuid, scene->uuid, sizeof(options.uuid));
	memcpy(meta.uuid, scene->uuid, sizeof(meta.uuid));
	meta.command_pid = 100;
	meta.boot_id = boot;
	meta.table_count = 1;
	meta.tables = (struct syscall_table *)syscall_table_builtin(SYSCALL_ABI_X86_64);
	CHECK_FATAL(!trace_writer_open(&options, &scene->writer));
	CHECK_FATAL(!make_put_meta(scene->writer, &meta));
	trace_clock_encode(&clock, 1, &data, &len);
	CHECK_FATAL(!trace_writer_put(scene->writer, TRACE_CLOCK, SCENE_START, data, len));
}

static MAKE_UNUSED void scene_begin(struct scene *scene, u8 identity)
{
	scene_begin_in(scene, identity, "b");
}

static MAKE_UNUSED void scene_put(struct scene *scene, u16 class, const struct trc_head *record)
{
	CHECK_FATAL(!trace_stream_append(trace_writer_stream(scene->writer, class, record->cpu),
					 record));
	scene->events++;
}

#define SCENE_HEAD(kind_name, at, a_tid, a_tgid)                                                   \
	{                                                                                          \
		.ts = SCENE_START + (at), .tid = (a_tid), .tgid = (a_tgid),                        \
		.kind = TRC_KIND_##kind_name, .len = sizeof(struct trc_##kind_name),               \
		.words = sizeof(struct trc_##kind_name) / 8                                        \
	}

static MAKE_UNUSED void scene_new(struct scene *scene, u64 at, u32 tid, u32 tgid, u32 child,
				  u32 child_tgid, const char *comm)
{
	struct trc_task_new record = { .head = SCENE_HEAD(task_new, at, tid, tgid),
				       .child_tid = child,
				       .child_tgid = child_tgid,
				       .child_start_ns = SCENE_START + SCENE_BOOT + at,
				       .ppid = tgid,
				       .ns_tid = child,
				       .ns_tgid = child_tgid,
				       .pid_ns = 7 };

	strncpy(record.comm, comm, sizeof(record.comm) - 1);
	scene_put(scene, TRC_CLASS_TASK, &record.head);
}

static MAKE_UNUSED u8 *scene_item(u8 *out, u8 field, u8 type, const void *data, size_t len)
{
	struct trc_item item = { .field = field, .type = type, .len = (u16)len };

	memcpy(out, &item, sizeof(item));
	memset(out + sizeof(item), 0, (len + 7) & ~7ul);
	memcpy(out + sizeof(item), data, len);
	return out + sizeof(item) + ((len + 7) & ~7ul);
}

/* argv is one string with NULs, without the last one: sizeof("cc\0-c") */
static MAKE_UNUSED void scene_exec(struct scene *scene, u64 at, u32 tgid, u32 old_tid,
				   u64 started_at, const char *exe, const char *argv,
				   size_t argv_len)
{
	u64 buffer[512] = {};
	struct trc_exec *record = (struct trc_exec *)buffer;
	u8 *end = (u8 *)(record + 1);

	*record = (struct trc_exec){ .head = SCENE_HEAD(exec, at, tgid, tgid),
				     .old_tid = old_tid,
				     .ppid = 1,
				     .start_ns = SCENE_START + SCENE_BOOT + started_at,
				     .uid = 1000,
				     .gid = 100,
				     .euid = 1000,
				     .egid = 100,
				     .ns_tgid = tgid };
	strncpy(record->comm, strrchr(exe, '/') + 1, sizeof(record->comm) - 1);
	end = scene_item(end, 0, TRC_TYPE_str, exe, strlen(exe));
	end = scene_item(end, 1, TRC_TYPE_str, exe, strlen(exe));
	end = scene_item(end, 2, TRC_TYPE_str, "/home", 5);
	end = scene_item(end, 3, TRC_TYPE_strv, argv, argv_len);
	end = scene_item(end, 4, TRC_TYPE_str, "/user", 5);
	record->head.len = (u16)(end - (u8 *)buffer);
	scene_put(scene, TRC_CLASS_TASK, &record->head);
}

/* exit_code as the kernel keeps it; `last` thread of its process or not. */
static MAKE_UNUSED void scene_exit(struct scene *scene, u64 at, u32 tid, u32 tgid, u64 started_at,
				   u32 exit_code, bool last)
{
	struct trc_task_exit record = { .head = SCENE_HEAD(task_exit, at, tid, tgid),
					.exit_code = exit_code,
					.ppid = 1,
					.start_ns = SCENE_START + SCENE_BOOT + started_at,
					.utime_ns = 3000000,
					.stime_ns = 1000000,
					.runtime_ns = 10000019,
					.minor_faults = 11,
					.voluntary_switches = 13,
					.read_bytes = 17,
					.max_rss_bytes = 4096 * tid,
					.signal_flags = last,
					.live_threads = !last };

	strncpy(record.comm, "ended", sizeof(record.comm) - 1);
	scene_put(scene, TRC_CLASS_TASK, &record.head);
}

struct scene_call {
	u64 at; /* the exit */
	u32 tid, tgid;
	u16 cpu;
	u32 nr;
	u8 abi; /* 0: x86_64 */
	u8 state, flags;
	s64 ret;
	u64 duration_ns;
	const char *path; /* of argument 1 */
};

/* With as many arguments as the call has: the rest is left out, as the recorder does. */
static MAKE_UNUSED void scene_call(struct scene *scene, struct scene_call call)
{
	const struct syscall_desc *desc =
		syscall_by_nr(syscall_table_builtin(SYSCALL_ABI_X86_64), call.nr);
	u64 buffer[512] = {};
	struct trc_syscall *record = (struct trc_syscall *)buffer;
	u32 words = 6 + (desc ? desc->arg_count : 0);
	u8 *end = (u8 *)(buffer + words);

	record->head = (struct trc_head){ .ts = SCENE_START + call.at,
					  .tid = call.tid,
					  .tgid = call.tgid,
					  .kind = TRC_KIND_syscall,
					  .cpu = call.cpu,
					  .words = (u8)words };
	record->nr = call.nr;
	record->abi = call.abi ? call.abi : SYSCALL_ABI_X86_64;
	record->state = call.state;
	record->flags = call.flags;
	record->ret = call.ret;
	record->duration_ns = call.duration_ns;
	for (u32 i = 6; i < words; i++)
		buffer[i] = i * 10;
	if (call.path) {
		end = scene_item(end, 1, TRC_TYPE_str, call.path, strlen(call.path));
		record->items = 1;
	}
	record->head.len = (u16)(end - (u8 *)buffer);
	scene_put(scene, TRC_CLASS_SYSCALL, &record->head);
}

static MAKE_UNUSED void scene_lost(struct scene *scene, u64 from, u64 to, u64 count)
{
	struct trc_lost record = { .head = SCENE_HEAD(lost, to, 0, 0),
				   .lost_kind = TRC_KIND_syscall,
				   .cause = TRC_LOST_RING,
				   .ring = 1,
				   .first_ns = SCENE_START + from,
				   .last_ns = SCENE_START + to,
				   .count = count };

	scene_put(scene, TRC_CLASS_TASK, &record.head);
	scene->lost += count;
}

static MAKE_UNUSED void scene_finish(struct scene *scene)
{
	struct trace_program_cost program = { "syscall_exit", scene->probe_runs, 1000 };
	struct trace_kind_count kind = { TRC_KIND_syscall, scene->events, 0 };
	struct trace_summary summary = { .start_ns = SCENE_START,
					 .end_ns = scene->end_ns,
					 .command_ended = true,
					 .exit_code = 3,
					 .end_reason = "command ended",
					 .event_count = scene->events,
					 .lost_count = scene->lost,
					 .user_ns = 5000000,
					 .program_count = scene->probe_runs > 0,
					 .programs = &program,
					 .kind_count = scene->probe_runs > 0,
					 .kinds = &kind };
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	trace_summary_encode(&summary, &data, &len);
	CHECK_FATAL(!trace_writer_put(scene->writer, TRACE_SUMMARY, summary.end_ns, data, len));
	CHECK_FATAL(!trace_writer_close(scene->writer));
}

/* As cat does it: `other` stands behind in the same file. */
static MAKE_UNUSED void scene_append(struct scene *scene, const struct scene *other)
{
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	data = make_contents(other->fd, &len);
	CHECK_FATAL(lseek(scene->fd, 0, SEEK_END) > 0);
	CHECK_FATAL(write(scene->fd, data, len) == (ssize_t)len);
}

static MAKE_UNUSED void scene_release(struct scene *scene)
{
	close(scene->fd);
}

/*
 * The world that several tests look at. pid 100 (a shell) forks 101, which becomes cc and makes 97 reads,
 * 31 failing openats and 7 writes, has a thread 102 that makes 13 writes; the pid 101 comes again as
 * another process, which execs from its thread 103. 100 waits, and ends with 3.
 */
#define SCENE_READS	    97
#define SCENE_FAILURES	    31
#define SCENE_WRITES	    7
#define SCENE_THREAD_WRITES 13

static MAKE_UNUSED void scene_world(struct scene *scene, u8 identity)
{
	u64 at = 0, state = identity;

	scene_begin(scene, identity);
	scene_exec(scene, at += 1000, 100, 100, 0, "/bin/sh", "sh\0-c\0cc x", 10);
	scene_new(scene, at += 1000, 100, 100, 101, 101, "sh");
	scene_exec(scene, at += 1000, 101, 101, 2000, "/usr/bin/cc", "cc\0-c\0x y.c", 11);
	scene_new(scene, at += 1000, 101, 101, 102, 101, "cc");
	for (size_t i = 0; i < SCENE_READS; i++)
		scene_call(scene,
			   (struct scene_call){ .at = at += 100000,
						.tid = 101,
						.tgid = 101,
						.nr = NR_read,
						.ret = (s64)i,
						.duration_ns = make_random(&state) % 90000 });
	for (size_t i = 0; i < SCENE_FAILURES; i++)
		scene_call(scene,
			   (struct scene_call){ .at = at += 100000,
						.tid = 101,
						.tgid = 101,
						.nr = NR_openat,
						.ret = -2,
						.duration_ns = 1000 + i,
						.path = i % 2 ? "/usr/include/x.h" : "/opt/y.h" });
	for (size_t i = 0; i < SCENE_WRITES; i++)
		scene_call(scene, (struct scene_call){ .at = at += 100000,
						       .tid = 101,
						       .tgid = 101,
						       .nr = NR_write,
						       .ret = 1,
						       .duration_ns = 500 });
	for (size_t i = 0; i < SCENE_THREAD_WRITES; i++)
		scene_call(scene, (struct scene_call){ .at = at += 100000,
						       .tid = 102,
						       .tgid = 101,
						       .cpu = 1,
						       .nr = NR_write,
						       .ret = -9,
						       .duration_ns = 700 });
	/* Kept for its state only: never counted. */
	scene_call(scene,
		   (struct scene_call){
			   .at = at += 1000, .tid = 101, .tgid = 101, .nr = NR_close, .flags = 1 });
	/* Killed inside a call; entered before it was watched. */
	scene_call(scene, (struct scene_call){ .at = at += 1000,
					       .tid = 102,
					       .tgid = 101,
					       .cpu = 1,
					       .nr = NR_nanosleep,
					       .state = TRC_SYSCALL_UNFINISHED,
					       .duration_ns = 900 });
	scene_exit(scene, at += 1000, 102, 101, 4000, 0, false);
	scene_call(scene, (struct scene_call){ .at = at += 1000,
					       .tid = 100,
					       .tgid = 100,
					       .nr = NR_read,
					       .state = TRC_SYSCALL_NO_ENTER,
					       .ret = 5 });
	scene_exit(scene, at += 1000, 101, 101, 2000, 11, true);
	/* The pid comes again; its thread 103 execs, and bears the number 101 from then on. */
	at += 1000000000;
	scene->end_ns = SCENE_START + at + 1000000000;
	u64 born = at + 1000;
	scene_new(scene, at += 1000, 100, 100, 101, 101, "sh");
	scene_new(scene, at += 1000, 101, 101, 103, 101, "sh");
	scene_exit(scene, at += 1000, 101, 101, born, 0, false);
	scene_exec(scene, at += 1000, 101, 103, born, "/bin/true", "true", 5);
	scene_call(scene, (struct scene_call){ .at = at += 1000,
					       .tid = 101,
					       .tgid = 101,
					       .nr = NR_getppid,
					       .ret = 100,
					       .duration_ns = 100 });
	scene_exit(scene, at += 1000, 101, 101, born, 5 << 8, true);
	at += 1000;
	scene_call(scene, (struct scene_call){ .at = at,
					       .tid = 100,
					       .tgid = 100,
					       .nr = NR_wait4,
					       .ret = 101,
					       .duration_ns = at - 5000 });
	scene_exit(scene, at += 1000, 100, 100, 0, 3 << 8, true);
	scene_finish(scene);
}
