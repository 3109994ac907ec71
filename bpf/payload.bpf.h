/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading what an argument points to, and writing it as items behind the record.
 *
 * A task's tail holds a copy of the record's words first and the items behind them, so that one copy sends both.
 * Functions that read are global, so that the verifier looks at each once. They return false if the memory could not
 * be read; on the last try an unreadable item is written then.
 *
 * record/ptrace_capture.c compiles this, too: there the readers of user memory are its own.
 */
#pragma once

#ifdef __bpf__
#include "bpf/core.bpf.h"
#endif

#define STRV_ENTRIES_MAX   64
#define STRV_STRING_MAX	   512
#define STRV_BYTES_MAX	   4096
#define LENGTHS_STRIDE	   32
#define LENGTHS_SUMMED	   1024 /* UIO_MAXIOV: the kernel takes no more */
#define VECTORS_READ_MAX   8
#define LENGTHS_KEPT	   8
#define DATA_BYTES_MAX	   4096
#define RECORDS_STRIDE	   37 /* its square: the shortest names that fill what libc reads at once */
#define SOCKADDR_BYTES_MAX 128 /* sizeof(struct sockaddr_storage) */
#define CONTROL_BYTES_MAX  256
#define MORE_UNKNOWN	   65535

#ifdef __bpf__
/* Layouts by the bound of a struct, for struct pick; set before the load. */
const volatile struct pick picks[PICK_LAYOUTS] __weak = {};
#endif

/* Of a 32-bit or x32 caller's structs. */
static __always_inline u32 pointer_size(const struct task_state *state)
{
	return state->spec_index < SPEC_PER_ABI ? 8 : 4;
}

static __always_inline u64 read_long(const struct task_state *state, u64 addr, long *err)
{
	u64 value = 0;

	*err = bpf_probe_read_user(&value, pointer_size(state) == 4 ? 4 : 8, (void *)addr);
	return value;
}

/* Zeroes what a string left behind its end in its last word, so that nothing old is sent. */
static __always_inline void pad_word(struct task_tail *tail, u32 end)
{
	u32 rest = end & 7, index = end >> 3;
	u64 mask;

	if (!rest)
		return;
	if (index >= sizeof(tail->words) / 8)
		return;
	barrier_var(index);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	mask = (1ull << (rest * 8)) - 1;
#else
	mask = ~0ull << (64 - rest * 8);
#endif
	tail->words[index] &= mask;
}

/* Where the next item begins; 0 if there is no room, which the record then says. */
static __always_inline u32 item_start(struct task_state *state)
{
	u32 off = state->tail_end;

	if (off && off <= TAIL_START_MAX && !(off & 7)) {
		barrier_var(off); /* item_bytes() asks once more, for the verifier */
		return off;
	}
	state->call.head.flags |= TRC_FLAG_TRUNCATED;
	return 0;
}

/* The same, and where the item's bytes go; NULL if there is no room. */
static __always_inline void *item_bytes(struct task_tail *tail, struct task_state *state,
					u32 *ret_off)
{
	u32 off = item_start(state);

	if (!off || off > TAIL_START_MAX)
		return NULL;
	barrier_var(off);
	*ret_off = off;
	return (void *)tail + off + sizeof(struct trc_item);
}

/* Writes the head of the item at `off`, whose `len` bytes stand behind it. */
static __always_inline void item_end(struct task_tail *tail, struct task_state *state, u32 off,
				     u8 field, u8 type, u8 item_state, u32 len, u32 more)
{
	struct trc_item *item;

	barrier_var(off); /* or the compiler leaves the check out that the verifier wants to see */
	if (off > TAIL_START_MAX)
		return;
	item = (void *)tail + off;
	item->field = field;
	item->type = type;
	item->state = item_state;
	item->zero = 0;
	item->len = len;
	item->more = more < MORE_UNKNOWN ? more : MORE_UNKNOWN;
	pad_word(tail, off + sizeof(*item) + len);
	state->tail_end = (off + sizeof(*item) + len + 7) & ~7;
	state->call.items++;
}

