/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/session.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "record/command.h"
#include "record/consumer.h"
#include "record/cost.h"
#include "record/counters.h"
#include "record/loop.h"
#include "record/metadata.h"
#include "record/output.h"
#include "record/probes.h"
#include "record/spec.h"
#include "record/stack_choice.h"
#include "record/stacks.h"
#include "record/summary.h"

#define CHUNK_BYTES	  (1u << 20) /* raw, per stream: FORMAT.md, "Measured" */
#define RING_BYTES_MAX	  (8ull << 20)
#define RING_BYTES_MIN	  (512ull << 10)
#define RINGS_BYTES_TOTAL (256ull << 20)
#define NOTHING_RECORDED  (-1)
#define KILLED_BEFORE	  (-2)

DEFINE_CLEANUP(struct trace_meta *, metadata_free)
DEFINE_CLEANUP(struct syscall_set *, syscall_set_free)

/* Everything that a recording holds while it goes on. */
struct session {
	const struct settings *settings;
	const char *machine;
	struct syscall_table *tables;
	size_t table_count; /* in use */
	size_t table_total; /* owned */
	u64 ring_bytes;
	struct output output;
	struct probes *probes;
	struct rings *rings;
	struct trace_writer *writer;
	struct consumer *consumer;
	struct syscall_spec *specs;
	u8 *stack_calls;
	struct stack_choice stack_choice;
	struct stacks *stacks;	   /* NULL: none are wanted */
	struct counters *counters; /* likewise */
	struct command *command;
	struct loop *loop;
	struct cost cost;
	struct ending ending;
};

static u64 ring_bytes(const struct settings *settings)
{
	u64 bytes = RING_BYTES_MAX;

	const u64 page_bytes = sysconf(_SC_PAGESIZE);

	if (settings->ring_bytes)
		return settings->ring_bytes > page_bytes ? settings->ring_bytes : page_bytes;
	/* Kernel memory grows with the CPUs: share it out on large machines. */
	while (bytes > RING_BYTES_MIN && bytes * libbpf_num_possible_cpus() > RINGS_BYTES_TOTAL)
		bytes /= 2;
	return bytes;
}

static int open_output(struct session *s)
{
	const char *path = s->settings->output;
	int err = output_open(path, s->settings->force, &s->output);

	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		log_error("%s exists; --force replaces it, -o FILE names another", path);
		break;
	case -ELOOP:
		log_error("%s is not a regular file; a trace is never written through a link or a "
			  "device, "
			  "choose another name with -o",
			  path);
		break;
	case -ENOTTY:
		log_error("a trace is not for a terminal: redirect standard output, or name a file "
			  "with -o");
		break;
	case -ENOENT:
		log_error("%s: its directory does not exist; make it first, or choose another name "
			  "with -o",
			  path);
		break;
	default:
		log_error("%s: cannot be written: %s; choose another name with -o", path,
			  strerror(-err));
	}
	return err;
}

static int load_probes(struct session *s, const struct syscall_set *set)
{
	struct probes_error error = { 0 };
	struct probes_options options = {
		.groups = s->settings->groups,
		.specs = s->specs,
		.stacks = s->stack_choice.why,
		.stack_calls = s->stack_calls,
		.counters = s->counters,
		.machine = s->machine,
		.ring_bytes = s->ring_bytes,
		.verbose = s->settings->verbose,
		/* "!read" keeps what no table knows, "read" does not. */
		.unknown_calls_skipped = !(s->settings->groups & GROUP_BIT(GROUP_syscall)) ||
					 (set && !strchr(s->settings->syscalls, '!')),
	};
	int err;

	err = probes_open(&options, &s->probes, &error);
	if (err) {
		log_error("%s", error.what);
		free(error.what);
		return err;
	}
	err = rings_open(probes_rings_fd(s->probes), s->ring_bytes, &s->rings);
	if (err)
		log_error("the ring buffers of %llu bytes per CPU cannot be made: %s; try a "
			  "smaller -b",
			  (unsigned long long)s->ring_bytes, strerror(-err));
	return err;
}

