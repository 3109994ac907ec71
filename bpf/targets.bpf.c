/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finding what exists already: iterators over tasks and descriptors that record runs at the start, and again when
 * a hook found a new target. They write their records to the reader of the iterator, not to the rings: however
 * many there are, none is lost. See target.bpf.h for how nothing is missed meanwhile.
 *
 * The kernel shows an object again when the reader's buffer was full (return 1): what was done to the task
 * stays, and only what was written is noted as told.
 */
#include "bpf/core.bpf.h"
#include "bpf/below.bpf.h"
#include "bpf/counter.bpf.h"
#include "bpf/items.bpf.h"
#include "bpf/sock_address.bpf.h"
#include "bpf/found.bpf.h"
#include "bpf/target.bpf.h"

/* One iterator runs at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct record_room);
} target_room SEC(".maps");

/* Run once by record, so that it is known by its number in the initial pid namespace. */
SEC("syscall")
int target_recorder(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	control.recorder_tgid = task->tgid;
	control.recorder_level = BPF_CORE_READ(task, thread_pid, level);
	return 0;
}

enum found_item { FOUND_EXE, FOUND_CWD, FOUND_CGROUP };
enum fd_found_item { FD_FOUND_PATH, FD_FOUND_LOCAL, FD_FOUND_PEER };

static __always_inline int write_record(struct bpf_iter_meta *meta, void *record, u32 len)
{
	return bpf_seq_write(meta->seq, record, len) ? 1 : 0;
}

/* What is below the file, of the process that `head` names. */
static __always_inline int write_below(struct bpf_iter_meta *meta, const struct trc_head *head,
				       struct file *file)
{
	struct {
		u64 number;
		struct trc_file_below event;
	} below = {};

	if (!group_on(GROUP_file) || !below_fill(&below.event, file))
		return 0;
	below.event.head = *head;
	below.event.head.kind = TRC_KIND_file_below;
	below.event.head.len = sizeof(below.event);
	below.event.head.words = sizeof(below.event) / 8;
	return write_record(meta, &below, sizeof(below));
}

/* Behind its number for record, which adds the arguments: they are in the process's own memory. */
static __always_inline int write_found(struct bpf_iter_meta *meta, struct record_room *room,
				       struct task_struct *task, struct task_state *state)
{
	struct trc_task_found *event = room_record(room, trc_task_found);
	u64 *number = (u64 *)event - 1, fs, root;
	struct file *exe;
	u32 off = 0;

	*number = number_for_recorder(task);
	found_fill(event, task, state);
	if (control.telling_all)
		event->head.ts = bpf_ktime_get_ns();
	/* The other threads share it; where the leader has ended they speak for it. */
	if (task->pid == task->tgid || task->group_leader->flags & PF_EXITING) {
		fs = (u64)BPF_CORE_READ(task, fs);
		root = fs + bpf_core_field_offset(struct fs_struct, root);
		/* What is held shows the recorder's own program and arguments until its exec. */
		if (state->phase == PHASE_HELD) {
			*number = 0;
		} else {
			exe = BPF_CORE_READ(task, mm, exe_file);
			if (write_below(meta, &event->head, exe))
				return 1;
			off = put_path(
				room, off, FOUND_EXE,
				path_walk(&room->path,
					  (u64)exe + bpf_core_field_offset(struct file, f_path),
					  root));
		}
		off = put_path(room, off, FOUND_CWD,
			       path_walk(&room->path,
					 fs + bpf_core_field_offset(struct fs_struct, pwd), root));
		off = put_path(
			room, off, FOUND_CGROUP,
			cgroup_walk(&room->path, (u64)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn)));
	} else {
		*number = 0;
	}
	event->head.len = sizeof(*event) + off;
	off += sizeof(*event) + sizeof(*number);
	barrier_var(off);
	if (off > TRC_RECORD_MAX)
		return 0;
	return write_record(meta, number, off);
}

