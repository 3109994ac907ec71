/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writer and reader together: what goes in comes out, whatever the file is written to. */
#include <cbor.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "tests/unit/make_trace.h"

#define RECORDS 20000

/* The records of one stream as they went in, back to back. */
struct expected {
	u16 class, cpu;
	u8 *data;
	size_t len, capacity, at;
	u64 count;
};

static struct expected expected[4];

static void expect_reset(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		free(expected[i].data);
		expected[i] = (struct expected){
			.class = i ? TRC_CLASS_SYSCALL : TRC_CLASS_TASK,
			.cpu = i ? (u16)i : TRACE_CPU_MIXED,
		};
	}
}

/* Every kind, mixed, with times that go up except for a few. */
static void write_records(struct trace_writer *writer, u64 seed)
{
	const struct schema *schema = schema_builtin();
	static u8 record[TRC_RECORD_MAX * 2] __attribute__((aligned(8)));
	u64 state = seed, ts = 1000000;

	for (u32 i = 0; i < RECORDS; i++) {
		const struct schema_kind *kind =
			&schema->kinds[make_random(&state) % schema->kind_count];
		struct expected *e = kind->class == TRC_CLASS_TASK
					     ? &expected[0]
					     : &expected[1 + make_random(&state) % 3];
		struct trace_stream *stream = trace_writer_stream(writer, e->class, e->cpu);
		size_t len;

		ts += make_random(&state) % 1000;
		len = make_record(record, kind, make_random(&state) % 100 ? ts : ts - 500, &state);
		CHECK_EQ(record_check((void *)record, len), 0);
		trace_stream_set_lost(stream, i, i / 2);
		CHECK_EQ(trace_stream_append(stream, (void *)record), 0);
		ARRAY_RESERVE(e->data, e->capacity, e->len + len);
		memcpy(e->data + e->len, record, len);
		e->len += len;
		e->count++;
	}
}

static void write_trace(int fd, u32 worker_count, u32 chunk_bytes, u64 seed)
{
	struct trace_meta meta = make_meta(schema_builtin());
	struct trace_writer_options options = {
		.fd = fd,
		.level = 1,
		.chunk_bytes = chunk_bytes,
		.worker_count = worker_count,
	};
	struct trace_writer_stats stats;
	struct trace_writer *writer = NULL;

	memcpy(options.uuid, meta.uuid, sizeof(options.uuid));
	CHECK_FATAL(!trace_writer_open(&options, &writer));
	CHECK_EQ(make_put_meta(writer, &meta), 0);
	CHECK_EQ(make_put_clock(writer, 1000000, 5000000000), 0);
	write_records(writer, seed);
	CHECK_EQ(make_put_clock(writer, 2000000, 5001000200), 0);
	CHECK_EQ(trace_writer_flush(writer, UINT64_MAX), 0);
	trace_writer_stats(writer, &stats);
	CHECK_EQ(stats.events, RECORDS);
	CHECK_EQ(stats.lost_user, 0);
	CHECK_EQ(make_put_summary(writer, stats.events), 0);
	CHECK_EQ(trace_writer_close(writer), 0);
}

static void check_head(const struct trace_head *head, const u8 *data, size_t len)
{
	u64 ts_min = UINT64_MAX, ts_max = 0, last = 0;
	bool sorted = true;
	u32 count = 0;

	for (size_t at = 0; at < len; count++) {
		const struct trc_head *record = (const void *)(data + at);

		ts_min = record->ts < ts_min ? record->ts : ts_min;
		ts_max = record->ts > ts_max ? record->ts : ts_max;
		sorted = sorted && record->ts >= last;
		last = record->ts;
		CHECK(head->kinds >> record->kind % 64 & 1);
		CHECK(head->cpus >> record->cpu % 64 & 1);
		CHECK(trace_head_has_pid(head, record->tgid));
		at += record->len;
	}
	CHECK_EQ(head->ts_min, ts_min);
	CHECK_EQ(head->ts_max, ts_max);
	CHECK_EQ(!!(head->flags & TRACE_SORTED), sorted);
	CHECK_EQ(head->event_count, count);
}

/* Every chunk of every stream, in order, byte for byte. */
static void check_chunks(struct trace_reader *reader)
{
	const struct trace_chunk *chunks;
	struct trace_buffer buffer = { 0 };
	u64 lost = 0;
	size_t count;

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		expected[i].at = 0;
	chunks = trace_reader_chunks(reader, &count);
	for (size_t i = 0; i < count; i++) {
		struct expected *e = expected;

		while (e < expected + ARRAY_SIZE(expected) &&
		       ((u32)e->class << 16 | e->cpu) != chunks[i].head.stream)
			e++;
		CHECK_FATAL(e < expected + ARRAY_SIZE(expected));
		CHECK_EQ(trace_reader_chunk(reader, &chunks[i], &buffer), 0);
		CHECK_FATAL(buffer.len <= e->len - e->at);
		CHECK_MEM(buffer.data, e->data + e->at, buffer.len);
		check_head(&chunks[i].head, buffer.data, buffer.len);
		lost = chunks[i].head.lost_kernel > lost ? chunks[i].head.lost_kernel : lost;
		e->at += buffer.len;
	}
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		CHECK_EQ(expected[i].at, expected[i].len);
	CHECK_EQ(lost, RECORDS - 1);
	free(buffer.data);
}