/* HEADER, STATE and the first CLOCK, before any event. */
static int write_beginning(struct session *s)
{
	struct trace_writer_options options = {
		.fd = s->output.fd,
		.level = s->settings->level,
		.chunk_bytes = CHUNK_BYTES,
		.worker_count = libbpf_num_possible_cpus() > 2 ? 1 : 0,
	};
	_cleanup_(metadata_freep) struct trace_meta *meta = NULL;
	_cleanup_free_ u8 *header = NULL, *state_data = NULL;
	struct trace_state *state;
	u64 now = monotonic_ns();
	size_t len;
	int err;

	meta = metadata_new(s->settings, s->tables, s->table_count, command_pid(s->command),
			    s->ring_bytes);
	if (s->stack_choice.why)
		metadata_add_option(meta, "stacks", stack_choice_text(&s->stack_choice));
	if (s->counters && s->counters->count)
		metadata_add_option(meta, "counters", counters_names(s->counters));
	memcpy(options.uuid, meta->uuid, sizeof(options.uuid));
	err = trace_writer_open(&options, &s->writer);
	if (err)
		return err;
	trace_meta_encode(meta, &header, &len);
	err = trace_writer_put(s->writer, TRACE_HEADER, now, header, len);
	state = snapshot_process(command_pid(s->command), now);
	if (state && !err) {
		trace_state_encode(state, &state_data, &len);
		err = trace_writer_put(s->writer, TRACE_STATE, now, state_data, len);
	}
	trace_state_free(state);
	return err ? err : loop_clock(s->writer);
}

static void say_write_error(const struct session *s, int err)
{
	if (err == -EPIPE)
		log_error(
			"standard output: nobody reads the trace any more; recording has stopped");
	else
		log_error("%s: %s; recording has stopped, what was written is readable",
			  s->settings->output, strerror(-err));
}

/*
 * Forks the held command. Before the probes are loaded: the kernel counts what the child shares of our memory
 * as its own, and libbpf needs a lot for a while.
 */
static int hold_command(struct session *s, const char *path)
{
	/* The trace has standard output to itself: the command's goes to ours for talk. */
	int stdout_fd = s->output.path ? -1 : STDERR_FILENO;
	int err = command_start(path, s->settings->command, loop_original_mask(s->loop), stdout_fd,
				&s->command);

	if (err)
		log_error("%s cannot be started: %s", path, strerror(-err));
	return err;
}

/* From a loaded session to a released command. 0, NOTHING_RECORDED, KILLED_BEFORE or -errno; it has spoken. */
static int start(struct session *s, const char *path)
{
	struct probes_error error = { 0 };
	int err;

	err = write_beginning(s);
	if (err) {
		say_write_error(s, err);
		return err;
	}
	cost_before_attach(&s->cost);
	err = probes_attach(s->probes, &error);
	if (err) {
		log_error("%s", error.what);
		free(error.what);
		return err;
	}
	cost_after_attach(&s->cost, s->probes);
	if (s->stack_choice.why)
		s->stacks = stacks_new();
	err = probes_hold(s->probes, command_pidfd(s->command));
	if (err) {
		log_error("the command cannot be marked for recording: %s", strerror(-err));
		return err;
	}
	s->ending.start_ns = monotonic_ns();
	s->consumer = consumer_new(s->probes, s->rings, s->writer, s->ending.start_ns);
	consumer_set_stacks(s->consumer, s->stacks);
	cost_tick(&s->cost, s->probes, s->ending.start_ns, 0);
	err = command_release(s->command);
	/* Ctrl-C while we were loading. */
	if (err == -EPIPE && command_wait(s->command, &s->ending.command_status) &&
	    WIFSIGNALED(s->ending.command_status))
		return KILLED_BEFORE;
	if (err) {
		log_error("%s cannot be executed: %s", path, strerror(-err));
		return NOTHING_RECORDED;
	}
	err = output_commit(&s->output);
	if (err)
		/* The command runs: its trace is kept under the name that it has. */
		log_warning("%s cannot be replaced: %s; the trace is in %s", s->output.path,
			    strerror(-err), s->output.temporary);
	return 0;
}

