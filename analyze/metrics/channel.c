/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/channel.h"

#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

static struct channel_part *part_at(struct channel *channel, size_t i)
{
	return &channel->parts[(channel->first + i) % channel->capacity];
}

static void append(struct channel *channel, u32 process_id, u64 bytes)
{
	struct channel_part *last = channel->count ? part_at(channel, channel->count - 1) : NULL;

	if (last && (last->process_id == process_id || channel->count == CHANNEL_PARTS_MAX)) {
		last->bytes += bytes;
		return;
	}
	if (channel->count == channel->capacity) {
		size_t capacity = channel->capacity ? channel->capacity * 2 : 4;
		struct channel_part *parts = xcalloc(capacity, sizeof(*parts));

		for (size_t i = 0; i < channel->count; i++)
			parts[i] = *part_at(channel, i);
		free(channel->parts);
		channel->parts = parts;
		channel->first = 0;
		channel->capacity = capacity;
	}
	channel->count++;
	*part_at(channel, channel->count - 1) = (struct channel_part){ process_id, bytes };
}

/* What one side has moved against what the other has; what is left of it waits. */
static void meet(struct channel *channel, u32 process_id, u64 bytes, bool reads,
		 channel_pass_fn pass, void *context)
{
	while (bytes && channel->count && channel->owed != reads) {
		struct channel_part *part = part_at(channel, 0);
		u64 moved = bytes < part->bytes ? bytes : part->bytes;

		if (reads)
			pass(context, part->process_id, process_id, moved);
		else
			pass(context, process_id, part->process_id, moved);
		bytes -= moved;
		part->bytes -= moved;
		if (part->bytes)
			continue;
		channel->first = (channel->first + 1) % channel->capacity;
		channel->count--;
	}
	if (!bytes)
		return;
	channel->owed = reads;
	append(channel, process_id, bytes);
}

void channel_write(struct channel *channel, u32 process_id, u64 bytes, channel_pass_fn pass,
		   void *context)
{
	channel->last_writer = process_id;
	meet(channel, process_id, bytes, false, pass, context);
}

void channel_read(struct channel *channel, u32 process_id, u64 bytes, channel_pass_fn pass,
		  void *context)
{
	meet(channel, process_id, bytes, true, pass, context);
}

void channel_end(struct channel *channel, channel_pass_fn pass, void *context)
{
	for (size_t i = 0; i < channel->count; i++) {
		const struct channel_part *part = part_at(channel, i);

		if (channel->owed)
			pass(context, 0, part->process_id, part->bytes);
		else
			pass(context, part->process_id, 0, part->bytes);
	}
	free(channel->parts);
	memset(channel, 0, sizeof(*channel));
}
