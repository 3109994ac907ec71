/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* STATE and CLOCK. */
#include "common/trace_meta_private.h"

#include <errno.h>
#include <stdlib.h>

#include "common/alloc.h"
#include "common/trace_format.h"

static void fd_encode(struct cbor_out *out, const struct trace_state_fd *fd)
{
	cbor_out_array(out, 4);
	cbor_out_uint(out, fd->fd);
	cbor_out_uint(out, fd->flags);
	cbor_out_uint(out, fd->offset);
	cbor_out_string(out, fd->target);
}

static void task_encode(struct cbor_out *out, const struct trace_state_task *task)
{
	cbor_out_array(out, 13);
	cbor_out_uint(out, task->tid);
	cbor_out_uint(out, task->tgid);
	cbor_out_uint(out, task->ppid);
	cbor_out_uint(out, task->ns_tgid);
	cbor_out_uint(out, task->start_ns);
	cbor_out_uint(out, task->uid);
	cbor_out_uint(out, task->gid);
	cbor_out_string(out, task->comm);
	cbor_out_string(out, task->exe);
	cbor_out_string(out, task->cwd);
	cbor_out_string(out, task->cgroup);
	cbor_out_array(out, task->argc);
	for (size_t i = 0; i < task->argc; i++)
		cbor_out_string(out, task->argv[i]);
	cbor_out_array(out, task->fd_count);
	for (size_t i = 0; i < task->fd_count; i++)
		fd_encode(out, &task->fds[i]);
}

void trace_state_encode(const struct trace_state *state, u8 **ret_data, size_t *ret_len)
{
	struct cbor_out out = { 0 };

	cbor_out_map(&out, 2);
	cbor_out_uint(&out, STATE_TS);
	cbor_out_uint(&out, state->ts);
	cbor_out_uint(&out, STATE_TASKS);
	cbor_out_array(&out, state->task_count);
	for (size_t i = 0; i < state->task_count; i++)
		task_encode(&out, &state->tasks[i]);
	*ret_data = out.data;
	*ret_len = out.len;
}

static void fd_decode(struct cbor_in *in, struct trace_state_fd *fd)
{
	u64 parts = cbor_in_array(in, UINT64_MAX);

	fd->fd = cbor_in_uint(in, UINT32_MAX);
	fd->flags = cbor_in_uint(in, UINT32_MAX);
	fd->offset = cbor_in_uint(in, UINT64_MAX);
	fd->target = cbor_in_string(in, META_STRING_MAX);
	cbor_in_skip_rest(in, parts, 4);
}

static void task_decode(struct cbor_in *in, struct trace_state_task *task)
{
	u64 parts = cbor_in_array(in, UINT64_MAX), count;

	task->tid = cbor_in_uint(in, UINT32_MAX);
	task->tgid = cbor_in_uint(in, UINT32_MAX);
	task->ppid = cbor_in_uint(in, UINT32_MAX);
	task->ns_tgid = cbor_in_uint(in, UINT32_MAX);
	task->start_ns = cbor_in_uint(in, UINT64_MAX);
	task->uid = cbor_in_uint(in, UINT32_MAX);
	task->gid = cbor_in_uint(in, UINT32_MAX);
	task->comm = cbor_in_string(in, META_STRING_MAX);
	task->exe = cbor_in_string(in, META_STRING_MAX);
	task->cwd = cbor_in_string(in, META_STRING_MAX);
	task->cgroup = cbor_in_string(in, META_STRING_MAX);
	task->argv = cbor_in_strings(in, &task->argc);
	count = cbor_in_array(in, UINT64_MAX);
	task->fds = cbor_in_alloc(in, count, sizeof(*task->fds));
	if (task->fds)
		task->fd_count = count;
	for (u64 i = 0; i < count && !in->error; i++)
		fd_decode(in, &task->fds[i]);
	cbor_in_skip_rest(in, parts, 13);
}