/* Empties the rings, writes SUMMARY and the end. 0 or the first write error. */
static int finish(struct session *s)
{
	_cleanup_free_ u8 *data = NULL;
	struct trace_writer_stats stats;
	struct trace_summary *summary;
	struct stat st;
	struct text line = { 0 };
	int err = s->ending.reason == loop_reason_write_error ? loop_error(s->loop) : 0, close_err;
	size_t len;
	u32 fill;

	probes_detach(s->probes);
	/* Also of those that outlive the command. */
	if (s->ending.reason != loop_reason_command)
		probes_unfinished(s->probes);
	s->ending.end_ns = monotonic_ns();
	/* One call takes only so much from each ring. */
	while (!err && (err = consumer_drain(s->consumer, &fill)) > 0)
		err = 0;
	cost_stop(&s->cost, s->probes, s->ending.end_ns,
		  consumer_recorded(s->consumer, TRC_KIND_syscall));
	if (!err)
		err = consumer_losses(s->consumer, monotonic_ns());
	if (!err)
		err = consumer_missed(s->consumer, monotonic_ns());
	if (consumer_last_ns(s->consumer) && s->ending.reason == loop_reason_command)
		s->ending.end_ns = consumer_last_ns(s->consumer);
	if (!err)
		err = trace_writer_flush(s->writer, UINT64_MAX);
	if (!err)
		err = loop_clock(s->writer);
	summary = summary_new(&s->ending, s->consumer, s->probes, &s->cost, s->writer);
	trace_summary_encode(summary, &data, &len);
	if (!err)
		err = trace_writer_put(s->writer, TRACE_SUMMARY, s->ending.end_ns, data, len);
	trace_writer_stats(s->writer, &stats);
	close_err = trace_writer_close(s->writer);
	s->writer = NULL;
	/* With what closing added. */
	if (s->output.path && !fstat(s->output.fd, &st))
		stats.file_bytes = st.st_size;
	if (!err)
		err = close_err;
	if (err)
		say_write_error(s, err);
	summary_line(summary, s->consumer, cost_per_syscall_ns(&s->cost, s->probes),
		     stats.file_bytes, &line);
	log_info("%s: %s", s->output.path ? s->output.path : "standard output", line.data);
	text_release(&line);
	trace_summary_free(summary);
	return err;
}

/* What is done with each system call: recorded, looked at, stacks taken. */
static int choose_calls(struct session *s, const struct syscall_set *set)
{
	_cleanup_free_ char *error = NULL;
	int err;

	s->specs = xcalloc(SPEC_ABIS * SPEC_PER_ABI, sizeof(*s->specs));
	s->stack_calls = xcalloc(SPEC_ABIS * SPEC_PER_ABI, sizeof(*s->stack_calls));
	spec_fill(s->tables, s->table_count, set, s->settings, s->specs);
	err = stack_choice_parse(&s->settings->stacks, s->tables, s->table_count, &s->stack_choice,
				 &error);
	if (!err)
		err = stack_choice_fill(&s->stack_choice, s->tables, s->table_count, s->specs,
					s->stack_calls, &error);
	if (err)
		log_error("%s", error);
	return err;
}

static int parse_counters(struct session *s)
{
	_cleanup_free_ char *error = NULL;
	int err;

	if (!s->settings->counters)
		return 0;
	err = counters_parse(s->settings->counters, &s->counters, &error);
	if (err)
		log_error("--counters %s: %s", s->settings->counters, error);
	else
		counters_open(s->counters);
	return err;
}

static int parse_syscalls(struct session *s, struct syscall_set **ret_set)
{
	_cleanup_free_ char *error = NULL;

	if (!s->settings->syscalls ||
	    !syscall_set_parse(s->tables, s->table_count, s->settings->syscalls, ret_set, &error))
		return 0;
	log_error("-e %s: %s", s->settings->syscalls, error);
	return -EINVAL;
}

/* Most kernels have no x32; its table would be a fifth of a small trace. */
static void drop_x32(struct session *s)
{
#ifdef __x86_64__
	const long x32_getpid = 0x40000000 | SYS_getpid;

	if (syscall(x32_getpid) != -1 || errno != ENOSYS)
		return;
	if (s->tables[s->table_count - 1].abi == SYSCALL_ABI_X32)
		s->table_count--;
#endif
}

