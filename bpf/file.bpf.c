/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What descriptors, directories and mapped files are, told when a call has made them. No programs: object.bpf.c
 * calls these functions. Each begins with the question whether the group is on, because the verifier of older
 * kernels looks at global functions that nothing calls, and without the group there is no map.
 */
#include "bpf/core.bpf.h"
#include "bpf/below.bpf.h"
#include "bpf/fd.bpf.h"
#include "bpf/path.bpf.h"

#define FILE_FIXED_MAX 128
#define FILE_ITEM_MAX  (sizeof(struct trc_item) + PATH_BYTES)

struct file_scratch {
	u8 record[FILE_FIXED_MAX + 2 * FILE_ITEM_MAX + 8];
	u64 block[13]; /* of a kernel structure: see block_read */
	struct path_buffer path;
};

/* Used inside system calls only, which do not interrupt each other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct file_scratch);
} file_scratch SEC(".maps");

enum file_trait {
	FILE_CLOEXEC = 1,
	FILE_DELETED = 2,
	FILE_READABLE = 4, /* the kernel's FMODE_READ and FMODE_WRITE, two bits further */
	FILE_WRITABLE = 8,
	FILE_OUTSIDE = 16,
	FILE_ANONYMOUS = 32,
};

#define ANON_INODE_FS_MAGIC 0x09041934
#define PID_FS_MAGIC	    0x50494446
#define ANON_PREFIX	    "anon_inode:"
#define PIDFD_NAME	    "anon_inode:[pidfd]"

/* Puts what the path buffer has from `start` on behind `off` bytes of the record, as an item. */
__noinline int file_put_path(struct file_scratch *s, u32 off, u32 field, u32 start)
{
	u32 len = PATH_BYTES - start, end;
	struct trc_item *item;

	if (!s || off > FILE_FIXED_MAX + FILE_ITEM_MAX || len > PATH_BYTES)
		return off;
	barrier_var(off);
	item = (void *)s->record + off;
	item->field = field;
	item->type = TRC_TYPE_str;
	item->state = s->path.cut ? TRC_ITEM_TRUNCATED : TRC_ITEM_WHOLE;
	item->zero = 0;
	item->len = len;
	item->more = s->path.cut ? 65535 : 0;
	off += sizeof(*item);
	end = off + (len & ~7u);
	if (end > sizeof(s->record) - 8)
		return off;
	barrier_var(end);
	*(u64 *)(s->record + end) = 0;
	barrier_var(start);
	barrier_var(len);
	if (len <= PATH_BYTES)
		bpf_probe_read_kernel(s->record + off, len,
				      s->path.bytes + (start & (PATH_BYTES - 1)));
	return (off + len + 7) & ~7u;
}

static __always_inline void file_send(struct file_scratch *s, u32 len, u16 kind, u64 now)
{
	struct trc_head *head = (void *)s->record;

	head->len = len;
	barrier_var(len);
	if (len <= sizeof(s->record))
		record_send(s->record, len, kind, now);
}

static __always_inline struct file_scratch *file_begin(u16 kind, u32 bytes, u64 now)
{
	struct file_scratch *s;
	u32 zero = 0;

	s = bpf_map_lookup_elem(&file_scratch, &zero);
	if (s)
		head_fill((void *)s->record, bpf_get_current_task_btf(), kind, bytes / 8, now);
	return s;
}

