/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The thread that traces: what stops, and how it goes on. */
#include "record/ptrace_private.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "record/metadata.h"

#define CALL_STOP	 (SIGTRAP | 0x80)
#define EVENT_OF(status) ((unsigned)(status) >> 16)
#define HELD_NS_MAX	 20000000ull

/* --- going on */

/* The tracee may be gone afterwards. Requests fail if it was killed meanwhile: then it stops at its end. */
static void resume(struct tracer *tracer, struct tracee *tracee, long signal_number)
{
	bool at_calls = tracer->options.calls && !tracer->stopping &&
			(!tracer->program || tracee->state.phase == PHASE_INSIDE);

	if (!tracer->leaving) {
		ptrace(at_calls ? PTRACE_SYSCALL : PTRACE_CONT, tracee->tid, NULL, signal_number);
		return;
	}
	ptrace(PTRACE_DETACH, tracee->tid, NULL, signal_number);
	tracee_remove(tracer, tracee);
}

/* --- what stops */

static void take_call(struct tracer *tracer, struct tracee *tracee, u64 now)
{
	struct __ptrace_syscall_info info;

	if (tracer->stopping ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		call_exit(tracer, tracee, info.exit.rval, now);
	else if (info.op == PTRACE_SYSCALL_INFO_ENTRY || info.op == PTRACE_SYSCALL_INFO_SECCOMP)
		call_enter(tracer, tracee, &info);
}

static void take_exec(struct tracer *tracer, u32 tid, u32 old_tid, u64 now)
{
	struct __ptrace_syscall_info info = { 0 };
	struct tracee *tracee;

	ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info);
	tracee = tracee_exec(tracer, tid, old_tid, info.arch, info.stack_pointer, now);
	if (tracee)
		resume(tracer, tracee, 0);
	else
		ptrace(PTRACE_CONT, tid, NULL, NULL);
}

static void take_stop(struct tracer *tracer, struct tracee *tracee, int status, u64 now);

/* It is known whose child it is: it may go on. */
static void bear(struct tracer *tracer, struct tracee *creator, u32 creator_tid,
		 struct tracee *child, u64 now)
{
	int held_status = child->held_status;

	if (child->held_ns)
		__atomic_sub_fetch(&tracer->held, 1, __ATOMIC_RELAXED);
	tracee_birth(tracer, creator, creator_tid, child, now);
	child->held_status = 0;
	if (held_status)
		take_stop(tracer, child, held_status, now);
}

static void take_birth(struct tracer *tracer, struct tracee *creator, u32 tid, u64 now)
{
	struct tracee *child = tracee_find(tracer, tid);
	struct proc_status status;

	/* Told of already, and let go at its end. */
	if (!child && (proc_read_status(0, tid, &status) || !status.tracer))
		return;
	if (!child)
		child = tracee_add(tracer, tid);
	if (!child->born)
		bear(tracer, creator, creator->tid, child, now);
}

/* Its creator was killed before it told of the birth: then it never will. */
static void bear_late(struct tracer *tracer, u64 now)
{
	struct tracee *child = tracee_next(tracer, NULL);

	while (child) {
		if (child->born || now - child->held_ns < HELD_NS_MAX) {
			child = tracee_next(tracer, child);
			continue;
		}
		bear(tracer, NULL, child->ppid, child, now);
		/* What it stopped at may have changed the table. */
		child = tracee_next(tracer, NULL);
	}
}

static void take_end(struct tracer *tracer, struct tracee *tracee, u64 now)
{
	unsigned long exit_code;

	/* Killed in its stop, it does not wait to be asked: its status tells. */
	if (ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &exit_code))
		return;
	tracee_exit(tracer, tracee, exit_code, true, now);
	/*
	 * All has been said of it: its parent is told of the end as ever. If it was killed meanwhile it cannot be let go,
	 * and its status is still to come: without what is known of it that would look like another's.
	 */
	if (!ptrace(PTRACE_DETACH, tracee->tid, NULL, NULL))
		tracee_remove(tracer, tracee);
}

