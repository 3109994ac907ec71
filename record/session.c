/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "record/attach.h"
#include "record/spec.h"

#define NOTHING_RECORDED (-1)

DEFINE_CLEANUP(struct syscall_set *, syscall_set_free)

static bool begins_later(const struct session *s)
{
	return s->settings->modes.delay_ns || s->settings->modes.start_at;
}

static int attach_probes(struct session *s)
{
	struct probes_error error = { 0 };
	struct cost *cost = &s->recorder.cost;
	int err;

	cost_before_attach(cost);
	err = probes_attach(s->probes, &error);
	if (err) {
		log_error("%s", error.what);
		free(error.what);
		return err;
	}
	cost_after_attach(cost, s->probes);
	return 0;
}

static void open_consumer(struct session *s)
{
	u64 now = monotonic_ns();

	s->consumer = s->recorder.consumer = consumer_new(&s->recorder.source, s->rings, now);
	consumer_set_stacks(s->consumer, s->extras.stacks);
	consumer_set_triggers(s->consumer, s->triggers, s->trigger_count);
	if (s->settings->modes.max_events)
		consumer_set_max_events(s->consumer, s->settings->modes.max_events);
	cost_tick(&s->recorder.cost, s->probes, now, 0);
}

/* The command and what exists already are targets from here on. 0 or -errno; it has spoken. */
static int mark_targets(struct session *s)
{
	u32 matched = 0;
	int err = 0;

	if (s->command)
		err = probes_hold(s->probes, command_pidfd(s->command));
	if (err) {
		log_error("the command cannot be marked for recording: %s", strerror(-err));
		return err;
	}
	err = attach_targets(s->probes, &s->targets, &matched, &s->recorder.command_pid);
	if (err) {
		log_error("the targets cannot be marked for recording: %s", strerror(-err));
		return err;
	}
	if (s->targets.options && !matched) {
		_cleanup_free_ char *options = target_options_text(&s->settings->targets);

		log_error("%s: nothing that runs matches", options);
		return -ESRCH;
	}
	return 0;
}

/* Finds what is there, and begins the first file, or only follows until recording begins. */
static int begin(struct session *s)
{
	int err;

	if (s->probes)
		attach_begin(s->probes);
	if (begins_later(s)) {
		err = source_tell(&s->recorder.source, s->consumer, false);
		s->recorder.found = true;
	} else {
		err = recorder_begin(&s->recorder);
	}
	if (err)
		log_error("%s: recording cannot begin: %s", files_name(&s->recorder.files),
			  strerror(-err));
	return err;
}

static int release_command(struct session *s, const char *path)
{
	int err = command_release(s->command, loop_take_signals, s->loop);

	/* Ctrl-C while we were loading. */
	if (err == -EPIPE) {
		command_wait(s->command, &s->ending.command_status);
		if (WIFSIGNALED(s->ending.command_status))
			return KILLED_BEFORE;
	}
	if (err) {
		log_error("%s cannot be executed: %s", path, strerror(-err));
		return NOTHING_RECORDED;
	}
	return 0;
}

/* From a loaded session to a released command. 0, NOTHING_RECORDED, KILLED_BEFORE or -errno; it has spoken. */
static int start(struct session *s, const char *path)
{
	struct output *output = &s->recorder.files.output;
	int err = s->probes ? mark_targets(s) : 0;

	/* Who matches is a target from the first probe on, but sends nothing before recording begins. */
	if (begins_later(s))
		source_pause(&s->recorder.source, true);
	if (s->tracer)
		s->recorder.command_pid = command_pid(s->command);
	else if (!err)
		err = attach_probes(s);
	if (!err) {
		open_consumer(s);
		err = begin(s);
	}
	if (!err && s->command)
		err = release_command(s, path);
	if (err)
		return err;
	err = files_commit(&s->recorder.files);
	if (err)
		/* The command runs: its trace is kept under the name that it has. */
		log_warning("%s cannot be replaced: %s; the trace is in %s", output->path,
			    strerror(-err), output->temporary);
	return 0;
}