/* Writes the name of what no directory holds, as /proc/PID/fd shows it; returns its start. */
static __always_inline u32 file_pseudo_name(struct file_scratch *s, struct dentry *dentry,
					    u64 magic)
{
	u32 len = BPF_CORE_READ(dentry, d_name.len), start;

	s->path.cut = 0;
	if (magic == PID_FS_MAGIC) {
		start = PATH_BYTES - (sizeof(PIDFD_NAME) - 1);
		__builtin_memcpy(s->path.bytes + start, PIDFD_NAME, sizeof(PIDFD_NAME) - 1);
		return start;
	}
	s->path.pos = PATH_BYTES;
	if (!len || path_prepend(&s->path, (u64)BPF_CORE_READ(dentry, d_name.name), len))
		return PATH_BYTES;
	start = s->path.pos;
	if (magic != ANON_INODE_FS_MAGIC)
		return start;
	/* Instead of the slash. */
	start -= sizeof(ANON_PREFIX) - 2;
	if (start > PATH_BYTES - sizeof(ANON_PREFIX))
		return PATH_BYTES;
	barrier_var(start);
	__builtin_memcpy(s->path.bytes + start, ANON_PREFIX, sizeof(ANON_PREFIX) - 1);
	return start;
}

static __always_inline void file_put_sock(struct trc_file *event, struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);

	event->sock_family = BPF_CORE_READ(sk, __sk_common.skc_family);
	event->sock_type = BPF_CORE_READ(sk, sk_type);
}

/* The path of a file, or the name of what has none; returns the end of the record. */
static __always_inline u32 file_put_name(struct file_scratch *s, struct trc_file *event,
					 struct file *file, struct dentry *dentry, u64 mnt,
					 struct super_block *super)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 off = sizeof(*event), type = event->mode & S_IFMT, start;
	struct dentry *parent;
	bool named;
	u64 magic;

	block_read(s->block, struct dentry, d_hash, dentry);
	parent = block_get(s->block, struct dentry, d_hash, d_parent, dentry);
	named = block_get(s->block, struct dentry, d_hash, d_hash.pprev, dentry);
	if (parent == dentry &&
	    (u64)dentry != (u64)BPF_CORE_READ((struct vfsmount *)mnt, mnt_root)) {
		event->traits |= FILE_ANONYMOUS;
		if (type == S_IFSOCK)
			file_put_sock(event, file);
		if (type == S_IFSOCK || type == S_IFIFO)
			return off;
		magic = BPF_CORE_READ(super, s_magic);
		/* As stat has it, and every kernel before 6.16: neither a file nor anything else. */
		if (magic == ANON_INODE_FS_MAGIC || magic == PID_FS_MAGIC)
			event->mode &= ~S_IFMT;
		start = file_pseudo_name(s, dentry, magic);
		return file_put_path(s, off, 0, start);
	}
	s->path.root_node = (u64)task->fs->root.dentry;
	s->path.root_mnt = (u64)task->fs->root.mnt;
	start = path_climb(&s->path, (u64)dentry, mnt);
	if (s->path.outside)
		event->traits |= FILE_OUTSIDE;
	if (!named && parent != dentry)
		event->traits |= FILE_DELETED;
	return file_put_path(s, off, 0, start);
}

__noinline int file_below(u64 file, u64 now)
{
	struct trc_file_below event = {};

	if (!group_on(GROUP_file) || !below_fill(&event, (void *)file))
		return 0;
	head_fill(&event.head, bpf_get_current_task_btf(), TRC_KIND_file_below, sizeof(event) / 8,
		  now);
	record_send(&event, sizeof(event), TRC_KIND_file_below, now);
	return 0;
}

