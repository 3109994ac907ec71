/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/session_private.h"

#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "record/backend.h"
#include "record/spec.h"

#define RING_BYTES_MAX	  (8ull << 20)
#define RING_BYTES_MIN	  (512ull << 10)
#define RINGS_BYTES_TOTAL (256ull << 20)

u64 session_ring_bytes(const struct settings *settings)
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

/* "!read" keeps what no table knows, "read" does not. */
static bool skips_unknown(const struct session *s, const struct syscall_set *set)
{
	return !(s->settings->groups & GROUP_BIT(GROUP_syscall)) ||
	       (set && !strchr(s->settings->syscalls, '!'));
}

/* *ret_why, if it is filled: why BPF cannot be had, which is not said yet. */
static int load_probes(struct session *s, const struct syscall_set *set, char **ret_why)
{
	struct probes_error error = { 0 };
	struct probes_options options = {
		.groups = s->settings->groups,
		.specs = s->specs,
		.targets = &s->targets,
		.filter = &s->filter,
		.sampling = s->samples,
		.extras = &s->extras,
		.machine = s->machine,
		.ring_bytes = s->ring_bytes,
		.verbose = s->settings->verbose,
		.unknown_calls_skipped = skips_unknown(s, set),
	};
	int err, rings_err;

	/* If it may not be, loading knows better to say why. */
	rings_err = rings_open(s->ring_bytes, &s->rings);
	options.rings = s->rings;
	extras_open(&s->extras);
	err = probes_open(&options, &s->probes, &error);
	if (err) {
		rings_close(s->rings);
		s->rings = NULL;
		*ret_why = error.what;
		return err;
	}
	if (probes_missing(s->probes))
		log_warning(
			"this kernel lacks %s; what they would tell is not recorded, the rest is",
			probes_missing(s->probes));
	err = rings_err ? rings_err : rings_wait(s->rings);
	if (err)
		log_error("the ring buffers of %llu bytes per CPU cannot be made: %s; try a "
			  "smaller -b",
			  (unsigned long long)s->ring_bytes, strerror(-err));
	return err;
}

/*
 * Forks the held command. Before the probes are loaded: the kernel counts what the child shares of our memory
 * as its own, and libbpf needs a lot for a while.
 */
static int hold_command(struct session *s, const char *path)
{
	/* The trace has standard output to itself: the command's goes to ours for talk. */
	int stdout_fd = strcmp(s->settings->output, "-") ? -1 : STDERR_FILENO;
	int err =
		command_start(path, s->settings->command, loop_original_mask(s->loop), stdout_fd,
			      &s->user, s->tracer ? tracer_program(s->tracer) : NULL, &s->command);

	if (err) {
		log_error("%s cannot be started: %s", path, strerror(-err));
		return err;
	}
	loop_set_command(s->loop, s->command);
	return 0;
}

/* Holds the command, and has it traced. 0 or -errno; it has spoken. */
static int load_tracer(struct session *s, const struct syscall_set *set, const char *path,
		       const char *why)
{
	struct tracer_options options = {
		.specs = s->specs,
		.tables = s->tables,
		.table_count = s->table_count,
		.machine = s->machine,
		.filter = &s->filter,
	};
	int err = rings_open_memory(s->ring_bytes, &s->rings);

	if (err) {
		log_error("a buffer of %llu bytes cannot be made: %s; try a smaller -b",
			  (unsigned long long)s->ring_bytes, strerror(-err));
		return err;
	}
	backend_narrow(s->settings, why, &s->narrowed);
	s->settings = s->recorder.settings = &s->narrowed;
	extras_release(&s->extras);
	s->extras = (struct extras){ 0 };
	spec_fill(s->tables, s->table_count, set, s->settings, NULL, s->specs);
	options.rings = s->rings;
	options.calls = s->settings->groups & GROUP_BIT(GROUP_syscall);
	options.unknown_calls_skipped = skips_unknown(s, set);
	options.chosen = set;
	s->tracer = tracer_new(&options);
	err = hold_command(s, path);
	if (err)
		return err;
	err = tracer_attach(s->tracer, s->command);
	if (err && command_ended(s->command, &s->ending.command_status) &&
	    WIFSIGNALED(s->ending.command_status))
		return KILLED_BEFORE;
	if (err)
		log_error("ptrace cannot be had: %s; kernel.yama.ptrace_scope must be below 3, and "
			  "nobody else may trace the command",
			  strerror(-err));
	return err;
}

int session_load(struct session *s, const struct syscall_set *set, const char *path)
{
	_cleanup_free_ char *why = NULL;
	int err;

	if (backend_is_ptrace(s->settings))
		return load_tracer(s, set, path, NULL);
	err = path ? hold_command(s, path) : 0;
	if (!err)
		err = load_probes(s, set, &why);
	if (!why)
		return err;
	if (!backend_falls_back(s->settings)) {
		log_error("%s", why);
		return err;
	}
	/* Another takes its place: one that stops where the tracer wants it to. */
	command_free(s->command);
	s->command = NULL;
	return load_tracer(s, set, path, why);
}

static void release_probes(struct session *s)
{
	consumer_free(s->consumer);
	s->consumer = NULL;
	rings_close(s->rings);
	s->rings = NULL;
	probes_close(s->probes);
	s->probes = NULL;
}

void session_leave(struct session *s)
{
	if (s->tracer)
		tracer_leave(s->tracer);
	else
		release_probes(s);
}

void session_wait_for_tracees(struct session *s)
{
	u64 count = s->tracer ? tracer_needed_by(s->tracer) : 0;

	if (!count)
		return;
	log_info("waiting for %llu of its descendants to end: a call that -e chose stops them, and "
		 "they could not go on alone",
		 (unsigned long long)count);
	/* Nobody is left to pass signals on to: they mean us, and with us ends what we trace. */
	sigprocmask(SIG_SETMASK, loop_original_mask(s->loop), NULL);
}

void session_release_sources(struct session *s)
{
	if (s->command)
		command_abandon(s->command);
	tracer_free(s->tracer);
	s->tracer = NULL;
	release_probes(s);
}
