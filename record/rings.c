/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/rings.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"

#define FILLERS_MAX	   64
#define FILLER_STACK_BYTES (256u << 10)

struct rings {
	size_t count;
	size_t page_bytes;
	struct ring_view *views;
	int map_fd; /* of the map of maps */
	size_t filler_count;
	pthread_t fillers[FILLERS_MAX];
	size_t filled_count; /* that some thread took on */
	int fill_error;
};

#define RECORD_BUSY	    (1u << 31)
#define RECORD_DISCARD	    (1u << 30)
#define RECORD_HEADER_BYTES 8

static int ring_open(struct ring_view *ring, u16 cpu, u64 bytes)
{
	ring->cpu = cpu;
	ring->size = bytes;
	ring->fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "trc_ring", 0, 0, bytes, NULL);
	return ring->fd < 0 ? -errno : 0;
}

static int ring_map(struct ring_view *ring, size_t page_bytes)
{
	u64 bytes = ring->size;
	void *control = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);

	if (control == MAP_FAILED)
		return -errno;
	ring->consumer = control;
	/* The producer's page, then the data twice in a row, so that no record is ever split. */
	control = mmap(NULL, page_bytes + 2 * bytes, PROT_READ, MAP_SHARED, ring->fd, page_bytes);
	if (control == MAP_FAILED)
		return -errno;
	ring->producer = control;
	ring->data = (const u8 *)control + page_bytes;
	return 0;
}

/* "0-3,8": calls nothing, returns the next CPU at or after `cpu`, or -1. */
static int next_online(const char *list, int cpu)
{
	while (*list) {
		int first, last, used;

		if (sscanf(list, "%d%n", &first, &used) != 1)
			return -1;
		list += used;
		last = first;
		if (*list == '-') {
			if (sscanf(list + 1, "%d%n", &last, &used) != 1)
				return -1;
			list += used + 1;
		}
		if (cpu <= last)
			return cpu < first ? first : cpu;
		if (*list == ',')
			list++;
		else
			break;
	}
	return -1;
}

static struct rings *rings_new(void)
{
	struct rings *rings = xcalloc(1, sizeof(*rings));

	rings->page_bytes = sysconf(_SC_PAGESIZE);
	rings->map_fd = -1;
	return rings;
}

static int open_each(struct rings *rings, u64 ring_bytes)
{
	_cleanup_fclose_ FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	char list[4096] = "0";
	size_t capacity = 0;
	int err = 0;

	if (file && !fgets(list, sizeof(list), file))
		strcpy(list, "0");
	for (int cpu = next_online(list, 0); cpu >= 0 && !err; cpu = next_online(list, cpu + 1)) {
		struct ring_view *ring;

		ARRAY_RESERVE(rings->views, capacity, rings->count + 1);
		ring = &rings->views[rings->count++];
		memset(ring, 0, sizeof(*ring));
		err = ring_open(ring, cpu, ring_bytes);
	}
	return rings->count ? err : -ENODEV;
}

static void *fill_places(void *data)
{
	struct rings *rings = data;
	size_t i;

	while ((i = __atomic_fetch_add(&rings->filled_count, 1, __ATOMIC_RELAXED)) < rings->count) {
		u32 key = rings->views[i].cpu;

		if (bpf_map_update_elem(rings->map_fd, &key, &rings->views[i].fd, BPF_ANY))
			__atomic_store_n(&rings->fill_error, -errno, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* If there can be no threads, rings_wait() fills them all. */
static void begin_to_fill(struct rings *rings)
{
	size_t wanted = rings->count < FILLERS_MAX ? rings->count : FILLERS_MAX;
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, FILLER_STACK_BYTES);
	while (rings->filler_count < wanted && !pthread_create(&rings->fillers[rings->filler_count],
							       &attributes, fill_places, rings))
		rings->filler_count++;
	pthread_attr_destroy(&attributes);
}

static void join_fillers(struct rings *rings)
{
	while (rings->filler_count)
		pthread_join(rings->fillers[--rings->filler_count], NULL);
}

int rings_wait(struct rings *rings)
{
	int err;

	fill_places(rings);
	join_fillers(rings);
	err = rings->fill_error;
	/* All of a mapped ring counts as ours at once: not before libbpf has given its memory back. */
	for (size_t i = 0; i < rings->count && !err; i++)
		err = ring_map(&rings->views[i], rings->page_bytes);
	return err;
}

int rings_map_fd(const struct rings *rings)
{
	return rings->map_fd;
}

int rings_open(u64 ring_bytes, struct rings **ret_rings)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	struct rings *rings = rings_new();
	int err = open_each(rings, ring_bytes);

	if (!err) {
		options.inner_map_fd = rings->views[0].fd;
		rings->map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "rings", sizeof(u32),
					       sizeof(u32), libbpf_num_possible_cpus(), &options);
		err = rings->map_fd < 0 ? -errno : 0;
	}
	if (err) {
		rings_close(rings);
		return err;
	}
	begin_to_fill(rings);
	*ret_rings = rings;
	return 0;
}