static void take_stop(struct tracer *tracer, struct tracee *tracee, int status, u64 now)
{
	int signal_number = WSTOPSIG(status), deliver = 0;
	unsigned long message = 0;

	switch (EVENT_OF(status)) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &message);
		take_birth(tracer, tracee, message, now);
		break;
	case PTRACE_EVENT_EXIT:
		take_end(tracer, tracee, now);
		return;
	case PTRACE_EVENT_SECCOMP:
		take_call(tracer, tracee, now);
		break;
	case PTRACE_EVENT_STOP:
		/* Stopped by the user: it stays so until SIGCONT. */
		if (signal_number != SIGTRAP && !tracer->leaving) {
			ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
			return;
		}
		break;
	case 0:
		if (signal_number == CALL_STOP)
			take_call(tracer, tracee, now);
		else
			deliver = signal_number;
	}
	resume(tracer, tracee, deliver);
}

static void take_status(struct tracer *tracer, u32 tid, int status, u64 now)
{
	struct tracee *tracee = tracee_find(tracer, tid);
	bool ended = WIFEXITED(status) || WIFSIGNALED(status);
	unsigned long message = 0;

	if (!ended && EVENT_OF(status) == PTRACE_EVENT_EXEC) {
		ptrace(PTRACE_GETEVENTMSG, tid, NULL, &message);
		take_exec(tracer, tid, message, now);
		return;
	}
	if (!tracee || tracee->end_told)
		tracee = tracee_heir(tracer, tid, !ended, now) ?: tracee;
	/* Its creator has not told of it yet. */
	if (!tracee) {
		struct proc_status proc;

		tracee = tracee_add(tracer, tid);
		tracee_learn(tracee, true, &proc);
		tracee->ppid = proc.ppid;
		tracee->held_ns = now;
		__atomic_add_fetch(&tracer->held, 1, __ATOMIC_RELAXED);
	}
	if (ended && tid == tracer->command_pid)
		command_reaped(tracer->command, status);
	if (!tracee->born && (ended || tracer->paused || tracer->stopping))
		bear(tracer, NULL, tracee->ppid, tracee, now);
	if (ended) {
		tracee_exit(tracer, tracee,
			    WIFEXITED(status) ? WEXITSTATUS(status) << 8 : WTERMSIG(status), false,
			    now);
		tracee_remove(tracer, tracee);
	} else if (!tracee->born) {
		tracee->held_status = status;
	} else {
		take_stop(tracer, tracee, status, now);
	}
}

/* --- the thread */

static int seize(struct tracer *tracer)
{
	unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
				PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
	struct proc_status status;
	struct tracee *command;

	/*
	 * Calls that the program stops at fail without a tracer: what would run on if the recorder were killed would not
	 * be the command that was wanted.
	 */
	if (tracer->program)
		options |= PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
	if (ptrace(PTRACE_SEIZE, tracer->command_pid, NULL, options) ||
	    ptrace(PTRACE_INTERRUPT, tracer->command_pid, NULL, NULL))
		return -errno;
	command = tracee_add(tracer, tracer->command_pid);
	tracee_learn(command, true, &status);
	command->leader_start_ns = command->start_ns;
	command->born = true;
	command->state.phase = PHASE_HELD;
	command->state.reason = REASON_COMMAND;
	command->state.added_ns = monotonic_ns();
	return 0;
}

/* Everyone is to stop once more, to be let go. */
static void interrupt_all(struct tracer *tracer)
{
	struct tracee *tracee, *next;

	for (tracee = tracee_next(tracer, NULL); tracee; tracee = next) {
		next = tracee_next(tracer, tracee);
		tracee->born = true;
		if (tracee->held_status)
			resume(tracer, tracee, 0);
		else
			ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
	}
	tracer->interrupted = true;
}

void *tracer_thread(void *context)
{
	struct tracer *tracer = context;
	sigset_t wake;
	int status;
	pid_t tid;

	sigemptyset(&wake);
	sigaddset(&wake, TRACER_WAKE_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &wake, NULL);
	pthread_mutex_lock(&tracer->lock);
	tracer->attach_err = seize(tracer);
	sem_post(&tracer->attached);
	while (!tracer->attach_err) {
		pthread_mutex_unlock(&tracer->lock);
		/* Those of this thread only: the recorder's other children are not its affair. */
		tid = wait4(-1, &status, __WALL | __WNOTHREAD, NULL);
		pthread_mutex_lock(&tracer->lock);
		if (tid > 0)
			take_status(tracer, tid, status, monotonic_ns());
		else if (errno == EINTR)
			bear_late(tracer, monotonic_ns());
		else
			break;
		if (tracer->leaving && !tracer->interrupted)
			interrupt_all(tracer);
	}
	pthread_mutex_unlock(&tracer->lock);
	tracer_wake_consumer(tracer);
	return NULL;
}
