/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a trace is written to and read from: pipes, files that hold something, full ones. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "tests/unit/round_trip.h"

struct copy {
	int from, to;
	bool failed;
};

/* Moves everything in odd sizes, then closes the end that it writes to. */
static void *copy_thread(void *context)
{
	struct copy *copy = context;
	sigset_t all;
	u8 data[7777];
	ssize_t n;

	/* The main thread is the one that signals interrupt. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	while ((n = read(copy->from, data, sizeof(data))) > 0) {
		copy->failed |= write(copy->to, data, (size_t)n) != n;
		usleep(50);
	}
	close(copy->to);
	return NULL;
}

static void on_alarm(int signal_number)
{
	(void)signal_number;
}

/* Into a pipe that does not block: short writes and EAGAIN; into one that does: EINTR. */
static void test_pipe_out(void)
{
	const struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = { 0 };
	struct sigaction action = { .sa_handler = on_alarm };
	struct copy copy;
	char path[64];
	int fds[2], fd = make_file(path);
	pthread_t thread;

	for (u32 worker_count = 0; worker_count < 2; worker_count++) {
		CHECK_FATAL(!ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET));
		CHECK_FATAL(!pipe2(fds, O_CLOEXEC));
		CHECK_FATAL(!fcntl(fds[1], F_SETFL, worker_count ? O_NONBLOCK : 0));
		CHECK_FATAL(!sigaction(SIGALRM, &action, NULL));
		CHECK_FATAL(!setitimer(ITIMER_REAL, worker_count ? &never : &often, NULL));
		copy = (struct copy){ fds[0], dup(fd), false };
		expect_reset();
		CHECK_FATAL(!pthread_create(&thread, NULL, copy_thread, &copy));
		write_trace(fds[1], worker_count, 0, 3);
		CHECK_FATAL(!setitimer(ITIMER_REAL, &never, NULL));
		close(fds[1]);
		pthread_join(thread, NULL);
		CHECK(!copy.failed);
		close(fds[0]);
		check_trace(path);
	}
	close(fd);
}

