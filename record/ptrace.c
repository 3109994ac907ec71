/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tracer as the recorder sees it, and the records that it hands over. */
#include "record/ptrace_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "record/metadata.h"
#include "record/seccomp.h"
#include "record/spec.h"

#define NS_PER_MS 1000000l
#define WAIT_NS	  (NS_PER_MS / 5)
#define WAITS_MAX 5000 /* a second, that a full ring holds up what is traced */

/* --- records */

void tracer_head(struct trc_head *head, const struct tracee *tracee, u16 kind, u16 words, u64 now)
{
	*head = (struct trc_head){ .ts = now,
				   .tid = tracee->tid,
				   .tgid = tracee->tgid,
				   .kind = kind,
				   .len = words * 8,
				   .words = words };
}

void tracer_wake_consumer(struct tracer *tracer)
{
	(void)!write(tracer->ring->fd, &(u64){ 1 }, sizeof(u64));
}

/* Sleeps without the lock: who has it may be the one that empties the ring. */
static void wait_for_room(struct tracer *tracer)
{
	const struct timespec wait = { .tv_nsec = WAIT_NS };

	tracer_wake_consumer(tracer);
	pthread_mutex_unlock(&tracer->lock);
	nanosleep(&wait, NULL);
	pthread_mutex_lock(&tracer->lock);
}

void tracer_send(struct tracer *tracer, const struct trc_head *record)
{
	if (tracer->paused || tracer->stopping)
		return;
	for (int waits = 0; !ring_put(tracer->ring, record); waits++) {
		if (tracer->stopping)
			return;
		if (tracer->overflowing || waits == WAITS_MAX) {
			tracer->overflowing = true;
			tracer->lost[record->kind]++;
			return;
		}
		wait_for_room(tracer);
	}
	tracer->overflowing = false;
	/* Its pace follows the fill; here only what it could oversleep. */
	if (*tracer->ring->producer - __atomic_load_n(tracer->ring->consumer, __ATOMIC_RELAXED) >
	    tracer->ring->size / 2)
		tracer_wake_consumer(tracer);
}

/* --- from outside */

static void do_nothing(int signal_number)
{
}

static void fill_slots(struct tracer *tracer)
{
	const struct tracer_options *options = &tracer->options;
	u8 abis[4];
	size_t count = syscall_abis_of_machine(options->machine, abis);

	/* Also those that the kernel has no calls for: a program may try one. */
	for (size_t i = 0; i < count; i++) {
		int slot = spec_slot(abis[i]);

		if (slot < 0)
			continue;
		tracer->arch_of_slot[slot] = seccomp_arch(abis[i]);
		tracer->abi_of_slot[slot] = abis[i];
		tracer->exit_group_nr[slot] = UINT32_MAX;
	}
	for (size_t i = 0; i < options->table_count; i++) {
		const struct syscall_table *table = &options->tables[i];
		const struct syscall_desc *prctl = syscall_by_name(table, "prctl");
		const struct syscall_desc *exit_group = syscall_by_name(table, "exit_group");
		int slot = spec_slot(table->abi);

		if (slot >= 0 && exit_group)
			tracer->exit_group_nr[slot] = exit_group->nr;
		if (slot >= 0 && prctl && prctl->nr < SPEC_PER_ABI)
			tracer->renames[slot * SPEC_PER_ABI + prctl->nr] = true;
	}
}

/* The calls that it stops at: those that are recorded, and those that names depend on. */
static struct sock_fprog *make_program(struct tracer *tracer)
{
	const struct tracer_options *options = &tracer->options;
	struct syscall_spec *specs;
	struct sock_fprog *program;

	if (!options->chosen || !options->calls || !seccomp_possible())
		return NULL;
	specs = xmemdup(tracer->specs, SPEC_ABIS * SPEC_PER_ABI * sizeof(*specs));
	for (u32 i = 0; i < SPEC_ABIS * SPEC_PER_ABI; i++)
		if (tracer->renames[i])
			specs[i].flags &= ~SPEC_SKIP;
	program = seccomp_program_new(specs, options->tables, options->table_count,
				      options->unknown_calls_skipped);
	free(specs);
	return program;
}

struct tracer *tracer_new(const struct tracer_options *options)
{
	struct tracer *tracer = xcalloc(1, sizeof(*tracer));
	size_t count;

	tracer->options = *options;
	tracer->ring = rings_get(options->rings, &count);
	tracer->specs = xmemdup(options->specs, SPEC_ABIS * SPEC_PER_ABI * sizeof(*tracer->specs));
	tracer->renames = xcalloc(SPEC_ABIS * SPEC_PER_ABI, sizeof(*tracer->renames));
	fill_slots(tracer);
	tracer->program = make_program(tracer);
	pthread_mutex_init(&tracer->lock, NULL);
	sem_init(&tracer->attached, 0, 0);
	captures_init();
	return tracer;
}

const struct sock_fprog *tracer_program(const struct tracer *tracer)
{
	return tracer->program;
}