SEC("iter/task")
int target_find(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct {
		u64 number;
		struct trc_target_added event;
	} added = {};
	struct record_room *room;
	struct task_state *state;
	u32 zero = 0, reason, told;
	bool ended;

	if (!task)
		return 0;
	state = task_state(task);
	if (state && state->phase == PHASE_HELD)
		control.command_tgid = task->tgid;
	if (control.counting) {
		if (!state && !(task->flags & PF_EXITING) && target_reason(task))
			control.matched++;
		return 0;
	}
	if (!state) {
		/* One whose end was seen while targets are looked for has become a target there. */
		if (task->flags & PF_EXITING)
			return 0;
		reason = target_reason(task);
		if (!reason)
			return 0;
		state = target_adopt(task, reason);
		if (!state)
			return 0;
	}
	/* Its exit was told; of a first thread the others are there still. */
	ended = state->told & TOLD_REMOVED;
	if (ended && !BPF_CORE_READ(task, signal, live.counter))
		return 0;
	if (counter_count && state->phase != PHASE_HELD && !ended)
		counter_begin(task);
	room = bpf_map_lookup_elem(&target_room, &zero);
	if (!room)
		return 0;
	told = control.telling_all ? 0 : state->told;
	if (!ended && !(told & TOLD_FOUND) && write_found(ctx->meta, room, task, state))
		return 1;
	if (!(told & TOLD_ADDED) && target_is_chosen(task, state)) {
		added_fill(&added.event, task, state);
		if (write_record(ctx->meta, &added, sizeof(added)))
			return 1;
	}
	/* Only now: what was written of an object that is shown again is gone. */
	state->told |= TOLD_FOUND | TOLD_ADDED;
	state->part = control.part;
	return 0;
}

enum fd_trait { FD_CLOEXEC = 1, FD_READ = 4, FD_WRITE = 8 };

static __always_inline bool closes_on_exec(struct task_struct *task, u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	u64 *words = (u64 *)BPF_CORE_READ(table, close_on_exec), word = 0;

	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&word, sizeof(word), words + fd / 64);
	return word & (1ull << (fd & 63));
}

static __always_inline void fd_fill(struct trc_fd_found *event, struct task_struct *task, u32 fd,
				    struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	head_fill(&event->head, task, TRC_KIND_fd_found, sizeof(*event) / 8, bpf_ktime_get_ns());
	event->fd = fd;
	event->device = BPF_CORE_READ(inode, i_sb, s_dev);
	event->inode = BPF_CORE_READ(inode, i_ino);
	event->mode = BPF_CORE_READ(inode, i_mode);
	event->flags = BPF_CORE_READ(file, f_flags);
	event->offset = BPF_CORE_READ(file, f_pos);
	event->rdev = BPF_CORE_READ(inode, i_rdev);
	/* FMODE_READ and FMODE_WRITE are 1 and 2. */
	event->traits = (BPF_CORE_READ(file, f_mode) & 3) * FD_READ;
	if (closes_on_exec(task, fd))
		event->traits |= FD_CLOEXEC;
	event->sock_family = event->sock_type = 0;
	event->net_ns = 0;
	event->sock_protocol = event->sock_state = 0;
	event->peer_inode = 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct sock_address);
} target_address SEC(".maps");

static __always_inline u32 put_address(struct record_room *room, u32 off, u32 field, u64 sk,
				       u32 side)
{
	struct sock_address *address;
	u32 zero = 0, len;

	address = bpf_map_lookup_elem(&target_address, &zero);
	if (!address || off > ROOM_START_MAX)
		return off;
	len = sock_address_read(address, sk, side);
	if (!len || len > ADDRESS_BYTES)
		return off;
	barrier_var(off);
	barrier_var(len);
	if (len <= ADDRESS_BYTES)
		bpf_probe_read_kernel(room->tail + off + sizeof(struct trc_item), len,
				      address->bytes);
	return item_close(room, off, ITEM(field, sockaddr), TRC_ITEM_WHOLE, len);
}