/* From a pipe, by name and as standard input; and from a file that is standard input. */
static void test_pipe_in(void)
{
	struct copy copy;
	char path[64], pipe_path[64];
	int fds[2], fd = make_file(path);
	pthread_t thread;

	expect_reset();
	write_trace(fd, 0, 0, 4);
	for (u32 by_name = 0; by_name < 2; by_name++) {
		CHECK_FATAL(!pipe2(fds, O_CLOEXEC) && !lseek(fd, 0, SEEK_SET));
		copy = (struct copy){ fd, fds[1], false };
		CHECK_FATAL(dup2(fds[0], STDIN_FILENO) == STDIN_FILENO);
		snprintf(pipe_path, sizeof(pipe_path), "/proc/self/fd/%d", fds[0]);
		CHECK_FATAL(!pthread_create(&thread, NULL, copy_thread, &copy));
		check_trace(by_name ? pipe_path : "-");
		pthread_join(thread, NULL);
		CHECK(!copy.failed);
		close(fds[0]);
	}
	CHECK_FATAL(dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	check_trace("-");
	close(fd);
}

/* Behind what the file already holds, appending or not. */
static void test_offset(void)
{
	char path[64];
	int fd = make_file(path), flags;
	size_t len;
	u8 *data;

	for (u32 append = 0; append < 2; append++) {
		CHECK_FATAL(!ftruncate(fd, 0) && pwrite(fd, "before", 6, 0) == 6);
		flags = fcntl(fd, F_GETFL);
		CHECK_FATAL(!fcntl(fd, F_SETFL, append ? flags | O_APPEND : flags));
		CHECK_FATAL(lseek(fd, append ? 0 : 6, SEEK_SET) >= 0);
		expect_reset();
		write_trace(fd, 0, 0, 5);
		CHECK_FATAL(!fcntl(fd, F_SETFL, flags));
		data = make_contents(fd, &len);
		CHECK_MEM(data, "before", 6);
		make_rewrite(fd, data + 6, len - 6);
		free(data);
		check_trace(path);
	}
	close(fd);
}

/* Counts what can be read of a trace whose writer met an error; nothing may be half there. */
static void check_partial(int fd, const char *path, u64 lost)
{
	struct trace_reader *reader = NULL;
	struct trace_buffer buffer = { 0 };
	const struct trace_chunk *chunks;
	size_t count, damages;
	u64 events = 0;

	CHECK_FATAL(!trace_reader_open(path, &reader));
	CHECK(!trace_reader_ended_cleanly(reader));
	chunks = trace_reader_chunks(reader, &count);
	for (size_t i = 0; i < count; i++) {
		CHECK_EQ(trace_reader_chunk(reader, &chunks[i], &buffer), 0);
		events += chunks[i].head.event_count;
	}
	trace_reader_damages(reader, &damages);
	CHECK_EQ(damages, 0);
	CHECK_EQ(events + lost, RECORDS);
	CHECK(events > 0);
	trace_reader_close(reader);
	free(buffer.data);
}

/* The file may not grow beyond a limit: EFBIG stands for a full disk. */
static void test_file_limit(void)
{
	struct rlimit before, limit;

	signal(SIGXFSZ, SIG_IGN);
	CHECK_FATAL(!getrlimit(RLIMIT_FSIZE, &before));
	for (u32 worker_count = 0; worker_count < 3; worker_count++) {
		static u8 record[TRC_RECORD_MAX * 2] __attribute__((aligned(8)));
		const struct schema_kind *kind = schema_kind_by_name(schema_builtin(), "syscall");
		struct trace_meta meta = make_meta(schema_builtin());
		struct trace_writer_options options = {
			.level = 1,
			.chunk_bytes = 100000,
			.worker_count = worker_count,
		};
		struct trace_writer_stats stats;
		struct trace_writer *writer = NULL;
		u64 state = worker_count, failures = 0;
		char name[] = "/tmp/trc-test-XXXXXX";
		int fd = mkstemp(name);

		CHECK_FATAL(fd >= 0);
		options.fd = fd;
		memcpy(options.uuid, meta.uuid, sizeof(options.uuid));
		limit = (struct rlimit){ 400000, before.rlim_max };
		CHECK_FATAL(!setrlimit(RLIMIT_FSIZE, &limit));
		CHECK_FATAL(!trace_writer_open(&options, &writer));
		CHECK_EQ(make_put_meta(writer, &meta), 0);
		for (u32 i = 0; i < RECORDS; i++) {
			struct trace_stream *stream =
				trace_writer_stream(writer, TRC_CLASS_SYSCALL, i % 4);

			make_record(record, kind, i, &state);
			failures += trace_stream_append(stream, (void *)record) == -EFBIG;
		}
		CHECK(failures > 0);
		CHECK_EQ(trace_writer_flush(writer, UINT64_MAX), -EFBIG);
		CHECK_EQ(make_put_summary(writer, 1), -EFBIG);
		trace_writer_stats(writer, &stats);
		CHECK_EQ(stats.events, RECORDS);
		CHECK(stats.lost_user >= failures);
		CHECK_EQ(trace_writer_close(writer), -EFBIG);
		CHECK_FATAL(!setrlimit(RLIMIT_FSIZE, &before));
		check_partial(fd, name, stats.lost_user);
		unlink(name);
		close(fd);
	}
}

static void test_full_device(void)
{
	struct trace_writer_options options = { .fd = open("/dev/full", O_WRONLY | O_CLOEXEC) };
	struct trace_writer *writer = NULL;
	int fds[2];

	CHECK_FATAL(options.fd >= 0);
	CHECK_EQ(trace_writer_open(&options, &writer), -ENOSPC);
	CHECK(!writer);
	close(options.fd);

	/* The reader of the pipe goes away. */
	signal(SIGPIPE, SIG_IGN);
	CHECK_FATAL(!pipe2(fds, O_CLOEXEC));
	options.fd = fds[1];
	CHECK_EQ(trace_writer_open(&options, &writer), 0);
	close(fds[0]);
	CHECK_EQ(make_put_clock(writer, 1, 1), -EPIPE);
	CHECK_EQ(make_put_clock(writer, 1, 1), -EPIPE);
	CHECK_EQ(trace_writer_close(writer), -EPIPE);
	close(fds[1]);
}

/* What no record can be is refused and counted, and does no harm. */
static void test_malformed(void)
{
	struct trc_syscall record = {
		.head = { .ts = 1, .kind = 1, .len = sizeof(record), .words = 12 }
	};
	struct trace_writer_options options = { .fd = -1 };
	struct trace_writer_stats stats;
	struct trace_writer *writer = NULL;
	struct trace_stream *stream;
	char path[64];

	options.fd = make_file(path);
	CHECK_FATAL(!trace_writer_open(&options, &writer));
	stream = trace_writer_stream(writer, TRC_CLASS_SYSCALL, 0);
	CHECK(stream == trace_writer_stream(writer, TRC_CLASS_SYSCALL, 0));
	CHECK(stream != trace_writer_stream(writer, TRC_CLASS_SYSCALL, 1));
	CHECK_EQ(trace_stream_append(stream, &record.head), 0);
	record.head.words = 2;
	CHECK_EQ(trace_stream_append(stream, &record.head), -EINVAL);
	record.head.words = 13;
	CHECK_EQ(trace_stream_append(stream, &record.head), -EINVAL);
	record.head.words = 12;
	record.head.len = 95;
	CHECK_EQ(trace_stream_append(stream, &record.head), -EINVAL);
	record.head.len = TRC_RECORD_MAX + 8;
	CHECK_EQ(trace_stream_append(stream, &record.head), -EINVAL);
	trace_writer_stats(writer, &stats);
	CHECK_EQ(stats.events, 5);
	CHECK_EQ(stats.lost_user, 4);
	CHECK_EQ(trace_writer_put(writer, TRACE_CLOCK, 0, (u8 *)&record, TRACE_CLOCK_MAX + 1),
		 -E2BIG);
	CHECK_EQ(trace_writer_close(writer), 0);
	close(options.fd);
}

int main(void)
{
	test_pipe_out();
	test_pipe_in();
	test_offset();
	test_file_limit();
	test_full_device();
	test_malformed();
	expect_reset();
	return check_report();
}
