/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Absolute paths, walked in the kernel from the leaf to the task's root, through mounts.
 *
 * Names are written from the end of a buffer towards its front, so that the result is one string. The
 * walk keeps its state in the buffer and takes each step in a global function: so the verifier looks at
 * one step once, not at every combination of steps. So are as many steps as the root of the most that there can be:
 * the verifier walks each turn of a loop, but once each of two that stand in functions of their own. Kernel addresses
 * travel as numbers, because a global function takes no kernel pointers.
 */
#pragma once

#include "bpf/core.bpf.h"

#define PATH_BYTES	 4096 /* a power of two */
#define PATH_NAME_MAX	 256
#define PATH_STRIDE	 46 /* its square: PATH_BYTES / 2 names of one letter, and mounts */
#define CGROUP_PARTS_MAX 32

struct path_buffer {
	u64 node, mnt, root_node,
		root_mnt;    /* where the walk is, and where it ends; node: dentry or kernfs_node */
	u64 mnt_root;	     /* the dentry at which the walk leaves its mount */
	u64 up_node, up_mnt; /* and where it goes on then */
	u32 pos;	     /* start of what has been written; it ends at PATH_BYTES */
	u16 cut;	     /* the walk could not go on */
	u16 outside;	     /* it ended at the top of the mounts, not at the task's root */
	char bytes[PATH_BYTES + PATH_NAME_MAX];
};

/*
 * Neighbours in a kernel structure are read at once, from member `first` on: a read costs more than its bytes. A
 * member that this kernel keeps elsewhere is read by itself; the verifier drops the branch that is not taken.
 */
#define block_read(block, type, first, ptr)                                                        \
	bpf_probe_read_kernel(block, sizeof(block),                                                \
			      (void *)(ptr) + bpf_core_field_offset(type, first))
#define block_get(block, type, first, member, ptr)                                                 \
	({                                                                                         \
		u32 __at =                                                                         \
			bpf_core_field_offset(type, member) - bpf_core_field_offset(type, first);  \
		typeof(((type *)0)->member) __value;                                               \
                                                                                                   \
		if (__at <= sizeof(block) - sizeof(__value))                                       \
			__value = *(typeof(__value) *)((void *)(block) + __at);                    \
		else                                                                               \
			bpf_probe_read_kernel(&__value, sizeof(__value),                           \
					      (void *)(ptr) +                                      \
						      bpf_core_field_offset(type, member));        \
		__value;                                                                           \
	})

#define OVERLAYFS_SUPER_MAGIC 0x794c7630

#define FMODE_BACKING (3u << 24) /* either of the two bits: it depends on the kernel */

/*
 * The struct path by which the file of a mapping was opened. What overlayfs maps is a file of its own, of the file system
 * below, which bears that path behind it.
 */
static __always_inline u64 mapped_path(struct file *file)
{
	u64 own = (u64)file + bpf_core_field_offset(struct file, f_path), path;

	if (!bpf_core_field_exists(struct backing_file, user_path) ||
	    !(BPF_CORE_READ(file, f_mode) & FMODE_BACKING))
		return own;
	path = (u64)file + bpf_core_field_offset(struct backing_file, user_path);
	if (BPF_CORE_READ((struct path *)path, dentry, d_inode, i_sb, s_magic) !=
	    OVERLAYFS_SUPER_MAGIC)
		return own;
	return path;
}

enum { STEP_ON = 0, STEP_END = 1, STEP_CUT = 2 };

/* Puts '/' and `len` bytes of a name in front. */
static __always_inline int path_prepend(struct path_buffer *buffer, u64 name, u32 len)
{
	u32 pos = buffer->pos;

	if (len >= PATH_NAME_MAX || len >= pos || pos > PATH_BYTES)
		return STEP_CUT;
	pos -= len;
	barrier_var(pos);
	barrier_var(len);
	if (bpf_probe_read_kernel(buffer->bytes + (pos & (PATH_BYTES - 1)),
				  len & (PATH_NAME_MAX - 1), (void *)name))
		return STEP_CUT;
	pos--;
	barrier_var(pos);
	buffer->bytes[pos & (PATH_BYTES - 1)] = '/';
	buffer->pos = pos;
	return STEP_ON;
}

/* Was its name taken away? What never had a place in a directory was not deleted. */
static __always_inline bool path_deleted(struct dentry *dentry)
{
	return !BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry;
}

/* The walk is in this mount now. */
static __always_inline void path_enter_mount(struct path_buffer *buffer, u64 mnt)
{
	void *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	u64 block[3];

	block_read(block, struct mount, mnt_parent, mount);
	buffer->mnt = mnt;
	buffer->mnt_root = (u64)block_get(block, struct mount, mnt_parent, mnt.mnt_root, mount);
	buffer->up_node = (u64)block_get(block, struct mount, mnt_parent, mnt_mountpoint, mount);
	buffer->up_mnt = (u64)block_get(block, struct mount, mnt_parent, mnt_parent, mount) +
			 bpf_core_field_offset(struct mount, mnt);
}

