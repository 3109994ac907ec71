/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/rings.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"

struct rings {
	size_t count;
	size_t page_bytes;
	struct ring_view *views;
};

#define RECORD_BUSY	    (1u << 31)
#define RECORD_DISCARD	    (1u << 30)
#define RECORD_HEADER_BYTES 8

static int ring_open(struct ring_view *ring, u16 cpu, u64 bytes, size_t page_bytes)
{
	void *control;

	ring->cpu = cpu;
	ring->size = bytes;
	ring->fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "trc_ring", 0, 0, bytes, NULL);
	if (ring->fd < 0)
		return -errno;
	control = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
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

int rings_open(int outer_map_fd, u64 ring_bytes, struct rings **ret_rings)
{
	_cleanup_fclose_ FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	char list[4096] = "0";
	struct rings *rings;
	size_t capacity = 0;
	int err = 0;

	if (file && !fgets(list, sizeof(list), file))
		strcpy(list, "0");
	rings = xcalloc(1, sizeof(*rings));
	rings->page_bytes = sysconf(_SC_PAGESIZE);
	for (int cpu = next_online(list, 0); cpu >= 0 && !err; cpu = next_online(list, cpu + 1)) {
		struct ring_view *ring;
		u32 key = cpu;

		ARRAY_RESERVE(rings->views, capacity, rings->count + 1);
		ring = &rings->views[rings->count++];
		memset(ring, 0, sizeof(*ring));
		err = ring_open(ring, cpu, ring_bytes, rings->page_bytes);
		if (!err && bpf_map_update_elem(outer_map_fd, &key, &ring->fd, BPF_ANY))
			err = -errno;
	}
	if (err) {
		rings_close(rings);
		return err;
	}
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
	struct rings *rings = xcalloc(1, sizeof(*rings));
	struct ring_view *ring = rings->views = xcalloc(1, sizeof(*ring));
	int err;

	rings->count = 1;
	rings->page_bytes = sysconf(_SC_PAGESIZE);
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
