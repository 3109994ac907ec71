/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"

#define NS_PER_MS	   1000000ull
#define NS_PER_S	   1000000000ull
#define SLEEP_MIN_MS	   1
#define SLEEP_MAX_MS	   100
#define FILL_HIGH	   128 /* of 1024: look more often above */
#define FILL_LOW	   32  /* and less often below */
#define INTERRUPTS_TO_STOP 3
#define STALL_NS                                                                                   \
	NS_PER_S /* a reader that takes nothing for so long holds no one who wants to end */

static const int handled_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

enum source { SOURCE_SIGNAL, SOURCE_COMMAND, SOURCE_RING, SOURCE_CONTROL };

struct loop {
	const struct modes *modes;
	sigset_t original_mask;
	int signal_fd, epoll_fd;
	struct control_fifo *control;
	struct command *command; /* NULL: none */
	bool command_ended;
	int command_status;
	unsigned interrupts;
	int stop_signal; /* the last that asks to end; 0: none has come */
	bool stop, dump;
	const char *asked_to_stop;     /* the reason, if a command asked */
	u64 stalled_ns, stalled_bytes; /* since when a pipe takes nothing; 0: it does */
	unsigned sleep_ms;
};

static void watch(struct loop *loop, int fd, u32 events, enum source source)
{
	struct epoll_event event = { .events = events, .data.u32 = source };

	/* Fails only for want of memory; then the sleep's time limit has to do. */
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* What nohup or a background shell has us ignore; blocked, it would be queued. */
static bool stays_ignored(int signal, bool has_command)
{
	struct sigaction action;

	/*
	 * A script's shell ignores these two for whatever it starts with &. The command inherits that; where there is
	 * none they can only mean us.
	 */
	if (!has_command && (signal == SIGINT || signal == SIGQUIT))
		return false;
	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

struct loop *loop_new(const struct modes *modes, bool has_command)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));
	sigset_t mask;

	loop->modes = modes;
	loop->sleep_ms = SLEEP_MIN_MS;
	sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(handled_signals); i++)
		if (!stays_ignored(handled_signals[i], has_command))
			sigaddset(&mask, handled_signals[i]);
	/* A reader that goes away or a file that may not grow is a write error, not a death. */
	sigaddset(&mask, SIGPIPE);
	sigaddset(&mask, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &mask, &loop->original_mask);
	sigdelset(&mask, SIGPIPE);
	sigdelset(&mask, SIGXFSZ);
	loop->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	watch(loop, loop->signal_fd, EPOLLIN, SOURCE_SIGNAL);
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->signal_fd);
	close(loop->epoll_fd);
	free(loop);
}

const sigset_t *loop_original_mask(const struct loop *loop)
{
	return &loop->original_mask;
}

void loop_set_control(struct loop *loop, struct control_fifo *control)
{
	loop->control = control;
	if (control)
		watch(loop, control_fifo_fd(control), EPOLLIN, SOURCE_CONTROL);
}

static bool command_runs(const struct loop *loop)
{
	return loop->command && !loop->command_ended;
}

/*
 * A signal from the terminal has reached the command too; one sent to us alone is passed on. When there is
 * no command any more to decide, or the user insists, it means us.
 */
void loop_take_signals(void *context)
{
	struct loop *loop = context;
	struct signalfd_siginfo info;

	while (read(loop->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		bool stops = info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM ||
			     info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT;

		if (info.ssi_signo == SIGUSR2 && loop->modes->flight) {
			loop->dump = true;
			continue;
		}
		if (stops)
			loop->stop_signal = info.ssi_signo;
		if (stops && (++loop->interrupts >= INTERRUPTS_TO_STOP || !command_runs(loop)))
			loop->stop = true;
		if (command_runs(loop) && info.ssi_code != SI_KERNEL)
			command_signal(loop->command, info.ssi_signo);
	}
}

void loop_set_command(struct loop *loop, struct command *command)
{
	loop->command = command;
	watch(loop, command_pidfd(command), EPOLLIN, SOURCE_COMMAND);
	loop_take_signals(loop);
	/* It came before this command was there to hear it. */
	if (loop->stop_signal)
		command_signal(command, loop->stop_signal);
}

static void take_command_end(struct loop *loop)
{
	if (command_runs(loop) && command_ended(loop->command, &loop->command_status)) {
		loop->command_ended = true;
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, command_pidfd(loop->command), NULL);
	}
}

