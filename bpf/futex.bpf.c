/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Futexes: one record per operation, when its call returns, with the identity of the futex.
 *
 * A futex is where it lies, as the kernel's own hash has it: in an address space at an address, or, in memory that is
 * mapped shared, in a file at an offset. Of a call that says "private" the kernel takes the first without a look.
 */
#include "bpf/call.bpf.h"
#include "bpf/core.bpf.h"
#include "bpf/hooks.bpf.h"

#define OP_PRIVATE  128
#define OP_REALTIME 256
#define OP_WAITV    128
#define OP_OTHER    255
#define VM_MAYSHARE 0x80
#define EINTR	    4
#define EAGAIN	    11
#define ETIMEDOUT   110
#define WAITV_MAX   128

/* FUTEX_* */
enum futex_op {
	OP_WAIT,
	OP_WAKE,
	OP_FD,
	OP_REQUEUE,
	OP_CMP_REQUEUE,
	OP_WAKE_OP,
	OP_LOCK_PI,
	OP_UNLOCK_PI,
	OP_TRYLOCK_PI,
	OP_WAIT_BITSET,
	OP_WAKE_BITSET,
	OP_WAIT_REQUEUE_PI,
	OP_CMP_REQUEUE_PI,
	OP_LOCK_PI2,
};

#define BIT(op)	  (1u << (op))
#define OPS_KNOWN (BIT(OP_LOCK_PI2 + 1) - 1 - BIT(OP_FD))
#define OPS_WAIT                                                                                   \
	(BIT(OP_WAIT) | BIT(OP_LOCK_PI) | BIT(OP_WAIT_BITSET) | BIT(OP_WAIT_REQUEUE_PI) |          \
	 BIT(OP_LOCK_PI2))
#define OPS_PI (BIT(OP_LOCK_PI) | BIT(OP_UNLOCK_PI) | BIT(OP_TRYLOCK_PI) | BIT(OP_LOCK_PI2))
/* The fourth argument is a second count. */
#define OPS_COUNT2                                                                                 \
	(BIT(OP_REQUEUE) | BIT(OP_CMP_REQUEUE) | BIT(OP_WAKE_OP) | BIT(OP_CMP_REQUEUE_PI))
#define OPS_SECOND (OPS_COUNT2 | BIT(OP_WAIT_REQUEUE_PI))
/* The last argument means something. */
#define OPS_VALUE3                                                                                 \
	(BIT(OP_CMP_REQUEUE) | BIT(OP_WAKE_OP) | BIT(OP_WAIT_BITSET) | BIT(OP_WAKE_BITSET) |       \
	 BIT(OP_CMP_REQUEUE_PI))

/* struct futex_waitv of linux/futex.h, the same in every ABI */
struct futex_entry {
	u64 value;
	u64 address;
	u32 flags;
	u32 zero;
};

struct place {
	u64 address;
	u64 object, offset;
	u32 device;
	u32 flags; /* TRC_FUTEX_PRIVATE, TRC_FUTEX_IN_FILE, TRC_FUTEX_UNKNOWN */
};

struct place_pair {
	struct place first, second;
};

/*
 * Where all futexes of a call that says "private" lie, and all that are not found in a file.
 *
 * The object is an id that its threads share, and that fork and exec change. Where the kernel does not number address
 * spaces it is made of where the kernel keeps this one, unique among those alive, and of its random stack; not to be
 * undone.
 */
static __always_inline void place_in_space(struct place *place, struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	const u64 odd = 0x9e3779b97f4a7c15ull;

	/* Before 6.16 a dying task has given it up already. */
	if (!mm)
		mm = BPF_CORE_READ(task, active_mm);
	if (bpf_core_field_exists(mm->context.ctx_id))
		place->object = BPF_CORE_READ(mm, context.ctx_id);
	else
		place->object =
			((u64)mm * odd >> 32 << 32) | BPF_CORE_READ(mm, start_stack) * odd >> 32;
	place->offset = 0;
	place->device = 0;
}

static long look_at_area(struct task_struct *task, struct vm_area_struct *area, struct place *place)
{
	struct file *file = BPF_CORE_READ(area, vm_file);

	/* Also of shared anonymous memory, which is a file without a name. */
	if (!(area->vm_flags & VM_MAYSHARE) || !file)
		return 0;
	place->flags = TRC_FUTEX_IN_FILE;
	place->object = BPF_CORE_READ(file, f_inode, i_ino);
	place->device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	place->offset = place->address - area->vm_start + area->vm_pgoff * page_size;
	return 0;
}