static int parse_syscalls(struct session *s, struct syscall_set **ret_set)
{
	_cleanup_free_ char *error = NULL;

	if (filter_parse(s->settings, &s->filter, &error) ||
	    samples_parse(s->tables, s->table_count, s->settings->sample, &s->samples, &error)) {
		log_error("%s", error);
		return -EINVAL;
	}
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

static int parse_triggers(struct session *s)
{
	const struct option_list *list = &s->settings->modes.triggers;

	for (size_t i = 0; i < list->count; i++) {
		_cleanup_free_ char *error = NULL;

		if (trigger_parse(list->values[i], s->tables, s->table_count,
				  &s->triggers[s->trigger_count], &error)) {
			log_error("--trigger %s: %s", list->values[i], error);
			return -EINVAL;
		}
		s->trigger_count++;
	}
	return 0;
}

static int open_control(struct session *s)
{
	_cleanup_free_ char *error = NULL;

	if (!s->settings->modes.control ||
	    !control_fifo_open(s->settings->modes.control, &s->control, &error))
		return 0;
	log_error("%s", error);
	return -EINVAL;
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

static int record_all(struct session *s, const char *path, int *ret_signal)
{
	int err;

	s->recorder.source = (struct event_source){ s->probes, s->tracer };
	s->recorder.rings = s->rings;
	err = start(s, path);
	if (err) {
		/* A command that could not be executed has no trace. */
		recorder_discard(&s->recorder);
		if (err == KILLED_BEFORE)
			return command_code(s, ret_signal);
		return err == NOTHING_RECORDED ? EXIT_NOT_EXECUTABLE : EXIT_RECORDING_FAILED;
	}
	err = loop_run(s->loop, &s->recorder, &s->ending);
	err = recorder_finish(&s->recorder, &s->ending, err);
	if (s->command && !s->ending.command_ended) {
		/* The command may go on for days: it owes nothing to us any more. */
		session_leave(s);
		log_info("waiting for %s (pid %d) to end", s->settings->command[0],
			 command_pid(s->command));
		loop_wait(s->loop, &s->ending);
	}
	session_wait_for_tracees(s);
	if (err)
		return EXIT_RECORDING_FAILED;
	return s->command ? command_code(s, ret_signal) : 0;
}

static void session_release(struct session *s)
{
	recorder_release(&s->recorder);
	session_release_sources(s);
	loop_free(s->loop);
	command_free(s->command);
	control_fifo_close(s->control);
	for (size_t i = 0; i < s->trigger_count; i++)
		trigger_free(s->triggers[i]);
	targets_release(&s->targets);
	user_release(&s->user);
	samples_free(s->samples);
	extras_release(&s->extras);
	free(s->specs);
	syscall_tables_free(s->tables, s->table_total);
}

/* The command, who runs it, and the other targets. 0, or an exit code; it has spoken. */
static int find_all(struct session *s, char **ret_path)
{
	const struct settings *settings = s->settings;
	const char *command = settings->command[0];
	_cleanup_free_ char *error = NULL;
	int err = command ? command_find(command, ret_path) : 0;

	if (err == -ENOENT) {
		log_error("%s: command not found%s", command,
			  strchr(command, '/') ? "" : " in PATH");
		return EXIT_NOT_FOUND;
	}
	if (err) {
		log_error("%s: not executable: %s", command, strerror(-err));
		return EXIT_NOT_EXECUTABLE;
	}
	if (user_resolve(settings->user, &s->user, &error)) {
		log_error("--user: %s", error);
		return EXIT_USAGE;
	}
	err = targets_resolve(&settings->targets, &s->targets, &error);
	if (err) {
		log_error("%s", error);
		return err == -EINVAL ? EXIT_USAGE : EXIT_RECORDING_FAILED;
	}
	return 0;
}

/* What was asked for, taken apart. 0, -EINVAL for wrong usage or -errno; it has spoken. */
static int prepare(struct session *s, struct syscall_set **ret_set)
{
	const struct settings *settings = s->settings;
	int err = load_tables(s);

	if (err)
		return err == -EINVAL ? -EIO : err;
	if (parse_syscalls(s, ret_set) || parse_triggers(s) || open_control(s) ||
	    extras_parse(&s->extras, settings, s->tables, s->table_count))
		return -EINVAL;
	s->specs = xcalloc(SPEC_ABIS * SPEC_PER_ABI, sizeof(*s->specs));
	spec_fill(s->tables, s->table_count, *ret_set, settings, s->samples, s->specs);
	if (extras_prepare(&s->extras, s->tables, s->table_count, s->specs))
		return -EINVAL;
	s->recorder.settings = settings;
	if (recorder_open_output(&s->recorder))
		return -EIO;
	s->loop = loop_new(&settings->modes, settings->command_argc > 0);
	loop_set_control(s->loop, s->control);
	s->recorder.extras = &s->extras;
	s->recorder.tables = s->tables;
	s->recorder.table_count = s->table_count;
	s->recorder.ring_bytes = s->ring_bytes;
	s->recorder.gives_up = loop_gives_up;
	s->recorder.gives_up_context = s->loop;
	return 0;
}

int session_run(const struct settings *settings, int *ret_signal)
{
	_cleanup_(syscall_set_freep) struct syscall_set *set = NULL;
	struct session session = { .settings = settings }, *s = &session;
	_cleanup_free_ char *path = NULL;
	struct utsname uts;
	int code, err;

	uname(&uts);
	s->machine = uts.machine;
	s->recorder.files.directory = s->recorder.files.output.fd = -1;
	s->ring_bytes = session_ring_bytes(settings);
	code = find_all(s, &path);
	if (code)
		goto out;
	code = EXIT_RECORDING_FAILED;
	err = prepare(s, &set);
	if (err) {
		code = err == -EINVAL ? EXIT_USAGE : EXIT_RECORDING_FAILED;
		goto out;
	}
	err = session_load(s, set, path);
	if (err) {
		recorder_discard(&s->recorder);
		if (err == KILLED_BEFORE)
			code = command_code(s, ret_signal);
	} else {
		log_verbose("%llu bytes of ring per CPU, %zu system-call tables, %s",
			    (unsigned long long)s->ring_bytes, s->table_count,
			    path ? path : "no command");
		code = record_all(s, path, ret_signal);
	}
out:
	session_release(s);
	return code;
}
