/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The recorder's way from a ring to the file: rings.c and consumer.c over a ring that is plain memory.
 * What BPF promises is kept — frames as the kernel makes them, a record no longer than its frame —, all else
 * is the fuzzer's. Every event that was taken must be in the file, or be told as damaged by the reader.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/trace_reader.h"
#include "record/consumer.h"
#include "record/source.h"
#include "tests/fuzz/fuzz.h"

#define RING_BYTES 65536u
#define BUSY	   (1u << 31)
#define DISCARD	   (1u << 30)

struct input {
	const u8 *data;
	size_t size;
};

static struct input counters; /* what source_counters() gives */
static u64 counted;

int bpf_map_create(enum bpf_map_type type, const char *name, __u32 key_size, __u32 value_size,
		   __u32 max_entries, const struct bpf_map_create_opts *opts)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && !ftruncate(fd, 2 * sysconf(_SC_PAGESIZE) + 2 * (off_t)max_entries));
	return fd;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	return 0;
}

int libbpf_num_possible_cpus(void)
{
	return 3;
}

static u8 take_byte(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

int source_counters(const struct event_source *source, struct cpu_counters *ret_per_cpu,
		    size_t cpu_count)
{
	/* Free-running: they only grow. */
	counted += take_byte(&counters);
	for (size_t cpu = 0; cpu < cpu_count; cpu++)
		ret_per_cpu[cpu].lost[1 + (counted + cpu) % (TRC_KIND_MAX - 1)] += counted;
	return 0;
}

u64 source_missed(const struct event_source *source)
{
	return counted;
}

bool trigger_matches(const struct trigger *trigger, const struct trc_head *record)
{
	return false;
}

/* One frame at the producer's place; the data stand twice, as the kernel maps them. */
static u64 put_frame(u8 *ring, u64 at, struct input *in)
{
	u8 control = take_byte(in), frame[8 + 2048] __attribute__((aligned(8))) = { 0 };
	struct trc_head *record = (struct trc_head *)(frame + 8);
	u32 len = 8 * (4 + take_byte(in) % 248), word = len;

	if (control % 16 == 1)
		word |= DISCARD;
	memcpy(frame, &word, sizeof(word));
	for (u32 i = 0; i < len && in->size; i++)
		frame[8 + i] = take_byte(in);
	if (control % 16 < 12) { /* most of them nearly right */
		record->kind = record->kind % (TRC_KIND_MAX + 1);
		record->cpu %= 4;
		record->len = (u16)len;
		record->words = (u8)(3 + record->words % (len / 8 - 2));
	}
	if (record->len > len)
		record->len = (u16)len;
	for (u32 i = 0; i < len + 8; i++) {
		u64 place = (at + i) % RING_BYTES;

		ring[place] = ring[place + RING_BYTES] = frame[i];
	}
	return at + len + 8;
}

static struct trace_writer *open_writer(int fd)
{
	struct trace_meta meta = { .major = 1, .schema = *schema_builtin() };
	struct trace_writer_options options = { .fd = fd, .uuid = { 1 }, .chunk_bytes = 65536 };
	struct trace_writer *writer;
	u8 *data;
	size_t len;

	meta.uuid[0] = 1;
	meta.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	FUZZ_CHECK(!trace_writer_open(&options, &writer));
	trace_meta_encode(&meta, &data, &len);
	FUZZ_CHECK(!trace_writer_put(writer, TRACE_HEADER, TRACE_TS_NONE, data, len));
	free(data);
	return writer;
}

/* All events that the heads tell of: a chunk that breaks a rule is damage, not silence. */
static void check_file(const char *path, u64 taken)
{
	struct trace_reader *reader = NULL;
	struct trace_buffer buffer = { 0 };
	const struct trace_chunk *chunks;
	size_t count, refused = 0, damages;
	u64 events = 0;

	FUZZ_CHECK(!trace_reader_open(path, &reader));
	FUZZ_CHECK(trace_reader_ended_cleanly(reader));
	chunks = trace_reader_chunks(reader, &count);
	for (size_t i = 0; i < count; i++) {
		events += chunks[i].head.event_count;
		refused += trace_reader_chunk(reader, &chunks[i], &buffer) != 0;
	}
	trace_reader_damages(reader, &damages);
	FUZZ_CHECK(events == taken && damages == refused);
	free(buffer.data);
	trace_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct rings *rings;
	static u8 *memory;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct trace_writer_stats stats;
	struct input in = { data, size };
	struct consumer *consumer;
	struct trace_writer *writer;
	char path[FUZZ_FILE_PATH];
	struct ring_view *views;
	u64 *produced;
	size_t count;
	u32 fill;
	int err;

	if (!rings) {
		FUZZ_CHECK(!rings_open(-1, RING_BYTES, &rings));
		views = rings_get(rings, &count);
		memory = mmap(NULL, 2 * page + 2 * RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			      views[0].fd, 0);
		FUZZ_CHECK(memory != MAP_FAILED);
	}
	views = rings_get(rings, &count);
	counters = in;
	counted = 0;
	produced = (u64 *)(memory + page);
	*views[0].consumer = *produced = 8u * take_byte(&in) + RING_BYTES - 1024;
	writer = open_writer(fuzz_output(path));
	consumer = consumer_new(NULL, rings, 1);
	consumer_set_writer(consumer, writer);
	while (in.size) {
		for (u32 i = take_byte(&in) % 8; i && in.size; i--)
			*produced = put_frame(memory + 2 * page, *produced, &in);
		while ((err = consumer_drain(consumer, &fill)) == 1)
			;
		FUZZ_CHECK(!err || err == -EINVAL);
		if (!err)
			FUZZ_CHECK(*views[0].consumer == *produced);
		else /* what no program of ours sends: taken off by hand */
			*views[0].consumer = *produced;
		FUZZ_CHECK(!consumer_losses(consumer, 1 + in.size));
	}
	FUZZ_CHECK(!consumer_missed(consumer, 5));
	FUZZ_CHECK(!trace_writer_flush(writer, UINT64_MAX));
	trace_writer_stats(writer, &stats);
	FUZZ_CHECK(!trace_writer_close(writer));
	check_file(path, stats.events - stats.lost_user);
	consumer_free(consumer);
	return 0;
}
