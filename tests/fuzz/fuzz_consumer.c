/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The recorder's way from a ring to the file: rings.c, consumer.c, stacks.c and trigger.c over a ring that is plain
 * memory. What BPF promises is kept — frames as the kernel makes them, a record no longer than its frame, stacks and
 * modules as they are sent —, all else is the fuzzer's. Every event that was taken must be in the file, or be told as
 * damaged by the reader.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/trace_reader.h"
#include "record/build_id.h"
#include "record/consumer.h"
#include "record/kernel_symbols.h"
#include "record/process_maps.h"
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

/* ---- what stacks.c asks of the machine ---- */

int kernel_symbols_load(struct kernel_symbols **ret_symbols)
{
	static u8 some;

	*ret_symbols = (struct kernel_symbols *)&some;
	return 0;
}

void kernel_symbols_free(struct kernel_symbols *symbols)
{
}

const struct kernel_symbol *kernel_symbol_of(const struct kernel_symbols *symbols, u64 address)
{
	static const char *const names[] = { "schedule", "__bpf_trace_sched_switch", "",
					     "__traceiter_x" };
	static struct kernel_symbol symbol;

	symbol = (struct kernel_symbol){ .start = address & ~0xffull,
					 .name = names[address % ARRAY_SIZE(names)],
					 .module = address & 0x10 ? "ext4" : NULL };
	return address & 0x20 ? NULL : &symbol;
}

int build_id_read(u32 pid, const char *path, u64 inode, u8 ret_id[BUILD_ID_BYTES_MAX])
{
	memset(ret_id, (u8)inode, BUILD_ID_BYTES_MAX);
	return inode & 0x100 ? -ENOENT : (int)(inode % (BUILD_ID_BYTES_MAX + 1));
}

int process_maps_each(u32 number, int (*take)(void *context, const struct process_map *map),
		      void *context)
{
	static char path[4096];
	struct process_map map = { .start = 4096, .end = 8192, .inode = number };
	int err = 0;

	memset(path, 'a', sizeof(path) - 1);
	for (u32 i = 0; i < number % 4 && !err; i++) {
		map.prot = number >> i & 0xf;
		map.path = path + sizeof(path) - 1 - number % sizeof(path);
		err = take(context, &map);
	}
	return err;
}

/* ---- a ring ---- */

