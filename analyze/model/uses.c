/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/uses.h"

#include "analyze/model/fds_private.h"
#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

#define DIRECT_NR_LIMIT 4096
#define X32_BIT		0x40000000u
#define NO_ARG		7

struct plan {
	u8 op, fd_arg;	 /* fd_arg: NO_ARG: none; of open the result is the descriptor */
	u8 op2, fd_arg2; /* the second descriptor; NO_ARG: none */
	bool sums;	 /* the result counts messages: the bytes stand in their lengths */
	bool known;
};

struct uses {
	struct plan *abis[SYSCALL_ABI_MAX];
	size_t count;
	struct file_use list[FILE_USES_MAX];
};

static const struct {
	const char *name;
	struct plan plan;
} by_name[] = {
#define READS(name)                                                                                \
	{                                                                                          \
#name,                                                                             \
		{                                                                                  \
			.op = FILE_OP_read, .fd_arg2 = NO_ARG                                      \
		}                                                                                  \
	}
#define WRITES(name)                                                                               \
	{                                                                                          \
#name,                                                                             \
		{                                                                                  \
			.op = FILE_OP_write, .fd_arg2 = NO_ARG                                     \
		}                                                                                  \
	}
#define DOES(name, what)                                                                           \
	{                                                                                          \
#name,                                                                             \
		{                                                                                  \
			.op = FILE_OP_##what, .fd_arg2 = NO_ARG                                    \
		}                                                                                  \
	}
#define MOVES(name, in, out)                                                                       \
	{                                                                                          \
#name,                                                                             \
		{                                                                                  \
			.op = FILE_OP_read, .fd_arg = in, .op2 = FILE_OP_write, .fd_arg2 = out     \
		}                                                                                  \
	}
	READS(read),
	READS(readv),
	READS(pread64),
	READS(preadv),
	READS(preadv2),
	READS(recv),
	READS(recvfrom),
	READS(recvmsg),
	READS(getdents),
	READS(getdents64),
	{ "recvmmsg", { .op = FILE_OP_read, .fd_arg2 = NO_ARG, .sums = true } },
	{ "recvmmsg_time64", { .op = FILE_OP_read, .fd_arg2 = NO_ARG, .sums = true } },
	WRITES(write),
	WRITES(writev),
	WRITES(pwrite64),
	WRITES(pwritev),
	WRITES(pwritev2),
	WRITES(send),
	WRITES(sendto),
	WRITES(sendmsg),
	WRITES(vmsplice),
	{ "sendmmsg", { .op = FILE_OP_write, .fd_arg2 = NO_ARG, .sums = true } },
	MOVES(sendfile, 1, 0),
	MOVES(sendfile64, 1, 0),
	MOVES(splice, 0, 2),
	MOVES(tee, 0, 1),
	MOVES(copy_file_range, 0, 2),
	DOES(lseek, seek),
	DOES(_llseek, seek),
	DOES(fsync, sync),
	DOES(fdatasync, sync),
	DOES(sync_file_range, sync),
	DOES(sync_file_range2, sync),
	DOES(syncfs, sync),
	DOES(close, close),
	DOES(connect, connect),
	DOES(accept, accept),
	DOES(accept4, accept),
};

static struct plan plan_of(const struct syscall_desc *desc)
{
	struct plan plan = { .op = FILE_OP_other, .fd_arg = NO_ARG, .fd_arg2 = NO_ARG };
	bool has_path = false;

	for (size_t i = 0; i < ARRAY_SIZE(by_name); i++)
		if (!strcmp(by_name[i].name, desc->name)) {
			plan = by_name[i].plan;
			plan.known = true;
			return plan;
		}
	for (u8 i = 0; i < desc->arg_count && i < 6; i++) {
		has_path |= desc->args[i].type == ARG_PATH;
		if (desc->args[i].type == ARG_FD && plan.fd_arg == NO_ARG)
			plan.fd_arg = i;
	}
	if (desc->properties & SYSCALL_RETURNS_FD && has_path) {
		plan.op = FILE_OP_open;
		plan.fd_arg = NO_ARG;
		plan.known = true;
	} else if (plan.fd_arg != NO_ARG) {
		if (desc->properties & SYSCALL_RETURNS_ADDRESS)
			plan.op = FILE_OP_map;
		plan.known = true;
	}
	return plan;
}

struct uses *uses_new(const struct trace_meta *meta)
{
	struct uses *uses = xcalloc(1, sizeof(*uses));

