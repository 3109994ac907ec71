/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which calls are sent, beyond the choice by number: by result, errno, duration, path, the caller's name. What a filter rejects is left out, or hidden where names depend on it.
 */
#pragma once

#include "bpf/core.bpf.h"
#include "bpf/path.bpf.h"
#include "bpf/sample.bpf.h"

const volatile struct call_filter call_filter __weak = {};
#define FILTER_OF_RESULT                                                                           \
	(FILTER_FAILED | FILTER_SUCCESSFUL | FILTER_ERRNO | FILTER_DURATION | FILTER_PATH)

struct filter_scratch {
	struct path_buffer path;
	u64 text[FILTER_PATH_WORDS +
		 1]; /* behind the path, whose end is read with what follows it */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct filter_scratch);
} filter_scratch __weak SEC(".maps");

static __always_inline bool filters(u64 flags)
{
	return call_filter.flags & flags;
}

static __always_inline bool is_error(s64 ret)
{
	return ret < 0 && ret >= -4095;
}

/* --- comm */

static __always_inline bool filter_comm(struct task_struct *task)
{
	u64 places = call_filter.first;
	char comm[16];

	__builtin_memcpy(comm, task->comm, sizeof(comm));
	for (int i = 0; i < 16; i++) {
		u8 c = comm[i];

		if (!c)
			break;
		places = ((places & call_filter.accepts[c]) << 1) | (places & call_filter.loops);
	}
	return places & call_filter.last;
}

/* --- paths */

static __always_inline struct filter_scratch *filter_scratch_get(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&filter_scratch, &zero);
}

/* Does the text in the scratch, `len` bytes before it was cut there, name what the prefix names, or something under it? */
__noinline __weak int filter_text(struct filter_scratch *scratch, u32 len)
{
	u64 different = 0, prefix_len = call_filter.path_len;

	if (!scratch || len < prefix_len)
		return false;
#pragma unroll
	for (u32 i = 0; i < FILTER_PATH_WORDS; i++)
		different |= (scratch->text[i] ^ call_filter.path[i]) & call_filter.path_mask[i];
	if (different)
		return false;
	if (len == prefix_len || !prefix_len || prefix_len > FILTER_PATH_WORDS * 8)
		return true;
	return ((char *)scratch->text)[prefix_len] == '/' ||
	       ((char *)scratch->text)[prefix_len - 1] == '/';
}

/* Is the file behind the descriptor the prefix, or under it? By the path that the kernel walks now. */
__noinline __weak int filter_fd(u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct filter_scratch *scratch;
	struct fdtable *table;
	struct file **files, *file = NULL;
	u32 start;
	u64 root;

	scratch = filter_scratch_get();
	table = BPF_CORE_READ(task, files, fdt);
	if (!scratch || !table || fd >= BPF_CORE_READ(table, max_fds))
		return false;
	files = BPF_CORE_READ(table, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return false;
	root = (u64)BPF_CORE_READ(task, fs) + bpf_core_field_offset(struct fs_struct, root);
	start = path_walk(&scratch->path, (u64)file + bpf_core_field_offset(struct file, f_path),
			  root);
	if (start > PATH_BYTES)
		return false;
	if (bpf_probe_read_kernel(scratch->text, sizeof(scratch->text),
				  scratch->path.bytes + (start & (PATH_BYTES - 1))))
		return false;
	return filter_text(scratch, PATH_BYTES - start);
}

/* At entry: descriptors, before the call may close them. */
static __always_inline bool filter_fd_args(const struct trc_syscall *call, u32 fd_args)
{
	const u64 *args = &call->arg0;

	for (u32 i = 0; i < 6; i++)
		if (fd_args & (1 << i) && filter_fd(args[i]))
			return true;
	return false;
}

/* --- results */

static __always_inline bool filter_errno(s64 ret)
{
	u64 number = -ret;

	return is_error(ret) && number < FILTER_ERRNOS &&
	       call_filter.errnos[number / 64] >> (number & 63) & 1;
}

/* A call without a result fits no filter of results. */
static __always_inline bool filter_result(const struct task_state *state, s64 ret, u8 call_state,
					  u64 duration_ns)
{
	bool returned = call_state != TRC_SYSCALL_UNFINISHED;

	if (filters(FILTER_FAILED) && !(returned && is_error(ret)))
		return false;
	if (filters(FILTER_SUCCESSFUL) && !(returned && !is_error(ret)))
		return false;
	if (filters(FILTER_ERRNO) && !(returned && filter_errno(ret)))
		return false;
	if (filters(FILTER_DURATION) &&
	    (call_state == TRC_SYSCALL_NO_ENTER || duration_ns < call_filter.min_duration_ns))
		return false;
	return !filters(FILTER_PATH) || state->notes & NOTE_PATH;
}

/*
 * When a call is about to be sent: false to leave it out. It may become hidden. The task may be another than the
 * current one.
 */
static __always_inline bool call_wanted(struct task_struct *task, struct task_state *state, s64 ret,
					u8 call_state, u64 now, u64 duration_ns)
{
	if (state->call.flags & TRC_CALL_HIDDEN)
		return true;
	if (filters(FILTER_OF_RESULT) && !filter_result(state, ret, call_state, duration_ns))
		goto unwanted;
	/* A call that did not return is not among those that can be counted with a duration. */
	if (!sampling || !(state->notes & NOTE_COUNTED) || call_state != TRC_SYSCALL_COMPLETE ||
	    !sample_count(task, state, is_error(ret), duration_ns, now))
		return true;
unwanted:
	state->call.flags |= 1;
	return state->notes & NOTE_KEPT;
}