int tracer_attach(struct tracer *tracer, struct command *command)
{
	const struct sigaction action = { .sa_handler = do_nothing };
	int err;

	tracer->command = command;
	tracer->command_pid = command_pid(command);
	/* Without SA_RESTART: it is there to interrupt a wait. */
	sigaction(TRACER_WAKE_SIGNAL, &action, NULL);
	err = pthread_create(&tracer->thread, NULL, tracer_thread, tracer);
	if (err)
		return -err;
	tracer->thread_runs = true;
	while (sem_wait(&tracer->attached) && errno == EINTR)
		;
	return tracer->attach_err;
}

u64 tracer_live_tasks(const struct tracer *tracer)
{
	return __atomic_load_n(&tracer->live, __ATOMIC_ACQUIRE);
}

u64 tracer_needed_by(const struct tracer *tracer)
{
	return tracer->program ? tracer_live_tasks(tracer) : 0;
}

u64 tracer_pause(struct tracer *tracer, bool pause)
{
	u64 now;

	pthread_mutex_lock(&tracer->lock);
	tracer->paused = pause;
	now = monotonic_ns();
	pthread_mutex_unlock(&tracer->lock);
	return now;
}

int tracer_tell(struct tracer *tracer, struct consumer *consumer)
{
	int err = 0;

	pthread_mutex_lock(&tracer->lock);
	for (struct tracee *t = tracee_next(tracer, NULL); t && !err; t = tracee_next(tracer, t)) {
		if (!t->born || t->end_told)
			continue;
		err = tracee_tell(t, consumer);
		t->told_part = tracer->part;
	}
	tracer->parting = false;
	pthread_mutex_unlock(&tracer->lock);
	return err;
}

void tracer_next_part(struct tracer *tracer)
{
	pthread_mutex_lock(&tracer->lock);
	tracer->parting = true;
	tracer->part++;
	pthread_mutex_unlock(&tracer->lock);
}

void tracer_tick(struct tracer *tracer)
{
	if (__atomic_load_n(&tracer->held, __ATOMIC_RELAXED))
		pthread_kill(tracer->thread, TRACER_WAKE_SIGNAL);
}

void tracer_stop(struct tracer *tracer)
{
	pthread_mutex_lock(&tracer->lock);
	tracer->stopping = true;
	pthread_mutex_unlock(&tracer->lock);
}

void tracer_leave(struct tracer *tracer)
{
	const struct timespec wait = { .tv_nsec = NS_PER_MS };
	bool done = false;

	pthread_mutex_lock(&tracer->lock);
	tracer->stopping = true;
	tracer->leaving = !tracer->program;
	pthread_mutex_unlock(&tracer->lock);
	if (tracer->program)
		return;
	/* It may be about to wait when the signal comes: then once more. */
	while (tracer->thread_runs && !done) {
		pthread_kill(tracer->thread, TRACER_WAKE_SIGNAL);
		nanosleep(&wait, NULL);
		pthread_mutex_lock(&tracer->lock);
		done = tracer->interrupted || !tracer->live;
		pthread_mutex_unlock(&tracer->lock);
	}
}

int tracer_tell_calls(struct tracer *tracer, struct consumer *consumer, u64 end_ns)
{
	int err = 0;

	pthread_mutex_lock(&tracer->lock);
	for (struct tracee *t = tracee_next(tracer, NULL); t && !err; t = tracee_next(tracer, t)) {
		struct tracee copy = *t;
		const struct trc_head *call;

		copy.state.call.flags |= TRC_CALL_GOES_ON;
		if (!t->end_told && call_unfinished(tracer, &copy, end_ns, &call))
			err = consumer_take(consumer, call);
	}
	pthread_mutex_unlock(&tracer->lock);
	return err;
}

int tracer_unfinished(struct tracer *tracer, struct consumer *consumer, u64 end_ns)
{
	int err = 0;

	pthread_mutex_lock(&tracer->lock);
	for (struct tracee *t = tracee_next(tracer, NULL); t && !err; t = tracee_next(tracer, t)) {
		struct trc_target_removed removed = { .start_ns = t->start_ns,
						      .reason = REASON_COMMAND,
						      .cause = 2 };
		const struct trc_head *call;

		if (t->end_told)
			continue;
		if (call_unfinished(tracer, t, end_ns, &call))
			err = consumer_take(consumer, call);
		if (err || t->tid != tracer->command_pid)
			continue;
		tracer_head(&removed.head, t, TRC_KIND_target_removed, sizeof(removed) / 8, end_ns);
		err = consumer_take(consumer, &removed.head);
	}
	pthread_mutex_unlock(&tracer->lock);
	return err;
}

void tracer_counters(struct tracer *tracer, struct cpu_counters *ret_counters)
{
	pthread_mutex_lock(&tracer->lock);
	memcpy(ret_counters->lost, tracer->lost, sizeof(tracer->lost));
	pthread_mutex_unlock(&tracer->lock);
}

void tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	if (tracer->thread_runs) {
		tracer_leave(tracer);
		pthread_join(tracer->thread, NULL);
	}
	for (struct tracee *t; (t = tracee_next(tracer, NULL));)
		tracee_remove(tracer, t);
	seccomp_program_free(tracer->program);
	pthread_mutex_destroy(&tracer->lock);
	sem_destroy(&tracer->attached);
	free(tracer->specs);
	free(tracer->renames);
	free(tracer);
}