/* What could not be read: false, unless it is the last try. */
static __always_inline int item_unreadable(struct task_tail *tail, struct task_state *state,
					   u32 off, u8 field, u8 type)
{
	if (!state->last_try)
		return false;
	item_end(tail, state, off, field, type, TRC_ITEM_UNREADABLE, 0, 0);
	return true;
}

struct strv_walk {
	u64 addr; /* of the next pointer */
	u32 pointer_bytes;
	u32 at;	  /* where the next string goes, behind the tail's start */
	u32 room; /* more strings are read as long as there is some */
};

enum { STRV_NEXT, STRV_END, STRV_FULL, STRV_UNREADABLE };

/* Reads one string. Global, as all that a loop takes in turns: see path.bpf.h. */
__noinline __weak int read_strv_entry(struct task_tail *tail, struct strv_walk *walk)
{
	u64 string = 0;
	u32 at;
	long n;

	if (!tail || !walk ||
	    bpf_probe_read_user(&string, walk->pointer_bytes == 4 ? 4 : 8, (void *)walk->addr))
		return STRV_UNREADABLE;
	if (!string)
		return STRV_END;
	at = walk->at;
	if (!walk->room || at > TAIL_START_MAX + STRV_BYTES_MAX)
		return STRV_FULL;
	barrier_var(at);
	n = bpf_probe_read_user_str((void *)tail + at, STRV_STRING_MAX, (void *)string);
	if (n < 0)
		return STRV_UNREADABLE;
	walk->addr += walk->pointer_bytes;
	walk->at += n;
	walk->room = n < walk->room ? walk->room - n : 0;
	/* Cut, most likely: the item ends here. */
	return n == STRV_STRING_MAX ? STRV_FULL : STRV_NEXT;
}

#define STRV_CUT 65536

/* All that pointers from `addr` on name: the bytes, + STRV_CUT if there are more; -1 - bytes: what comes then is unreadable. */
__noinline __weak int read_strv(struct task_tail *tail, u32 at, u64 addr, u32 limit,
				u32 pointer_bytes)
{
	const u32 room = STRV_BYTES_MAX - STRV_STRING_MAX + 1;
	struct strv_walk walk = { .addr = addr,
				  .pointer_bytes = pointer_bytes,
				  .at = at,
				  .room = limit < room ? limit : room };

	for (int i = 0; i < STRV_ENTRIES_MAX; i++) {
		int step = read_strv_entry(tail, &walk);

		if (step == STRV_UNREADABLE)
			return -1 - (walk.at - at);
		if (step == STRV_FULL)
			break;
		if (step != STRV_NEXT)
			return walk.at - at;
	}
	return walk.at - at + STRV_CUT;
}

/*
 * Changes no length that was compared with TAIL_ITEM_MAX: it tells the verifier, which on Linux 6.1 does not carry the
 * outcome of a comparison over to a copy of a 32-bit register.
 */
#define ITEM_MASK 8191
_Static_assert(TAIL_START_MAX + sizeof(struct trc_item) + ITEM_MASK + 2 <= sizeof(struct task_tail),
	       "what the mask lets through has room");