static void check_clean(const struct trace_reader *reader)
{
	size_t count;

	CHECK(trace_reader_ended_cleanly(reader));
	trace_reader_damages(reader, &count);
	CHECK_EQ(count, 0);
	CHECK_EQ(trace_reader_unknown_count(reader), 0);
}

static void check_trace(const char *path)
{
	struct trace_reader *reader = NULL;
	size_t count;

	CHECK_FATAL(!trace_reader_open(path, &reader));
	CHECK_STR(trace_reader_meta(reader)->hostname, "h\xc3\xb6st");
	CHECK_EQ(trace_reader_summary(reader)->event_count, RECORDS);
	CHECK_EQ(trace_reader_summary(reader)->exit_code, -1);
	trace_reader_clocks(reader, &count);
	CHECK_EQ(count, 2);
	/* 1 ms on the one clock is 1000.2 µs on the other. */
	CHECK_EQ(trace_reader_wall_ns(reader, 1500000), 5000500100);
	CHECK_EQ(trace_reader_wall_ns(reader, 900000), 4999900000);
	CHECK_EQ(trace_reader_wall_ns(reader, 2000001), 5001000201);
	check_chunks(reader);
	check_clean(reader);
	trace_reader_close(reader);
}

static void test_round_trip(void)
{
	const struct {
		u32 worker_count, chunk_bytes;
	} cases[] = { { 0, 0 }, { 0, 65536 }, { 0, 1 }, { 1, 65536 }, { 3, 40000 } };
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = make_file(path);

		expect_reset();
		write_trace(fd, cases[i].worker_count, cases[i].chunk_bytes, i);
		check_trace(path);
		close(fd);
	}
}

/* To a CBOR library the file is a sequence: the label, then one item per record. */
static void test_cbor_sequence(void)
{
	char path[64];
	int fd = make_file(path);
	size_t len, items = 0, at = 0;
	u8 *data;

	expect_reset();
	write_trace(fd, 0, 0, 8);
	data = make_contents(fd, &len);
	for (; at < len; items++) {
		struct cbor_load_result result;
		cbor_item_t *item = cbor_load(data + at, len - at, &result), *inside;

		CHECK_FATAL(item && cbor_isa_tag(item));
		inside = cbor_tag_item(item);
		if (items) {
			CHECK_EQ(cbor_tag_value(item), 0x54524352);
			CHECK_FATAL(cbor_isa_array(inside) && cbor_array_size(inside) == 20);
			CHECK_EQ(cbor_get_int(cbor_array_handle(inside)[1]), items - 1);
			CHECK(cbor_isa_bytestring(cbor_array_handle(inside)[19]));
		} else {
			CHECK_EQ(cbor_tag_value(item), 55800);
		}
		cbor_decref(&inside);
		cbor_decref(&item);
		at += result.read;
	}
	CHECK_EQ(at, len);
	CHECK(items > 10);
	free(data);
	close(fd);
}

/* The same events give the same file, with and without threads. */
static void test_deterministic(void)
{
	size_t len[2];
	u8 *data[2];

	for (u32 i = 0; i < 2; i++) {
		char path[64];
		int fd = make_file(path);

		expect_reset();
		write_trace(fd, i * 2, 65536, 7);
		data[i] = make_contents(fd, &len[i]);
		close(fd);
	}
	CHECK_EQ(len[0], len[1]);
	CHECK_MEM(data[0], data[1], len[0]);
	free(data[0]);
	free(data[1]);
}

/* `cat a b`: two sections, each with its own metadata. */
static void test_concatenation(void)
{
	struct trace_reader *reader = NULL;
	const struct trace_chunk *chunks;
	char path[64];
	int fd = make_file(path);
	size_t count, len;
	u8 *data;

	expect_reset();
	write_trace(fd, 0, 0, 1);
	write_trace(fd, 0, 0, 2); /* a label at the fd's position */
	for (u32 cut = 0; cut < 2; cut++) {
		/* First through the indexes, then, END cut off, from head to head. */
		if (cut) {
			data = make_contents(fd, &len);
			make_rewrite(fd, data, len - TRACE_HEAD_SIZE - TRACE_END_SIZE);
			free(data);
		}
		CHECK_FATAL(!trace_reader_open(path, &reader));
		CHECK_EQ(trace_reader_section_count(reader), 2);
		CHECK_EQ(trace_reader_ended_cleanly(reader), !cut);
		CHECK(trace_reader_section_meta(reader, 1));
		CHECK(trace_reader_section_meta(reader, 1) != trace_reader_meta(reader));
		chunks = trace_reader_chunks(reader, &count);
		CHECK_EQ(chunks[0].section, 0);
		CHECK_EQ(chunks[count - 1].section, 1);
		for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
			expected[i].at = 0;
		check_chunks(reader);
		trace_reader_damages(reader, &count);
		CHECK_EQ(count, 0);
		trace_reader_close(reader);
	}
	close(fd);
}