/* Consumer's page, producer's page, data; mapped as a ring of the kernel's is, its data twice. */
static int memory_open(struct ring_view *ring, u64 bytes, size_t page_bytes)
{
	_cleanup_close_ int fd = memfd_create("trc_ring", MFD_CLOEXEC);
	u8 *area;

	if (fd < 0 || ftruncate(fd, 2 * page_bytes + bytes))
		return -errno;
	ring->consumer = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring->consumer == MAP_FAILED) {
		ring->consumer = NULL;
		return -errno;
	}
	area = mmap(NULL, page_bytes + 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return -errno;
	ring->producer = (void *)area;
	ring->data = area + page_bytes;
	if (mmap(area, page_bytes + bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 page_bytes) == MAP_FAILED ||
	    mmap(area + page_bytes + bytes, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 fd, 2 * page_bytes) == MAP_FAILED)
		return -errno;
	return 0;
}

int rings_open_memory(u64 ring_bytes, struct rings **ret_rings)
{
	struct rings *rings = rings_new();
	struct ring_view *ring = rings->views = xcalloc(1, sizeof(*ring));
	int err;

	rings->count = 1;
	ring->size = ring_bytes;
	ring->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = ring->fd < 0 ? -errno : memory_open(ring, ring_bytes, rings->page_bytes);
	if (err) {
		rings_close(rings);
		return err;
	}
	*ret_rings = rings;
	return 0;
}

void rings_close(struct rings *rings)
{
	if (!rings)
		return;
	join_fillers(rings);
	closep(&rings->map_fd);
	for (size_t i = 0; i < rings->count; i++) {
		struct ring_view *ring = &rings->views[i];

		if (ring->consumer)
			munmap((void *)ring->consumer, rings->page_bytes);
		if (ring->producer)
			munmap((void *)ring->producer, rings->page_bytes + 2 * ring->size);
		if (ring->fd >= 0)
			close(ring->fd);
	}
	free(rings->views);
	free(rings);
}

struct ring_view *rings_get(struct rings *rings, size_t *ret_count)
{
	*ret_count = rings->count;
	return rings->views;
}

u64 ring_fill(struct ring_view *ring)
{
	u64 produced = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	u64 fill = produced - *ring->consumer;

	if (fill > ring->high_bytes)
		ring->high_bytes = fill;
	return fill;
}

bool ring_put(struct ring_view *ring, const struct trc_head *record)
{
	u64 pos = *ring->producer;
	u64 free_bytes = ring->size - (pos - __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE));
	u8 *slot = (u8 *)ring->data + (pos & (ring->size - 1));

	if (free_bytes < RECORD_HEADER_BYTES + (u64)record->len)
		return false;
	*(u64 *)slot = record->len;
	memcpy(slot + RECORD_HEADER_BYTES, record, record->len);
	__atomic_store_n((volatile u64 *)ring->producer, pos + RECORD_HEADER_BYTES + record->len,
			 __ATOMIC_RELEASE);
	return true;
}

s64 ring_drain(struct ring_view *ring, u64 max_bytes, ring_handler handler, void *data)
{
	u64 pos = *ring->consumer, start = pos;
	u64 produced = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	u64 freed = pos;
	int err = 0;

	while (pos < produced && pos - start < max_bytes) {
		const u32 *header = (const void *)(ring->data + (pos & (ring->size - 1)));
		u32 word = __atomic_load_n(header, __ATOMIC_ACQUIRE);
		u32 len = word & ~(RECORD_BUSY | RECORD_DISCARD);

		if (word & RECORD_BUSY)
			break; /* reserved, not yet written */
		if (!(word & RECORD_DISCARD)) {
			err = handler(data, ring->cpu,
				      (const void *)((const u8 *)header + RECORD_HEADER_BYTES));
			if (err < 0)
				break;
		}
		pos += (len + RECORD_HEADER_BYTES + 7) & ~7ull;
		/* Give memory back in steps: a store per record would bounce the producer's cache line. */
		if (pos - freed >= ring->size / 16) {
			__atomic_store_n(ring->consumer, pos, __ATOMIC_RELEASE);
			freed = pos;
		}
	}
	__atomic_store_n(ring->consumer, pos, __ATOMIC_RELEASE);
	return err < 0 ? err : (s64)(pos - start);
}