bool loop_gives_up(void *context, u64 written)
{
	struct loop *loop = context;
	u64 now = monotonic_ns();

	take_command_end(loop);
	loop_take_signals(loop);
	if (!loop->stalled_ns || written != loop->stalled_bytes) {
		loop->stalled_ns = now;
		loop->stalled_bytes = written;
	}
	return loop->interrupts && now - loop->stalled_ns >= STALL_NS;
}

/* Sleeps so long that a ring fills to an eighth or less at the present rate. */
static unsigned next_sleep(unsigned sleep_ms, u32 fill)
{
	if (fill > FILL_HIGH && sleep_ms > SLEEP_MIN_MS)
		return sleep_ms / 2;
	if (fill < FILL_LOW && sleep_ms < SLEEP_MAX_MS)
		return sleep_ms * 2 < SLEEP_MAX_MS ? sleep_ms * 2 : SLEEP_MAX_MS;
	return sleep_ms;
}

/* --- when it begins */

/* How long until then; 0: now. */
static u64 begins_in_ns(const struct loop *loop, u64 now, u64 started_ns)
{
	u64 waited_ns = now - started_ns;
	struct timespec ts;
	s64 left_ns;

	if (!loop->modes->start_wall_ns)
		return waited_ns < loop->modes->delay_ns ? loop->modes->delay_ns - waited_ns : 0;
	/* The clock may be set meanwhile: it is looked at each time. */
	clock_gettime(CLOCK_REALTIME, &ts);
	left_ns = loop->modes->start_wall_ns - (ts.tv_sec * (s64)NS_PER_S + ts.tv_nsec);
	return left_ns > 0 ? left_ns : 0;
}

static int begin(struct recorder *recorder)
{
	/* First the events, then the snapshot: what changes in between is in one of them. */
	source_next_part(&recorder->source);
	source_pause(&recorder->source, false);
	return recorder_begin(recorder);
}

/* --- commands */

static int refuse(struct control_fifo *control, const char *what)
{
	control_fifo_answer(control, what);
	return 0;
}

static int say_status(struct loop *loop, struct recorder *recorder)
{
	_cleanup_(text_release) struct text status = { 0 };

	recorder_status(recorder, &status);
	if (control_fifo_answers(loop->control))
		control_fifo_answer(loop->control, status.data);
	else
		log_info("%s", status.data);
	return 0;
}

static int obey(struct loop *loop, struct recorder *recorder, enum control_command command)
{
	bool begun = recorder_has_begun(recorder);
	int err = 0;

	if (command == CONTROL_STATUS)
		return say_status(loop, recorder);
	if (!begun && command != CONTROL_START && command != CONTROL_QUIT)
		return refuse(loop->control, "error: recording has not begun; start begins it");
	if (command == CONTROL_DUMP && !loop->modes->flight)
		return refuse(loop->control, "error: dump is for a flight recorder: -F");
	if (command == CONTROL_ROTATE && !loop->modes->rotate)
		return refuse(loop->control, "error: rotate is for a series of files: --rotate");
	switch (command) {
	case CONTROL_START:
		err = begun ? recorder_resume(recorder) : begin(recorder);
		break;
	case CONTROL_STOP:
		err = recorder_pause(recorder);
		break;
	case CONTROL_FLUSH:
		err = recorder_flush(recorder);
		break;
	case CONTROL_DUMP:
		err = recorder_dump(recorder, "control");
		break;
	case CONTROL_ROTATE:
		err = recorder_rotate(recorder);
		break;
	default:
		loop->asked_to_stop = reason_control;
		break;
	}
	control_fifo_answer(loop->control, err ? "error: the trace cannot be written" : "ok");
	return err;
}

static int obey_all(struct loop *loop, struct recorder *recorder)
{
	enum control_command command;
	int err = 0;

	control_fifo_read(loop->control);
	while (!err && !loop->asked_to_stop && (command = control_fifo_next(loop->control)))
		err = obey(loop, recorder, command);
	return err;
}

/* --- the loop */