static void tasks_decode(struct cbor_in *in, struct trace_state *state)
{
	u64 count = cbor_in_array(in, UINT64_MAX);

	if (state->tasks) {
		in->error = -EBADMSG;
		return;
	}
	state->tasks = cbor_in_alloc(in, count, sizeof(*state->tasks));
	if (state->tasks)
		state->task_count = count;
	for (u64 i = 0; i < count && !in->error; i++)
		task_decode(in, &state->tasks[i]);
}

int trace_state_decode(const u8 *data, size_t len, struct trace_state **ret_state)
{
	struct trace_state *state;
	struct cbor_in in;
	u64 count;

	if (len > TRACE_STATE_MAX)
		return -E2BIG;
	if (cbor_check(data, len))
		return -EBADMSG;
	state = xcalloc(1, sizeof(*state));
	cbor_in_init(&in, data, len, STATE_BUDGET);
	for (count = cbor_in_map(&in, UINT64_MAX); count && !in.error; count--) {
		switch (cbor_in_uint(&in, UINT64_MAX)) {
		case STATE_TS:
			state->ts = cbor_in_uint(&in, UINT64_MAX);
			break;
		case STATE_TASKS:
			tasks_decode(&in, state);
			break;
		default:
			cbor_in_skip(&in);
		}
	}
	if (in.error) {
		trace_state_free(state);
		return in.error;
	}
	*ret_state = state;
	return 0;
}

void trace_state_free(struct trace_state *state)
{
	if (!state)
		return;
	for (size_t i = 0; i < state->task_count; i++) {
		struct trace_state_task *task = &state->tasks[i];

		free(task->comm);
		free(task->exe);
		free(task->cwd);
		free(task->cgroup);
		strings_free(task->argv, task->argc);
		for (size_t j = 0; j < task->fd_count; j++)
			free(task->fds[j].target);
		free(task->fds);
	}
	free(state->tasks);
	free(state);
}

void trace_clock_encode(const struct trace_clock_sample *samples, size_t count, u8 **ret_data,
			size_t *ret_len)
{
	struct cbor_out out = { 0 };

	cbor_out_array(&out, count);
	for (size_t i = 0; i < count; i++) {
		cbor_out_array(&out, 5);
		cbor_out_uint(&out, samples[i].mono_ns);
		cbor_out_uint(&out, samples[i].boot_ns);
		cbor_out_int(&out, samples[i].real_ns);
		cbor_out_int(&out, samples[i].tai_ns);
		cbor_out_uint(&out, samples[i].width_ns);
	}
	*ret_data = out.data;
	*ret_len = out.len;
}

int trace_clock_decode(const u8 *data, size_t len, struct trace_clock_sample **ret_samples,
		       size_t *ret_count)
{
	struct trace_clock_sample *samples;
	struct cbor_in in;
	u64 count;

	if (len > TRACE_CLOCK_MAX)
		return -E2BIG;
	if (cbor_check(data, len))
		return -EBADMSG;
	cbor_in_init(&in, data, len, META_BUDGET);
	count = cbor_in_array(&in, UINT64_MAX);
	samples = cbor_in_alloc(&in, count, sizeof(*samples));
	for (u64 i = 0; i < count && !in.error; i++) {
		u64 parts = cbor_in_array(&in, UINT64_MAX);

		samples[i].mono_ns = cbor_in_uint(&in, UINT64_MAX);
		samples[i].boot_ns = cbor_in_uint(&in, UINT64_MAX);
		samples[i].real_ns = cbor_in_int(&in);
		samples[i].tai_ns = cbor_in_int(&in);
		samples[i].width_ns = cbor_in_uint(&in, UINT32_MAX);
		cbor_in_skip_rest(&in, parts, 5);
	}
	if (in.error) {
		free(samples);
		return in.error;
	}
	*ret_samples = samples;
	*ret_count = count;
	return 0;
}
