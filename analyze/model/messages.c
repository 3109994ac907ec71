/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Descriptors in messages: an open file that was sent lives on, even if the sender closes it, until it is received.
 * Who receives it is known by what it stands for: the receiver's descriptor has the same inode.
 */
#include "analyze/model/fds_private.h"

#include <string.h>

#define SOL_SOCKET_NUMBER 1
#define SCM_RIGHTS_NUMBER 1

/* The receiver was told of before the sender, whose call began before that. */
static bool is_received(struct fds *fds, const struct open_file *file)
{
	for (u32 i = 0; i < FDS_EARLY_MAX; i++) {
		if (fds->early[i].object != file->object || fds->early[i].ns < fds->entry_ns)
			continue;
		object_unref(fds->early[i].object);
		fds->early[i].object = NULL;
		return true;
	}
	return false;
}

static void send(struct fds *fds, struct open_file *file)
{
	u32 at = fds->in_flight_next++ % FDS_IN_FLIGHT_MAX;

	if (is_received(fds, file))
		return;
	if (fds->in_flight[at])
		open_file_drop(fds, fds->in_flight[at], fds->now, FILE_END_close);
	fds->in_flight[at] = file;
	open_file_hold(file);
}

void fds_sent(struct fds *fds, struct thread *thread, const struct trc_syscall *record)
{
	unsigned word = abi_is_narrow(record->abi) || record->abi == SYSCALL_ABI_X32 ? 4 : 8;
	const struct trc_item *item = NULL;
	const u8 *at, *end;

	while ((item = record_item_next(&record->head, &item)))
		if (item->type == TRC_TYPE_cmsgs)
			break;
	if (!item)
		return;
	at = trc_item_data(item);
	end = at + item->len;
	while ((size_t)(end - at) >= word + 8) {
		u64 len = word == 8 ? payload_u64(fds->decoder, at) : payload_u32(fds->decoder, at);
		u32 level = payload_u32(fds->decoder, at + word);
		u32 type = payload_u32(fds->decoder, at + word + 4);

		if (len < word + 8 || len > (size_t)(end - at))
			return;
		if (level == SOL_SOCKET_NUMBER && type == SCM_RIGHTS_NUMBER) {
			for (size_t i = word + 8; i + 4 <= len; i += 4) {
				struct open_file *file =
					thread_fd(thread, (s32)payload_u32(fds->decoder, at + i));

				if (file)
					send(fds, file);
			}
		}
		len = (len + word - 1) / word * word;
		if (len >= (size_t)(end - at))
			return;
		at += len;
	}
}

struct open_file *fds_received(struct fds *fds, struct object *object)
{
	u32 at;

	for (u32 i = 0; i < FDS_IN_FLIGHT_MAX; i++) {
		struct open_file *file = fds->in_flight[i];

		if (!file || file->object != object)
			continue;
		fds->in_flight[i] = NULL;
		/* The caller gives it a descriptor. */
		file->descriptor_count--;
		return file;
	}
	at = fds->early_next++ % FDS_EARLY_MAX;
	object_unref(fds->early[at].object);
	fds->early[at].object = object_ref(object);
	fds->early[at].ns = fds->now;
	return NULL;
}

void fds_messages_release(struct fds *fds)
{
	for (u32 i = 0; i < FDS_IN_FLIGHT_MAX; i++)
		if (fds->in_flight[i])
			open_file_drop(fds, fds->in_flight[i], MODEL_UNKNOWN, FILE_END_open);
	for (u32 i = 0; i < FDS_EARLY_MAX; i++)
		object_unref(fds->early[i].object);
	memset(fds->in_flight, 0, sizeof(fds->in_flight));
	memset(fds->early, 0, sizeof(fds->early));
}