/* Sleeps, and takes what woke us. */
static int wait_and_take(struct loop *loop, struct recorder *recorder, unsigned sleep_ms)
{
	struct epoll_event events[16];
	int n = epoll_wait(loop->epoll_fd, events, ARRAY_SIZE(events), (int)sleep_ms), err = 0;

	for (int i = 0; i < n && !err; i++) {
		if (events[i].data.u32 == SOURCE_SIGNAL)
			loop_take_signals(loop);
		else if (events[i].data.u32 == SOURCE_COMMAND)
			take_command_end(loop);
		else if (events[i].data.u32 == SOURCE_CONTROL)
			err = obey_all(loop, recorder);
	}
	loop->stalled_ns = 0;
	return err;
}

static int turn(struct loop *loop, struct recorder *recorder, u64 now, bool *ret_more)
{
	u32 fill = 0;
	int err = recorder_turn(recorder, now, ret_more, &fill);

	loop->sleep_ms = next_sleep(loop->sleep_ms, fill);
	if (!err && loop->dump)
		err = recorder_dump(recorder, "SIGUSR2");
	loop->dump = false;
	return err;
}

static const char *reason_to_stop(struct loop *loop, struct recorder *recorder, bool gone, u64 now)
{
	const char *limit = recorder_has_begun(recorder) ? recorder_limit(recorder) : NULL;

	if (gone)
		return loop->command ? reason_command : reason_targets;
	if (loop->asked_to_stop)
		return loop->asked_to_stop;
	if (loop->stop)
		return reason_signal;
	if (limit)
		return limit;
	if (loop->modes->duration_ns && recorder_has_begun(recorder) &&
	    now - recorder->first.start_ns >= loop->modes->duration_ns)
		return reason_duration;
	return NULL;
}

/* Not longer than until something is due. */
static unsigned limit_sleep(const struct loop *loop, const struct recorder *recorder, u64 now,
			    u64 started_ns)
{
	u64 left_ns = UINT64_MAX, past_ns;
	unsigned most_ms = loop->sleep_ms;

	if (!recorder_has_begun(recorder)) {
		/* No ring fills till then. */
		left_ns = begins_in_ns(loop, now, started_ns);
		most_ms = SLEEP_MAX_MS;
	} else if (loop->modes->duration_ns) {
		past_ns = now - recorder->first.start_ns;
		left_ns =
			loop->modes->duration_ns > past_ns ? loop->modes->duration_ns - past_ns : 0;
	}
	if (!left_ns)
		return SLEEP_MIN_MS;
	return left_ns < most_ms * NS_PER_MS ? left_ns / NS_PER_MS + 1 : most_ms;
}

int loop_run(struct loop *loop, struct recorder *recorder, struct ending *ending)
{
	struct ring_view *views;
	u64 started_ns = monotonic_ns(), now = started_ns;
	unsigned sleep_ms = SLEEP_MIN_MS;
	size_t count;
	int err = 0;

	views = rings_get(recorder->rings, &count);
	for (size_t i = 0; i < count; i++)
		watch(loop, views[i].fd, EPOLLIN | EPOLLET, SOURCE_RING);
	while (!err && !ending->reason) {
		bool gone, more = false;

		err = wait_and_take(loop, recorder, sleep_ms);
		/* Asked before the rings are emptied: whatever was sent before is then in them. */
		gone = (!loop->command || loop->command_ended) &&
		       source_live_tasks(&recorder->source) == 0;
		now = monotonic_ns();
		if (!err && !recorder_has_begun(recorder) && !begins_in_ns(loop, now, started_ns)) {
			err = begin(recorder);
			now = monotonic_ns();
		}
		if (!err && recorder_has_begun(recorder))
			err = turn(loop, recorder, now, &more);
		if (!err)
			ending->reason = reason_to_stop(loop, recorder, gone, now);
		sleep_ms = more ? 0 : limit_sleep(loop, recorder, now, started_ns);
	}
	if (err)
		ending->reason = reason_write_error;
	ending->command_ended = loop->command_ended;
	ending->command_status = loop->command_status;
	return err;
}

void loop_wait(struct loop *loop, struct ending *ending)
{
	if (loop->control)
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, control_fifo_fd(loop->control), NULL);
	while (command_runs(loop)) {
		struct epoll_event event;

		if (epoll_wait(loop->epoll_fd, &event, 1, SLEEP_MAX_MS) > 0 &&
		    event.data.u32 == SOURCE_SIGNAL)
			loop_take_signals(loop);
		take_command_end(loop);
	}
	ending->command_ended = loop->command_ended;
	ending->command_status = loop->command_status;
}
