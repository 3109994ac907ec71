/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "record/attach.h"
#include "record/metadata.h"

#define NS_PER_MS	   1000000ull
#define NS_PER_S	   1000000000ull
#define FLUSH_NS	   NS_PER_S /* at most so much is lost when the recorder is killed */
#define LOSS_CHECK_NS	   (100 * NS_PER_MS)
#define SLEEP_MIN_MS	   1
#define SLEEP_MAX_MS	   100
#define FILL_HIGH	   128 /* of 1024: look more often above */
#define FILL_LOW	   32  /* and less often below */
#define INTERRUPTS_TO_STOP 3

const char loop_reason_command[] = "command ended";
const char loop_reason_duration[] = "duration";
const char loop_reason_signal[] = "signal";
const char loop_reason_targets[] = "targets ended";
const char loop_reason_write_error[] = "write error";

static const int handled_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

enum source { SOURCE_SIGNAL, SOURCE_COMMAND, SOURCE_RING };

struct loop {
	sigset_t original_mask;
	int signal_fd, epoll_fd;
	u64 duration_ns;
	int error;
	unsigned interrupts;
	bool stop;
};

static void watch(struct loop *loop, int fd, u32 events, enum source source)
{
	struct epoll_event event = { .events = events, .data.u32 = source };

	/* Fails only for want of memory; then the sleep's time limit has to do. */
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

struct loop *loop_new(void)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(handled_signals); i++) {
		struct sigaction action;

		/* What nohup or a background shell has us ignore stays ignored; blocked, it would be queued. */
		if (!sigaction(handled_signals[i], NULL, &action) && action.sa_handler == SIG_IGN)
			continue;
		sigaddset(&mask, handled_signals[i]);
	}
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

void loop_set_duration(struct loop *loop, u64 duration_ns)
{
	loop->duration_ns = duration_ns;
}

int loop_error(const struct loop *loop)
{
	return loop->error;
}

/*
 * A signal from the terminal has reached the command too; one sent to us alone is passed on. When there is
 * no command any more to decide, or the user insists, it means us.
 */
static void take_signals(struct loop *loop, struct command *command, bool command_ended)
{
	struct signalfd_siginfo info;

	while (read(loop->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		bool stops = info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM ||
			     info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT;

		if (stops && (command_ended || ++loop->interrupts >= INTERRUPTS_TO_STOP))
			loop->stop = true;
		if (!command && stops)
			loop->stop = true;
		if (command && !command_ended && info.ssi_code != SI_KERNEL)
			kill(command_pid(command), info.ssi_signo);
	}
}

int loop_clock(struct trace_writer *writer)
{
	struct trace_clock_sample sample;
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	clock_sample(&sample);
	trace_clock_encode(&sample, 1, &data, &len);
	return trace_writer_put(writer, TRACE_CLOCK, sample.mono_ns, data, len);
}

/* What is due by time: losses ten times a second, clocks and flush once. */
static int housekeeping(struct consumer *consumer, struct trace_writer *writer, u64 now,
			u64 *next_loss, u64 *next_flush)
{
	int err = 0;

	if (now >= *next_loss) {
		*next_loss = now + LOSS_CHECK_NS;
		err = consumer_losses(consumer, now);
	}
	if (!err && now >= *next_flush) {
		*next_flush = now + FLUSH_NS;
		err = loop_clock(writer);
		if (!err)
			err = trace_writer_flush(writer, now - FLUSH_NS / 2);
	}
	return err;
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

void loop_run(struct loop *loop, struct command *command, struct probes *probes,
	      struct rings *rings, struct consumer *consumer, struct trace_writer *writer,
	      struct cost *cost, struct ending *ending)
{
	const volatile struct control *control = probes_control(probes);
	u64 now = monotonic_ns(), end = loop->duration_ns ? now + loop->duration_ns : UINT64_MAX;
	u64 next_loss = now + LOSS_CHECK_NS, next_flush = now + FLUSH_NS;
	unsigned sleep_ms = SLEEP_MIN_MS;
	bool command_watched = command;
	struct ring_view *views;
	size_t count;

	views = rings_get(rings, &count);
	if (command)
		watch(loop, command_pidfd(command), EPOLLIN, SOURCE_COMMAND);
	for (size_t i = 0; i < count; i++)
		watch(loop, views[i].fd, EPOLLIN | EPOLLET, SOURCE_RING);
	while (!ending->reason) {
		struct epoll_event events[16];
		bool gone;
		u32 fill;
		int n;

		n = epoll_wait(loop->epoll_fd, events, ARRAY_SIZE(events), sleep_ms);
		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 == SOURCE_SIGNAL)
				take_signals(loop, command, ending->command_ended);
			else if (events[i].data.u32 == SOURCE_COMMAND && command_watched &&
				 command_ended(command, &ending->command_status)) {
				ending->command_ended = true;
				command_watched = false;
				epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, command_pidfd(command),
					  NULL);
			}
		}
		/* Asked before the rings are emptied: whatever was sent before is then in them. */
		gone = (!command || ending->command_ended) && control->live_tasks == 0;
		now = monotonic_ns();
		loop->error = attach_find_later(probes, consumer);
		if (!loop->error)
			loop->error = consumer_drain(consumer, &fill);
		if (loop->error > 0)
			loop->error = 0; /* there is more: finish() or the next turn takes it */
		if (!loop->error)
			loop->error = housekeeping(consumer, writer, now, &next_loss, &next_flush);
		cost_tick(cost, probes, now, consumer_recorded(consumer, TRC_KIND_syscall));
		sleep_ms = next_sleep(sleep_ms, fill);
		if (loop->error)
			ending->reason = loop_reason_write_error;
		else if (gone)
			ending->reason = command ? loop_reason_command : loop_reason_targets;
		else if (loop->stop)
			ending->reason = loop_reason_signal;
		else if (now >= end)
			ending->reason = loop_reason_duration;
		else if (end - now < sleep_ms * NS_PER_MS)
			sleep_ms = (end - now) / NS_PER_MS + 1;
	}
}

void loop_wait(struct loop *loop, struct command *command, struct ending *ending)
{
	while (!ending->command_ended) {
		struct epoll_event event;

		if (epoll_wait(loop->epoll_fd, &event, 1, SLEEP_MAX_MS) > 0 &&
		    event.data.u32 == SOURCE_SIGNAL)
			take_signals(loop, command, false);
		ending->command_ended = command_ended(command, &ending->command_status);
	}
}