/* Strings and plain bytes: `want` of them, at most `limit` of the capture. */
__noinline __weak int capture_item(struct task_tail *tail, struct task_state *state,
				   const struct capture *capture, u64 addr, u64 want)
{
	u8 how, item_state = TRC_ITEM_WHOLE;
	u32 off, limit;
	u16 more = 0;
	void *data;
	long n;

	if (!tail || !state || !capture)
		return true;
	data = item_bytes(tail, state, &off);
	if (!data)
		return true;
	limit = capture->limit;
	how = capture->how;
	if (how == CAPTURE_STR || how == CAPTURE_KERNEL_STR) {
		if (limit > TAIL_ITEM_MAX - 8)
			limit = TAIL_ITEM_MAX - 8;
		barrier_var(limit);
		limit &= ITEM_MASK;
		/* One byte for the NUL and one to tell a string of just `limit` bytes from a longer one. */
		n = how == CAPTURE_STR ? bpf_probe_read_user_str(data, limit + 2, (void *)addr)
				       : bpf_probe_read_kernel_str(data, limit + 2, (void *)addr);
		if (n > 0)
			n--;
		if (n > (long)limit) {
			n = limit;
			item_state = TRC_ITEM_TRUNCATED;
			more = MORE_UNKNOWN;
		}
	} else if (how == CAPTURE_STRV) {
		n = read_strv(tail, off + sizeof(struct trc_item), addr, limit,
			      pointer_size(state));
		if (n < -1 && state->last_try)
			n = STRV_CUT - 1 - n;
		if (n >= STRV_CUT) {
			n -= STRV_CUT;
			item_state = TRC_ITEM_TRUNCATED;
			more = MORE_UNKNOWN;
		}
		if (n > STRV_BYTES_MAX)
			n = STRV_BYTES_MAX;
	} else {
		u32 size = want;

		if (want > limit) {
			size = limit;
			item_state = TRC_ITEM_TRUNCATED;
			more = want - limit < MORE_UNKNOWN ? want - limit : MORE_UNKNOWN;
		}
		if (size > TAIL_ITEM_MAX)
			size = TAIL_ITEM_MAX;
		barrier_var(size);
		size &= ITEM_MASK;
		n = bpf_probe_read_user(data, size, (void *)addr);
		if (!n)
			n = size;
		/* getcwd counts the NUL, readlink has none; strings carry none. */
		if (n > 0 && capture->type == TRC_TYPE_str) {
			u32 end = n - 1;

			if (end < TAIL_ITEM_MAX && !((u8 *)data)[end])
				n--;
		}
	}
	if (n < 0)
		return item_unreadable(tail, state, off, capture->arg, capture->type);
	item_end(tail, state, off, capture->arg, capture->type, item_state, n, more);
	return true;
}

#include "bpf/payload_vectors.bpf.h"

/* --- msghdr: seven fields of a pointer's size each, the second and the last are ints in it */

enum message_field {
	MESSAGE_NAME,
	MESSAGE_NAME_BYTES,
	MESSAGE_VECTOR,
	MESSAGE_COUNT,
	MESSAGE_CONTROL,
	MESSAGE_CONTROL_BYTES,
	MESSAGE_FLAGS,
	MESSAGE_FIELDS,
};

static __always_inline long read_message(const struct task_state *state, u64 addr, u64 *fields)
{
	long err;

	if (pointer_size(state) == 4) {
		u32 narrow[MESSAGE_FIELDS];

		/* Not the helper's own answer: before Linux 6.8 the verifier forgets that it was not 0. */
		if (bpf_probe_read_user(narrow, sizeof(narrow), (void *)addr))
			return -1;
		for (int i = 0; i < MESSAGE_FIELDS; i++)
			fields[i] = narrow[i];
		return 0;
	}
	err = bpf_probe_read_user(fields, MESSAGE_FIELDS * 8, (void *)addr);
	fields[MESSAGE_NAME_BYTES] = (u32)fields[MESSAGE_NAME_BYTES];
	fields[MESSAGE_FLAGS] = (u32)fields[MESSAGE_FLAGS];
	return err;
}

/* u32s: bytes of the name, bytes of control messages, flags. */
__noinline __weak int capture_message_head(struct task_tail *tail, struct task_state *state,
					   u32 arg, u64 sizes, u64 flags)
{
	u32 off, *words;

	if (!tail || !state)
		return true;
	words = item_bytes(tail, state, &off);
	if (!words)
		return true;
	words[0] = sizes;
	words[1] = sizes >> 32;
	words[2] = flags;
	item_end(tail, state, off, arg, TRC_TYPE_u32s, TRC_ITEM_WHOLE, 12, 0);
	return true;
}