static int load_tables(struct session *s)
{
	int err = syscall_tables_for_machine(s->machine, &s->tables, &s->table_count);
	if (err) {
		log_error("%s: the system calls of this machine are not known to this version",
			  s->machine);
		return err;
	}
	s->table_total = s->table_count;
	drop_x32(s);
	/* Best effort: without tracefs the built-in tables have to do. */
	syscall_table_add_running(&s->tables[0], "/sys/kernel/tracing");
	return 0;
}

/* What the command's status makes of ours. */
static int command_code(const struct session *s, int *ret_signal)
{
	int status = s->ending.command_status;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	*ret_signal = WTERMSIG(status);
	return 128 + WTERMSIG(status);
}

/* Programs, maps and rings. */
static void release_kernel(struct session *s)
{
	consumer_free(s->consumer);
	s->consumer = NULL;
	rings_close(s->rings);
	s->rings = NULL;
	probes_close(s->probes);
	s->probes = NULL;
}

static int record_command(struct session *s, const char *path, int *ret_signal)
{
	int err;

	err = start(s, path);
	if (err) {
		/* A command that could not be executed has no trace. */
		if (s->writer)
			trace_writer_close(s->writer);
		s->writer = NULL;
		output_discard(&s->output);
		if (err == KILLED_BEFORE)
			return command_code(s, ret_signal);
		return err == NOTHING_RECORDED ? EXIT_NOT_EXECUTABLE : EXIT_RECORDING_FAILED;
	}
	loop_run(s->loop, s->command, s->probes, s->rings, s->consumer, s->writer, &s->cost,
		 &s->ending);
	err = finish(s);
	if (!s->ending.command_ended) {
		/* The command may go on for days: it owes nothing to us any more. */
		release_kernel(s);
		log_info("waiting for %s (pid %d) to end", s->settings->command[0],
			 command_pid(s->command));
		loop_wait(s->loop, s->command, &s->ending);
	}
	return err ? EXIT_RECORDING_FAILED : command_code(s, ret_signal);
}

int session_run(const struct settings *settings, int *ret_signal)
{
	_cleanup_(syscall_set_freep) struct syscall_set *set = NULL;
	struct session session = { .settings = settings, .output = { .fd = -1 } }, *s = &session;
	_cleanup_free_ char *path = NULL;
	struct utsname uts;
	int code = EXIT_RECORDING_FAILED, err;

	uname(&uts);
	s->machine = uts.machine;
	s->ring_bytes = s->ending.ring_bytes = ring_bytes(settings);
	err = command_find(settings->command[0], &path);
	if (err == -ENOENT) {
		log_error("%s: command not found%s", settings->command[0],
			  strchr(settings->command[0], '/') ? "" : " in PATH");
		return EXIT_NOT_FOUND;
	}
	if (err) {
		log_error("%s: not executable: %s", settings->command[0], strerror(-err));
		return EXIT_NOT_EXECUTABLE;
	}
	if (load_tables(s))
		goto out;
	if (parse_syscalls(s, &set) || choose_calls(s, set) || parse_counters(s)) {
		code = EXIT_USAGE;
		goto out;
	}
	if (open_output(s))
		goto out;
	s->loop = loop_new();
	loop_set_duration(s->loop, settings->duration_ns);
	if (hold_command(s, path) || load_probes(s, set)) {
		output_discard(&s->output);
		goto out;
	}
	log_verbose("%llu bytes of ring per CPU, %zu system-call tables, %s",
		    (unsigned long long)s->ring_bytes, s->table_count, path);
	code = record_command(s, path, ret_signal);
out:
	loop_free(s->loop);
	output_close(&s->output);
	release_kernel(s);
	command_free(s->command);
	stacks_free(s->stacks);
	stack_choice_release(&s->stack_choice);
	free(s->specs);
	free(s->stack_calls);
	counters_free(s->counters);
	syscall_tables_free(s->tables, s->table_total);
	return code;
}