__noinline __weak int path_step(struct path_buffer *buffer)
{
	void *dentry;
	u64 block[3], parent;

	if (!buffer)
		return STEP_END;
	if (buffer->node == buffer->root_node && buffer->mnt == buffer->root_mnt)
		return STEP_END;
	if (buffer->node == buffer->mnt_root) {
		/* The top of all mounts is its own parent. */
		if (buffer->up_mnt == buffer->mnt) {
			buffer->outside = 1;
			return STEP_END;
		}
		buffer->node = buffer->up_node;
		path_enter_mount(buffer, buffer->up_mnt);
		return STEP_ON;
	}
	dentry = (void *)buffer->node;
	if (block_read(block, struct dentry, d_parent, dentry))
		return STEP_CUT;
	parent = (u64)block_get(block, struct dentry, d_parent, d_parent, dentry);
	if (parent == buffer->node) {
		/* No directory holds it: a memfd, or what a lazy unmount left. Its name is all there is. */
		buffer->outside = 1;
		if (buffer->pos != PATH_BYTES)
			return STEP_END;
	}
	buffer->node = parent;
	return path_prepend(buffer,
			    (u64)block_get(block, struct dentry, d_parent, d_name.name, dentry),
			    block_get(block, struct dentry, d_parent, d_name.len, dentry));
}

__noinline __weak int path_steps(struct path_buffer *buffer)
{
	int step = STEP_ON;

	if (!buffer)
		return STEP_END;
	for (int i = 0; i < PATH_STRIDE && step == STEP_ON; i++)
		step = path_step(buffer);
	return step;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node *parent = NULL;

	/* Renamed and put under RCU in 6.15. */
	if (bpf_core_field_exists(node->__parent))
		bpf_core_read(&parent, sizeof(parent), &node->__parent);
	else
		bpf_core_read(&parent, sizeof(parent), &((struct kernfs_node___old *)node)->parent);
	return parent;
}

__noinline __weak int cgroup_step(struct path_buffer *buffer)
{
	struct kernfs_node *node, *parent;
	const char *name;
	long n;

	if (!buffer)
		return STEP_END;
	node = (void *)buffer->node;
	parent = kernfs_parent(node);
	if (!parent)
		return STEP_END;
	/* A name's length is known only after it was read: read it behind the end first. */
	name = BPF_CORE_READ(node, name);
	n = bpf_probe_read_kernel_str(buffer->bytes + PATH_BYTES, PATH_NAME_MAX, name);
	if (n <= 1)
		return STEP_END;
	buffer->node = (u64)parent;
	return path_prepend(buffer, (u64)name, n - 1);
}

static __always_inline u32 path_result(struct path_buffer *buffer)
{
	if (buffer->pos == PATH_BYTES) {
		buffer->bytes[PATH_BYTES - 1] = '/';
		return PATH_BYTES - 1;
	}
	return buffer->pos;
}

/*
 * The path of `dentry` in mount `mnt` below the root that the buffer names. Returns its start in the buffer's
 * bytes; it ends at PATH_BYTES. Too long a path loses its front.
 */
__noinline __weak u32 path_climb(struct path_buffer *buffer, u64 dentry, u64 mnt)
{
	if (!buffer)
		return PATH_BYTES;
	buffer->pos = PATH_BYTES;
	buffer->cut = 0;
	buffer->outside = 0;
	if (!dentry || !mnt)
		return PATH_BYTES;
	buffer->node = dentry;
	path_enter_mount(buffer, mnt);
	buffer->cut = STEP_CUT;
	for (int i = 0; i < PATH_STRIDE; i++) {
		int step = path_steps(buffer);

		if (step) {
			buffer->cut = step == STEP_CUT;
			break;
		}
	}
	return path_result(buffer);
}

/* The same of a struct path and another struct path, the root; 0 stands for the top of the mounts. */
__noinline __weak u32 path_walk(struct path_buffer *buffer, u64 path, u64 root)
{
	if (!buffer)
		return PATH_BYTES;
	buffer->root_node = root ? (u64)BPF_CORE_READ((struct path *)root, dentry) : 0;
	buffer->root_mnt = root ? (u64)BPF_CORE_READ((struct path *)root, mnt) : 0;
	return path_climb(buffer, (u64)BPF_CORE_READ((struct path *)path, dentry),
			  (u64)BPF_CORE_READ((struct path *)path, mnt));
}

/* The same for a cgroup (its kernfs_node) in the unified hierarchy. */
__noinline __weak u32 cgroup_walk(struct path_buffer *buffer, u64 node)
{
	if (!buffer)
		return PATH_BYTES;
	buffer->node = node;
	buffer->pos = PATH_BYTES;
	buffer->cut = 1;
	for (int i = 0; i < CGROUP_PARTS_MAX; i++) {
		int step = cgroup_step(buffer);

		if (step) {
			buffer->cut = step == STEP_CUT;
			break;
		}
	}
	return path_result(buffer);
}