/*
 * The items of a msghdr: what capture_message_head() writes, the iovecs' lengths, name and control messages. `out`: the
 * kernel has filled it; there was room for state->out_bytes of the name.
 */
__noinline __weak int capture_message(struct task_tail *tail, struct task_state *state, u32 arg,
				      u64 addr, u32 out)
{
	struct capture name = { .arg = arg,
				.how = CAPTURE_FIXED_IN,
				.type = TRC_TYPE_sockaddr,
				.limit = SOCKADDR_BYTES_MAX };
	struct capture control = { .arg = arg,
				   .how = CAPTURE_FIXED_IN,
				   .type = TRC_TYPE_cmsgs,
				   .limit = CONTROL_BYTES_MAX };
	u64 fields[MESSAGE_FIELDS];
	u32 off;

	if (!tail || !state)
		return true;
	if (read_message(state, addr, fields)) {
		off = item_start(state);
		return !off || item_unreadable(tail, state, off, arg, TRC_TYPE_u32s);
	}
	capture_message_head(tail, state, arg,
			     fields[MESSAGE_NAME_BYTES] | fields[MESSAGE_CONTROL_BYTES] << 32,
			     fields[MESSAGE_FLAGS]);
	/* What cannot be read behind the header is not tried again: the header's items would come twice. */
	state->last_try = 1;
	capture_lengths(tail, state, LENGTHS_OF_VECTOR | arg << 8, fields[MESSAGE_VECTOR],
			fields[MESSAGE_COUNT]);
	if (out && fields[MESSAGE_NAME_BYTES] > state->out_bytes)
		fields[MESSAGE_NAME_BYTES] = state->out_bytes;
	if (fields[MESSAGE_NAME] && fields[MESSAGE_NAME_BYTES])
		capture_item(tail, state, &name, fields[MESSAGE_NAME], fields[MESSAGE_NAME_BYTES]);
	if (fields[MESSAGE_CONTROL] && fields[MESSAGE_CONTROL_BYTES])
		capture_item(tail, state, &control, fields[MESSAGE_CONTROL],
			     fields[MESSAGE_CONTROL_BYTES]);
	if (!out)
		state->last_try = 0;
	return true;
}

__noinline __weak int capture_message_data(struct task_tail *tail, struct task_state *state,
					   const struct capture *capture, u64 addr, u64 want)
{
	u64 fields[MESSAGE_FIELDS];

	if (!tail || !state || !capture)
		return true;
	if (read_message(state, addr, fields))
		return state->last_try; /* an unreadable head says so already */
	return capture_vector_data(tail, state,
				   VECTOR_DATA(capture->arg, capture->limit, fields[MESSAGE_COUNT]),
				   fields[MESSAGE_VECTOR], want);
}

/* mmsghdrs: what each sent or received, and the name in the first. */
__noinline __weak int capture_messages(struct task_tail *tail, struct task_state *state, u32 arg,
				       u64 addr, u64 count)
{
	struct capture name = { .arg = arg,
				.how = CAPTURE_FIXED_IN,
				.type = TRC_TYPE_sockaddr,
				.limit = SOCKADDR_BYTES_MAX };
	u64 fields[MESSAGE_FIELDS];

	if (!tail || !state)
		return true;
	capture_lengths(tail, state, LENGTHS_OF_MESSAGES | arg << 8, addr, count);
	if (!read_message(state, addr, fields) && fields[MESSAGE_NAME] &&
	    fields[MESSAGE_NAME_BYTES])
		capture_item(tail, state, &name, fields[MESSAGE_NAME], fields[MESSAGE_NAME_BYTES]);
	return true;
}

/* --- what the kernel filled, in short */

#include "bpf/payload_structs.bpf.h"
