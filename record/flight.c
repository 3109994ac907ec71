/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/flight.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

/* What is dropped at a time: so much more than asked for is kept, or less than there is room for. */
#define STRETCHES  8
#define CUT_NS_MIN 250000000ull

struct flight {
	pthread_mutex_t lock; /* the writer's worker brings the records */
	u64 limit_ns, limit_bytes, bytes;
	struct flight_stretch *first, **last, *current;
};

struct flight *flight_new(u64 ns, u64 bytes)
{
	struct flight *flight = xcalloc(1, sizeof(*flight));

	pthread_mutex_init(&flight->lock, NULL);
	flight->limit_ns = ns;
	flight->limit_bytes = bytes;
	flight->last = &flight->first;
	return flight;
}

static void stretch_free_one(struct flight_stretch *stretch)
{
	struct flight_record *next;

	for (struct flight_record *record = stretch->first; record; record = next) {
		next = record->next;
		free(record);
	}
	free(stretch);
}

void flight_stretch_free(struct flight_stretch *stretch)
{
	while (stretch) {
		struct flight_stretch *next = stretch->next;

		stretch_free_one(stretch);
		stretch = next;
	}
}

void flight_free(struct flight *flight)
{
	if (!flight)
		return;
	flight_stretch_free(flight->first);
	pthread_mutex_destroy(&flight->lock);
	free(flight);
}

static void drop_first(struct flight *flight)
{
	struct flight_stretch *stretch = flight->first;

	flight->first = stretch->next;
	flight->bytes -= stretch->bytes;
	stretch_free_one(stretch);
}

int flight_keep(void *context, const struct trace_head *head, const u8 *payload)
{
	struct flight *flight = context;
	struct flight_record *record = xmalloc(sizeof(*record) + head->payload_len);
	u64 size = sizeof(*record) + head->payload_len;

	record->next = NULL;
	record->head = *head;
	memcpy(record->payload, payload, head->payload_len);
	pthread_mutex_lock(&flight->lock);
	*flight->current->last = record;
	flight->current->last = &record->next;
	flight->current->bytes += size;
	flight->bytes += size;
	while (flight->bytes > flight->limit_bytes && flight->first != flight->current)
		drop_first(flight);
	pthread_mutex_unlock(&flight->lock);
	return 0;
}

bool flight_wants_cut(struct flight *flight, u64 now)
{
	u64 start_ns = flight->current->mark.start_ns, least_ns = flight->limit_ns / STRETCHES;
	u64 events_bytes;
	bool wants;

	if (least_ns < CUT_NS_MIN)
		least_ns = CUT_NS_MIN;
	pthread_mutex_lock(&flight->lock);
	/* A snapshot larger than that must not cut without end: the memory would hold nothing else. */
	events_bytes = flight->current->bytes - flight->current->snapshot_bytes;
	wants = (flight->limit_ns && now >= start_ns + least_ns) ||
		events_bytes >= flight->limit_bytes / STRETCHES;
	pthread_mutex_unlock(&flight->lock);
	return wants;
}

void flight_cut(struct flight *flight, const struct mark *mark)
{
	struct flight_stretch *stretch = xcalloc(1, sizeof(*stretch));
	u64 now = mark->start_ns;

	stretch->mark = *mark;
	stretch->last = &stretch->first;
	pthread_mutex_lock(&flight->lock);
	if (!flight->first)
		flight->last = &flight->first;
	*flight->last = stretch;
	flight->last = &stretch->next;
	flight->current = stretch;
	/* The second alone goes far enough back. */
	while (flight->limit_ns && flight->first != stretch && now > flight->limit_ns &&
	       flight->first->next->mark.start_ns <= now - flight->limit_ns)
		drop_first(flight);
	pthread_mutex_unlock(&flight->lock);
}

void flight_told(struct flight *flight)
{
	pthread_mutex_lock(&flight->lock);
	flight->current->snapshot_bytes = flight->current->bytes;
	pthread_mutex_unlock(&flight->lock);
}

struct flight_stretch *flight_take(struct flight *flight)
{
	struct flight_stretch *first;

	pthread_mutex_lock(&flight->lock);
	first = flight->first;
	flight->first = flight->current = NULL;
	flight->bytes = 0;
	pthread_mutex_unlock(&flight->lock);
	return first;
}
