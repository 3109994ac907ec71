/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rings: one BPF ring buffer per online CPU, read in place; or a single one of the same layout in plain memory.
 *
 * Our own reader of the documented ring layout instead of libbpf's: it tells how full each ring is, which
 * the consumer's pace follows, and calls no function pointer per record.
 */
#pragma once

#include "common/events.h"

struct rings;

struct ring_view { /* one ring */
	u16 cpu;
	int fd;
	u64 size;
	u64 high_bytes; /* the fullest it was seen */
	/* the layout of the kernel's ring buffer */
	volatile u64 *consumer;
	const volatile u64 *producer;
	const u8 *data;
};

/*
 * Makes a ring of ring_bytes (a power of two, whole pages) for each online CPU, and a map of maps with a place per CPU. 0 or
 * -errno. Threads put the rings in their places meanwhile, for the kernel waits for a grace period with each: some ten
 * milliseconds, which one after the other are seconds on a large machine.
 */
int rings_open(u64 ring_bytes, struct rings **ret_rings);
/* Until all are in their places; maps them. 0 or -errno. */
int rings_wait(struct rings *rings);
/* Of the map of maps. */
int rings_map_fd(const struct rings *rings);
/*
 * One ring in plain memory, for records that another thread makes; its fd is an eventfd that the maker may write to.
 * 0 or -errno.
 */
int rings_open_memory(u64 ring_bytes, struct rings **ret_rings);
void rings_close(struct rings *rings);
struct ring_view *rings_get(struct rings *rings, size_t *ret_count);

/* What a ring holds now, in bytes. Updates high_bytes. */
u64 ring_fill(struct ring_view *ring);

/* Adds a record to a ring in plain memory; one thread may. False: it is full. */
bool ring_put(struct ring_view *ring, const struct trc_head *record);

typedef int (*ring_handler)(void *data, u16 cpu, const struct trc_head *record);
/* Hands at most max_bytes of finished records to the handler, in order. Returns the bytes taken or the handler's first negative answer. */
s64 ring_drain(struct ring_view *ring, u64 max_bytes, ring_handler handler, void *data);