/* Decoding ahead: several threads, one reader, every chunk by each of them. */
static void *decode_thread(void *context)
{
	struct trace_reader *reader = context;
	struct trace_buffer buffer = { 0 };
	const struct trace_chunk *chunks;
	u64 bytes = 0;
	size_t count;

	chunks = trace_reader_chunks(reader, &count);
	for (size_t i = 0; i < count; i++) {
		if (!trace_reader_chunk(reader, &chunks[i], &buffer))
			bytes += buffer.len;
	}
	free(buffer.data);
	return (void *)(uintptr_t)bytes;
}

static void test_threads(void)
{
	struct trace_reader *reader = NULL;
	const struct trace_chunk *chunks;
	const struct trace_damage *damages;
	pthread_t threads[4];
	char path[64];
	int fd = make_file(path);
	size_t count, total = 0;
	u8 byte = 0;

	expect_reset();
	write_trace(fd, 0, 65536, 6);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		total += expected[i].len;
	CHECK_FATAL(!trace_reader_open(path, &reader));
	chunks = trace_reader_chunks(reader, &count);
	/* One of them is damaged, and all threads find out. */
	CHECK_FATAL(pwrite(fd, &byte, 1, (off_t)chunks[1].offset + TRACE_HEAD_SIZE) == 1);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK_FATAL(!pthread_create(&threads[i], NULL, decode_thread, reader));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *bytes = NULL;

		pthread_join(threads[i], &bytes);
		CHECK_EQ((uintptr_t)bytes, total - chunks[1].head.raw_len);
	}
	damages = trace_reader_damages(reader, &count);
	CHECK_EQ(count, 1);
	CHECK_EQ(damages[0].event_count, chunks[1].head.event_count);
	CHECK_EQ(damages[0].ts_min, chunks[1].head.ts_min);
	CHECK_EQ(damages[0].ts_max, chunks[1].head.ts_max);
	trace_reader_close(reader);
	close(fd);
}

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

static void test_not_a_trace(void)
{
	struct trace_reader *reader = NULL;
	char path[64];
	int fd = make_file(path);

	CHECK_EQ(trace_reader_open("/nonexistent", &reader), -ENOENT);
	CHECK_EQ(trace_reader_open("/", &reader), -EISDIR);
	CHECK_EQ(trace_reader_open(path, &reader), -EBADMSG); /* empty */
	make_rewrite(fd, (const u8 *)"hello, world, this is not a trace", 33);
	CHECK_EQ(trace_reader_open(path, &reader), -EBADMSG);
	make_rewrite(fd, (const u8 *)"\xd9\xd9\xf8\xdaTRCFCBOR", 12);
	CHECK_EQ(trace_reader_open(path, &reader), -ENODATA); /* a label alone */
	CHECK(!reader);
	close(fd);
}

/* A newer major version is refused, and says who made it. */
static void test_newer(void)
{
	struct trace_meta meta = make_meta(schema_builtin());
	struct trace_writer_options options = { .fd = -1 };
	struct trace_writer *writer = NULL;
	struct trace_reader *reader = NULL;
	char path[64];

	options.fd = make_file(path);
	meta.major++;
	meta.producer = "trc 99";
	CHECK_FATAL(!trace_writer_open(&options, &writer));
	CHECK_EQ(make_put_meta(writer, &meta), 0);
	CHECK_EQ(trace_writer_close(writer), 0);
	CHECK_EQ(trace_reader_open(path, &reader), -EPROTONOSUPPORT);
	CHECK_FATAL(reader);
	CHECK_STR(trace_reader_meta(reader)->producer, "trc 99");
	CHECK_EQ(trace_reader_meta(reader)->major, TRACE_VERSION_MAJOR + 1);
	trace_reader_close(reader);
	close(options.fd);
}

int main(void)
{
	test_round_trip();
	test_cbor_sequence();
	test_deterministic();
	test_concatenation();
	test_threads();
	test_pipe_out();
	test_pipe_in();
	test_offset();
	test_file_limit();
	test_full_device();
	test_malformed();
	test_not_a_trace();
	test_newer();
	expect_reset();
	return check_report();
}