/* Completes a place of which address and TRC_FUTEX_PRIVATE are known, in the memory of the current task. */
__noinline int futex_find(struct place *place)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct place found; /* what the callback gets must lie on our own stack */

	if (!place)
		return 0;
	found = *place;
	place_in_space(&found, task);
	if (!(found.flags & TRC_FUTEX_PRIVATE) &&
	    (!finds_vma || bpf_find_vma(task, found.address, look_at_area, &found, 0))) {
		found.object = 0;
		found.flags = TRC_FUTEX_UNKNOWN;
	}
	*place = found;
	return 0;
}

static __always_inline u32 private_flag(u64 flags)
{
	return flags & OP_PRIVATE ? TRC_FUTEX_PRIVATE : 0;
}

static __always_inline void decode_old_call(const struct trc_syscall *call, struct trc_futex *event,
					    struct place_pair *places)
{
	u32 op = call->arg1 & ~(OP_PRIVATE | OP_REALTIME), bit = op < 32 ? BIT(op) : 0;

	event->op = bit & OPS_KNOWN ? op : OP_OTHER;
	if (!(bit & OPS_PI))
		event->value = call->arg2;
	if ((bit & OPS_WAIT) && call->arg3)
		event->flags = TRC_FUTEX_TIMED;
	/* FUTEX_LOCK_PI knows no other clock. */
	if (event->flags && ((call->arg1 & OP_REALTIME) || op == OP_LOCK_PI))
		event->flags |= TRC_FUTEX_REALTIME;
	if (bit & OPS_COUNT2)
		event->value2 = call->arg3;
	if (bit & OPS_VALUE3)
		event->value3 = call->arg5;
	if (bit & OPS_SECOND)
		places->second.address = call->arg4;
	places->first.flags = places->second.flags = private_flag(call->arg1);
}

static __always_inline void set_timeout(struct trc_futex *event, u64 timeout, u64 clock)
{
	if (timeout)
		event->flags = TRC_FUTEX_TIMED | (clock ? 0 : TRC_FUTEX_REALTIME);
}

static __always_inline void decode_new_call(const struct trc_syscall *call, struct trc_futex *event,
					    struct place_pair *places)
{
	struct futex_entry entries[2] = {};

	places->first.flags = private_flag(call->arg3);
	switch (event->call) {
	case FUTEX_CALL_WAIT:
		event->op = OP_WAIT_BITSET;
		event->value = call->arg1;
		event->value3 = call->arg2;
		set_timeout(event, call->arg4, call->arg5);
		break;
	case FUTEX_CALL_WAKE:
		event->op = OP_WAKE_BITSET;
		event->value = call->arg2;
		event->value3 = call->arg1;
		break;
	case FUTEX_CALL_WAITV:
		event->op = OP_WAITV;
		event->value = call->arg1;
		set_timeout(event, call->arg3, call->arg4);
		/* The place is that of the list, which lies in memory like any other data. */
		places->first.flags = TRC_FUTEX_PRIVATE;
		break;
	case FUTEX_CALL_REQUEUE:
		/* Never waits: it is seen to return, by the task itself. */
		bpf_probe_read_user(entries, sizeof(entries), (void *)call->arg0);
		event->op = OP_CMP_REQUEUE;
		event->value = call->arg2;
		event->value2 = call->arg3;
		event->value3 = entries[0].value;
		places->first.address = entries[0].address;
		places->first.flags = private_flag(entries[0].flags);
		places->second.address = entries[1].address;
		places->second.flags = private_flag(entries[1].flags);
	}
}

/* What the arguments say. */
__noinline int futex_decode(struct task_state *state, struct trc_futex *event,
			    struct place_pair *places)
{
	struct syscall_spec *spec;
	u32 index;

	if (!state || !event || !places)
		return 0;
	index = state->spec_index;
	spec = bpf_map_lookup_elem(&specs, &index);
	if (!spec)
		return 0;
	places->first.address = state->call.arg0;
	event->call = spec->futex;
	if (event->call == FUTEX_CALL_FUTEX)
		decode_old_call(&state->call, event, places);
	else
		decode_new_call(&state->call, event, places);
	return 0;
}

static __always_inline u8 outcome_of(u8 op, s64 ret)
{
	if (ret >= 0)
		return op == OP_WAITV || (op < 32 && (BIT(op) & OPS_WAIT)) ? TRC_FUTEX_WOKEN
									   : TRC_FUTEX_DONE;
	if (ret == -ETIMEDOUT)
		return TRC_FUTEX_TIMEOUT;
	if (ret == -EINTR || is_restart(ret))
		return TRC_FUTEX_SIGNAL;
	return ret == -EAGAIN ? TRC_FUTEX_AGAIN : TRC_FUTEX_ERROR;
}