/* What a socket is and is called; returns where the next item begins. */
static __always_inline u32 put_socket(struct record_room *room, struct trc_fd_found *event,
				      struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	u32 off;

	if (!sk)
		return 0;
	event->sock_type = BPF_CORE_READ(socket, type);
	event->sock_family = BPF_CORE_READ(sk, __sk_common.skc_family);
	event->net_ns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	event->sock_protocol = BPF_CORE_READ(sk, sk_protocol);
	event->sock_state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (event->sock_family == AF_UNIX)
		event->peer_inode = sock_inode((u64)BPF_CORE_READ((struct unix_sock *)sk, peer));
	off = put_address(room, 0, FD_FOUND_LOCAL, (u64)sk, SIDE_LOCAL);
	return put_address(room, off, FD_FOUND_PEER, (u64)sk, SIDE_PEER);
}

#define PID_FS_MAGIC 0x50494446
#define PIDFD_NAME   "[pidfd]"

/* Writes the name of a pidfd, which since 6.9 has a file system of its own and none there; returns its start. */
static __always_inline u32 pidfd_name(struct path_buffer *path)
{
	u32 start = PATH_BYTES - (sizeof(PIDFD_NAME) - 1);

	path->cut = 0;
	__builtin_memcpy(path->bytes + start, PIDFD_NAME, sizeof(PIDFD_NAME) - 1);
	return start;
}

/* The kernel shows the table of a process once, with its leader. */
SEC("iter/task_file")
int target_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	u64 fs, path = 0, *number;
	struct trc_fd_found *event;
	struct record_room *room;
	struct task_state *state;
	u32 zero = 0, off = 0, type;
	bool pidfd;

	if (!task || !file)
		return 0;
	state = task_state(task);
	if (!state) {
		/* Only threads of it are targets; they have its descriptors. */
		if (!option_given(REASON_TID) || (control.pass != 1 && !control.telling_all) ||
		    !bpf_task_storage_get(&target_seeds, task, 0, 0))
			return 0;
	} else {
		if (state->fds_pass && state->fds_pass != control.pass && !control.telling_all)
			return 0;
		state->fds_pass = control.pass;
	}
	room = bpf_map_lookup_elem(&target_room, &zero);
	if (!room)
		return 0;
	event = room_record(room, trc_fd_found);
	number = (u64 *)event - 1;
	*number = 0;
	fd_fill(event, task, ctx->fd, file);
	/* What the held child keeps for record's sake is closed by its exec. */
	if (state && state->phase == PHASE_HELD && event->traits & FD_CLOEXEC)
		return 0;
	pidfd = BPF_CORE_READ(file, f_inode, i_sb, s_magic) == PID_FS_MAGIC;
	if (pidfd)
		event->mode &= ~S_IFMT;
	type = event->mode & S_IFMT;
	if (type == S_IFREG && write_below(ctx->meta, &event->head, file))
		return 1;
	if (pidfd) {
		off = put_path(room, 0, 0, pidfd_name(&room->path));
	} else if (type == S_IFSOCK) {
		off = put_socket(room, event, file);
	} else if (type != S_IFIFO) {
		fs = (u64)BPF_CORE_READ(task, fs);
		/* What an epoll instance watches record reads in /proc. */
		if (!type)
			*number = number_for_recorder(task);
		/* An anonymous inode has a name, without a slash. A pointer becomes a number only by being read from memory. */
		bpf_probe_read_kernel(&path, sizeof(path), &file);
		path += bpf_core_field_offset(struct file, f_path);
		off = put_path(room, 0, 0,
			       path_walk(&room->path, path,
					 fs + bpf_core_field_offset(struct fs_struct, root)) +
				       !type);
	}
	event->head.len = sizeof(*event) + off;
	off += sizeof(*event) + sizeof(*number);
	barrier_var(off);
	if (off > TRC_RECORD_MAX)
		return 0;
	return write_record(ctx->meta, number, off);
}

/* At the end of the recording: what options chose is watched no longer. */
SEC("iter/task")
int target_release(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_state *state;

	if (!task)
		return 0;
	state = task_state(task);
	if (state && state->phase != PHASE_HELD && !(state->told & TOLD_REMOVED))
		removed_send(task, state, 2, control.end_ns);
	return 0;
}

/* A process is moved into a chosen cgroup. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(target_moved, struct cgroup *cgroup, const char *path, struct task_struct *task,
	     bool threadgroup)
{
	if (!task_state(task))
		target_arrives(task);
	return 0;
}