__noinline int file_made(u32 fd, u32 how, u64 now)
{
	struct super_block *super;
	struct file_scratch *s;
	struct dentry *dentry;
	struct trc_file *event;
	struct inode *inode;
	struct file *file;
	bool united;
	u64 mnt;
	u32 end;

	if (!group_on(GROUP_file))
		return 0;
	file = (void *)fd_file(fd);
	if (!file)
		return 0;
	s = file_begin(TRC_KIND_file, sizeof(*event), now);
	if (!s)
		return 0;
	event = (void *)s->record;
	block_read(s->block, struct file, f_mode, file);
	event->fd = fd;
	event->how = how;
	event->flags = block_get(s->block, struct file, f_mode, f_flags, file);
	event->traits = (block_get(s->block, struct file, f_mode, f_mode, file) & 3) << 2;
	inode = block_get(s->block, struct file, f_mode, f_inode, file);
	dentry = block_get(s->block, struct file, f_mode, f_path.dentry, file);
	mnt = (u64)block_get(s->block, struct file, f_mode, f_path.mnt, file);
	if (fd_closes_on_exec(fd))
		event->traits |= FILE_CLOEXEC;
	block_read(s->block, struct inode, i_mode, inode);
	event->mode = block_get(s->block, struct inode, i_mode, i_mode, inode);
	event->inode = block_get(s->block, struct inode, i_mode, i_ino, inode);
	event->rdev = block_get(s->block, struct inode, i_mode, i_rdev, inode);
	super = block_get(s->block, struct inode, i_mode, i_sb, inode);
	block_read(s->block, struct super_block, s_dev, super);
	event->device = block_get(s->block, struct super_block, s_dev, s_dev, super);
	united = block_get(s->block, struct super_block, s_dev, s_magic, super) ==
		 OVERLAYFS_SUPER_MAGIC;
	event->sock_family = 0;
	event->sock_type = 0;
	end = file_put_name(s, event, file, dentry, mnt, super);
	file_send(s, end, TRC_KIND_file, now);
	if (united)
		file_below((u64)file, now);
	return 0;
}

/* --- directories */

__noinline int file_dirs(u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_file_dir *event;
	struct dentry *cwd, *root;
	struct file_scratch *s;
	u32 off = sizeof(*event), start;
	u64 fs, root_path, cwd_path;

	if (!group_on(GROUP_file))
		return 0;
	s = file_begin(TRC_KIND_file_dir, sizeof(*event), now);
	if (!s)
		return 0;
	event = (void *)s->record;
	fs = (u64)BPF_CORE_READ(task, fs);
	cwd_path = fs + bpf_core_field_offset(struct fs_struct, pwd);
	root_path = fs + bpf_core_field_offset(struct fs_struct, root);
	cwd = BPF_CORE_READ((struct path *)cwd_path, dentry);
	root = BPF_CORE_READ((struct path *)root_path, dentry);
	event->cwd_device = BPF_CORE_READ(cwd, d_inode, i_sb, s_dev);
	event->cwd_inode = BPF_CORE_READ(cwd, d_inode, i_ino);
	event->root_device = BPF_CORE_READ(root, d_inode, i_sb, s_dev);
	event->root_inode = BPF_CORE_READ(root, d_inode, i_ino);
	event->traits = (path_deleted(cwd) ? 1 : 0) | (path_deleted(root) ? 4 : 0);
	start = path_walk(&s->path, cwd_path, root_path);
	if (s->path.outside)
		event->traits |= 2;
	off = file_put_path(s, off, 0, start);
	off = file_put_path(s, off, 1, path_walk(&s->path, root_path, 0));
	file_send(s, off, TRC_KIND_file_dir, now);
	return 0;
}

/* --- maps */

/* The six arguments of mmap stand in the call. */
__noinline int file_mapped(struct task_state *state, u64 address, u32 in_pages, u64 now)
{
	struct trc_file_map event;
	struct inode *inode;
	struct file *file;

	if (!group_on(GROUP_file) || !state)
		return 0;
	file = (void *)fd_file(state->call.arg4);
	if (!file)
		return 0;
	head_fill(&event.head, bpf_get_current_task_btf(), TRC_KIND_file_map, sizeof(event) / 8,
		  now);
	inode = BPF_CORE_READ(file, f_inode);
	event.fd = state->call.arg4;
	event.device = BPF_CORE_READ(inode, i_sb, s_dev);
	event.inode = BPF_CORE_READ(inode, i_ino);
	event.address = address;
	event.length = state->call.arg1;
	event.offset = state->call.arg5 << (in_pages ? 12 : 0);
	event.prot = state->call.arg2;
	event.flags = state->call.arg3;
	record_send(&event, sizeof(event), TRC_KIND_file_map, now);
	return 0;
}