#define WORDS_UP_TO(field) ((offsetof(struct trc_futex, field) + 8) / 8)

/* The record ends with the last word that means something. */
static __always_inline u32 words_of(const struct trc_futex *event)
{
	if (event->address2)
		return sizeof(*event) / 8;
	if (event->flags & TRC_FUTEX_IN_FILE)
		return WORDS_UP_TO(device);
	return event->value2 || event->value3 ? WORDS_UP_TO(value2) : WORDS_UP_TO(object);
}

static __always_inline void send_futex(struct task_struct *task, struct task_state *state,
				       struct trc_futex *event, const struct place_pair *places,
				       u64 now)
{
	u32 words;

	event->duration_ns = now - state->call.head.ts;
	event->flags |= places->first.flags;
	event->address = places->first.address;
	event->object = places->first.object;
	event->offset = places->first.offset;
	event->device = places->first.device;
	if (places->second.address) {
		event->flags |= (places->second.flags & ~TRC_FUTEX_PRIVATE)
				<< TRC_FUTEX_SECOND_SHIFT;
		event->address2 = places->second.address;
		event->object2 = places->second.object;
		event->offset2 = places->second.offset;
		event->device2 = places->second.device;
	}
	words = words_of(event);
	head_fill(&event->head, task, TRC_KIND_futex, words, now);
	words *= 8;
	barrier_var(words);
	if (words <= sizeof(*event))
		record_send(event, words, TRC_KIND_futex, now);
}

/* One of a waitv's list. Global, so that the verifier looks at it once, and not at each combination. */
__noinline int futex_waiter(struct task_state *state, u32 index, u32 outcome, s64 ret, u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_futex_waiter event = {};
	struct futex_entry entry;
	struct place place = {};

	if (!state || bpf_probe_read_user(&entry, sizeof(entry),
					  (void *)(state->call.arg0 + index * sizeof(entry))))
		return 0;
	place.address = entry.address;
	place.flags = private_flag(entry.flags);
	futex_find(&place);
	head_fill(&event.head, task, TRC_KIND_futex_waiter, sizeof(event) / 8, now);
	event.index = index;
	event.outcome = outcome == TRC_FUTEX_WOKEN && index != ret ? TRC_FUTEX_DONE : outcome;
	event.flags = place.flags;
	event.value = entry.value;
	event.address = entry.address;
	event.duration_ns = now - state->call.head.ts;
	event.object = place.object;
	event.offset = place.offset;
	event.device = place.device;
	record_send(&event, sizeof(event), TRC_KIND_futex_waiter, now);
	return 0;
}

/* How it ended; UNFINISHED for one that was killed. */
static __always_inline u8 outcome_now(u8 op, s64 *ret)
{
	if (is_restart(*ret) && is_being_killed(bpf_get_current_task_btf())) {
		*ret = 0;
		return TRC_FUTEX_UNFINISHED;
	}
	return outcome_of(op, *ret);
}

/* The list of a waitv. Not called by futex_returned(): before Linux 6.10 their frames together would be too large. */
__noinline int futex_waiters(struct task_state *state, s64 ret, u64 now)
{
	u32 count, outcome = outcome_now(OP_WAITV, &ret);

	if (!state)
		return 0;
	count = (u32)state->call.arg1;
	for (u32 i = 0; i < WAITV_MAX && i < count; i++)
		futex_waiter(state, i, outcome, ret, now);
	return 0;
}

/* A call that works on futexes returns; or it was killed, and never does. */
__noinline int futex_returned(struct task_state *state, s64 ret, u64 now)
{
	struct place_pair places = {};
	struct trc_futex event = {};

	if (!state)
		return 0;
	futex_decode(state, &event, &places);
	futex_find(&places.first);
	if (places.second.address)
		futex_find(&places.second);
	event.outcome = outcome_now(event.op, &ret);
	event.ret = ret;
	send_futex(bpf_get_current_task_btf(), state, &event, &places, now);
	return 0;
}

/* At the end of a recording: who still waits. Memory of others may go away: no look at what is mapped there. */
SEC("iter/task")
int futex_unfinished(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct place_pair places = {};
	struct trc_futex event = {};
	struct task_state *state;

	if (!task)
		return 0;
	state = task_state(task);
	if (!state || state->phase != PHASE_INSIDE || !(state->interest & INTEREST_FUTEX))
		return 0;
	futex_decode(state, &event, &places);
	if (places.first.flags & TRC_FUTEX_PRIVATE)
		place_in_space(&places.first, task);
	else
		places.first.flags = TRC_FUTEX_UNKNOWN;
	event.outcome = TRC_FUTEX_UNFINISHED;
	send_futex(task, state, &event, &places, control.end_ns);
	return 0;
}