	for (size_t t = 0; t < meta->table_count; t++) {
		const struct syscall_table *table = &meta->tables[t];

		if (!table->abi || table->abi >= SYSCALL_ABI_MAX)
			continue;
		if (!uses->abis[table->abi])
			uses->abis[table->abi] = xcalloc(DIRECT_NR_LIMIT, sizeof(**uses->abis));
		for (size_t i = 0; i < table->count; i++)
			if (table->calls[i].nr < DIRECT_NR_LIMIT)
				uses->abis[table->abi][table->calls[i].nr] =
					plan_of(&table->calls[i]);
	}
	return uses;
}

void uses_free(struct uses *uses)
{
	if (!uses)
		return;
	for (size_t i = 0; i < SYSCALL_ABI_MAX; i++)
		free(uses->abis[i]);
	free(uses);
}

static const struct plan *find_plan(const struct uses *uses, u8 abi, u32 nr)
{
	if (abi == SYSCALL_ABI_X32)
		nr &= ~X32_BIT;
	if (abi >= SYSCALL_ABI_MAX || !uses->abis[abi] || nr >= DIRECT_NR_LIMIT ||
	    !uses->abis[abi][nr].known)
		return NULL;
	return &uses->abis[abi][nr];
}

/* The lengths of messages: their sum stands first. */
static u64 message_bytes(const struct trc_syscall *record)
{
	const struct trc_item *item = NULL;
	u64 sum = 0;

	while ((item = record_item_next(&record->head, &item)))
		if (item->type == TRC_TYPE_u64s && item->len >= sizeof(sum)) {
			memcpy(&sum, trc_item_data(item), sizeof(sum));
			return sum;
		}
	return 0;
}

static void add(struct uses *uses, u8 op, s32 fd, struct open_file *file, u64 bytes)
{
	if (fd >= 0 || op == FILE_OP_open)
		uses->list[uses->count++] =
			(struct file_use){ .op = op, .fd = fd, .file = file, .bytes = bytes };
}

static void uses_of_call(struct uses *uses, struct thread *thread, const struct trc_syscall *record)
{
	const struct plan *plan = find_plan(uses, record->abi, record->nr);
	bool good = record->state == TRC_SYSCALL_COMPLETE && record->ret >= 0;
	u64 bytes = 0;
	s32 fd;

	if (!plan || record->state == TRC_SYSCALL_NO_ENTER)
		return;
	if (plan->fd_arg == NO_ARG) {
		fd = good ? (s32)record->ret : -1;
		add(uses, plan->op, fd, good ? thread_fd(thread, fd) : NULL, 0);
		return;
	}
	if (good && (plan->op == FILE_OP_read || plan->op == FILE_OP_write))
		bytes = plan->sums ? message_bytes(record) : (u64)record->ret;
	fd = (s32)syscall_arg(record, plan->fd_arg);
	add(uses, plan->op, fd, thread_fd(thread, fd), bytes);
	if (plan->fd_arg2 == NO_ARG)
		return;
	fd = (s32)syscall_arg(record, plan->fd_arg2);
	add(uses, plan->op2, fd, thread_fd(thread, fd), bytes);
}

/* IORING_OP_* */
static u8 uring_op(u32 op)
{
	switch (op) {
	case 1:	 /* readv */
	case 4:	 /* read_fixed */
	case 10: /* recvmsg */
	case 22: /* read */
	case 27: /* recv */
		return FILE_OP_read;
	case 2:	 /* writev */
	case 5:	 /* write_fixed */
	case 9:	 /* sendmsg */
	case 23: /* write */
	case 26: /* send */
		return FILE_OP_write;
	case 3: /* fsync */
	case 8: /* sync_file_range */
		return FILE_OP_sync;
	case 13:
		return FILE_OP_accept;
	case 16:
		return FILE_OP_connect;
	}
	return FILE_OP_other;
}

static void uses_of_request(struct uses *uses, struct thread *thread,
			    const struct trc_uring_complete *record)
{
	u8 op = uring_op(record->op);
	bool moves = op == FILE_OP_read || op == FILE_OP_write;

	if (record->fd >= 0)
		add(uses, op, record->fd, thread_fd(thread, record->fd),
		    moves && record->res > 0 ? (u64)record->res : 0);
}

size_t model_uses(struct model *model, struct thread *thread, const struct event *event,
		  const struct file_use **ret_uses)
{
	struct uses *uses = model->fds ? model->fds->uses : NULL;

	if (!uses || !thread)
		return 0;
	if (!model->fds->uses_known) {
		model->fds->uses_known = true;
		uses->count = 0;
		if (event->kind_id == TRC_KIND_syscall)
			uses_of_call(uses, thread, (const struct trc_syscall *)event->record);
		else if (event->kind_id == TRC_KIND_uring_complete)
			uses_of_request(uses, thread,
					(const struct trc_uring_complete *)event->record);
	}
	*ret_uses = uses->list;
	return uses->count;
}