/* As the kernel's side sends it: all fixed fields, then one item. False: the frame is too small. */
static bool make_stack(struct trc_head *record, u32 len)
{
	const struct schema_kind *kind = schema_kind_by_id(schema_builtin(), record->kind);
	struct trc_item *item;

	if (len < kind->fixed_len + sizeof(*item))
		return false;
	record->words = (u8)(kind->fixed_len / 8);
	record->len = (u16)(record->kind == TRC_KIND_stack_use ? kind->fixed_len : len);
	item = (struct trc_item *)((u8 *)record + kind->fixed_len);
	item->field = 0;
	item->type = record->kind == TRC_KIND_stack ? TRC_TYPE_u64s : TRC_TYPE_str;
	item->len = (u16)(len - kind->fixed_len - sizeof(*item));
	return true;
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
	if (stacks_wants(record->kind) && !make_stack(record, len))
		record->kind = TRC_KIND_none;
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

/* ---- a recording ---- */

/* The second byte: what was asked of the recorder. */
enum {
	ASK_STACKS = 1,
	ASK_LIMIT = 2, /* of events */
	ASK_TRIGGERS = 4,
	ASK_DELAY = 8,	/* events come before there is a file, and are given up */
	ASK_PARTS = 16, /* a file after the other */
	ASK_PAUSE = 32,
};

#define PART_STEPS 8
#define PARTS_MAX  4 /* each takes some milliseconds */

struct recording {
	u8 asked;
	struct consumer *consumer;
	struct stacks *stacks;
	struct trace_writer *writer;
	char path[FUZZ_FILE_PATH];
};

static struct trigger *const *triggers(size_t *ret_count)
{
	static const char *const texts[] = { "syscall=%file|/^f/,duration>1us,errno=ENOENT",
					     "exit,code!=0", "sched_switch,state=1,pid>1" };
	static struct trigger *parsed[ARRAY_SIZE(texts)];
	static struct syscall_table *tables;
	size_t count;
	char *error;

	if (!parsed[0]) {
		FUZZ_CHECK(!syscall_tables_for_machine("x86_64", &tables, &count));
		for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
			FUZZ_CHECK(!trigger_parse(texts[i], tables, count, &parsed[i], &error));
	}
	*ret_count = ARRAY_SIZE(texts);
	return parsed;
}

static void begin_file(struct recording *recording, u32 number)
{
	const struct trc_task_found found = { .head = { .kind = TRC_KIND_task_found,
							.len = sizeof(found),
							.words = sizeof(found) / 8,
							.tid = number,
							.tgid = number } };

	recording->writer = open_writer(fuzz_output(recording->path));
	consumer_set_writer(recording->consumer, recording->writer);
	if (recording->stacks)
		stacks_begin_part(recording->stacks);
	FUZZ_CHECK(!consumer_take_process(recording->consumer, &found.head, number));
}

static void end_file(struct recording *recording)
{
	struct trace_writer_stats stats;

	FUZZ_CHECK(!consumer_missed(recording->consumer, 5));
	FUZZ_CHECK(!trace_writer_flush(recording->writer, UINT64_MAX));
	trace_writer_stats(recording->writer, &stats);
	FUZZ_CHECK(!trace_writer_close(recording->writer));
	check_file(recording->path, stats.events - stats.lost_user);
}

static struct recording begin(struct rings *rings, struct input *in)
{
	struct recording recording = { .asked = take_byte(in),
				       .consumer = consumer_new(NULL, rings, 1) };
	size_t count;

	if (recording.asked & ASK_STACKS) {
		recording.stacks = stacks_new();
		consumer_set_stacks(recording.consumer, recording.stacks);
	}
	if (recording.asked & ASK_LIMIT)
		consumer_set_max_events(recording.consumer, take_byte(in));
	if (recording.asked & ASK_TRIGGERS) {
		struct trigger *const *list = triggers(&count);

		consumer_set_triggers(recording.consumer, list, count);
	}
	return recording;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct rings *rings;
	static u8 *memory;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct input in = { data, size };
	struct recording recording;
	struct ring_view *views;
	u64 *produced;
	size_t count;
	u32 fill;
	int err;

	if (!rings) {
		FUZZ_CHECK(!rings_open(RING_BYTES, &rings) && !rings_wait(rings));
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
	recording = begin(rings, &in);
	if (recording.asked & ASK_DELAY) {
		*produced = put_frame(memory + 2 * page, *produced, &in);
		err = consumer_drain(recording.consumer, &fill);
		FUZZ_CHECK(!err || err == -EINVAL);
		consumer_abandon(recording.consumer);
	}
	begin_file(&recording, take_byte(&in));
	for (u32 step = 1; in.size && !consumer_is_full(recording.consumer); step++) {
		for (u32 i = take_byte(&in) % 8; i && in.size; i--)
			*produced = put_frame(memory + 2 * page, *produced, &in);
		while ((err = consumer_drain(recording.consumer, &fill)) == 1)
			;
		FUZZ_CHECK(!err || err == -EINVAL);
		if (!err)
			FUZZ_CHECK(*views[0].consumer == *produced ||
				   consumer_is_full(recording.consumer));
		else /* what no program of ours sends: taken off by hand */
			*views[0].consumer = *produced;
		consumer_triggered(recording.consumer);
		if (!in.size || step % 4 == 0)
			FUZZ_CHECK(!consumer_losses(recording.consumer, 1 + in.size));
		if (recording.asked & ASK_PAUSE && step % PART_STEPS == 1)
			FUZZ_CHECK(!consumer_paused(recording.consumer, step, step + in.size));
		if (recording.asked & ASK_PARTS && step % PART_STEPS == 0 &&
		    step <= PARTS_MAX * PART_STEPS) {
			end_file(&recording);
			begin_file(&recording, step);
		}
	}
	end_file(&recording);
	FUZZ_CHECK(consumer_high_bytes(recording.consumer) <= RING_BYTES);
	consumer_free(recording.consumer);
	stacks_free(recording.stacks);
	return 0;
}
