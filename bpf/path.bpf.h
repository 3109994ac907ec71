/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Absolute paths, walked in the kernel from the leaf to the task's root, through mounts.
 *
 * Names are written from the end of a buffer towards its front, so that the result is one string. The
 * walk keeps its state in the buffer and takes each step in a global function: so the verifier looks at
 * one step once, not at every combination of steps. Kernel addresses travel as numbers, because a
 * global function takes no kernel pointers.
 */
#pragma once

#include "bpf/core.bpf.h"

#define PATH_BYTES	 4096 /* a power of two */
#define PATH_NAME_MAX	 256
#define PATH_PARTS_MAX	 2100 /* PATH_BYTES / 2 names of one letter, and mounts */
#define CGROUP_PARTS_MAX 32

struct path_buffer {
	u64 node, mnt, root_node,
		root_mnt; /* where the walk is, and where it ends; node: dentry or kernfs_node */
	u32 pos;	  /* start of what has been written; it ends at PATH_BYTES */
	u32 cut;	  /* the walk ended before its root */
	char bytes[PATH_BYTES + PATH_NAME_MAX];
};

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

__noinline __weak int path_step(struct path_buffer *buffer)
{
	struct dentry *dentry, *parent;
	struct vfsmount *mnt;

	if (!buffer)
		return STEP_END;
	dentry = (void *)buffer->node;
	mnt = (void *)buffer->mnt;
	if (buffer->node == buffer->root_node && buffer->mnt == buffer->root_mnt)
		return STEP_END;
	parent = BPF_CORE_READ(dentry, d_parent);
	if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
		struct mount *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
		struct mount *up = BPF_CORE_READ(mount, mnt_parent);

		if (!up || up == mount)
			return STEP_END;
		buffer->node = (u64)BPF_CORE_READ(mount, mnt_mountpoint);
		buffer->mnt = (u64)up + bpf_core_field_offset(struct mount, mnt);
		return STEP_ON;
	}
	if (dentry == parent) {
		/* No directory holds it: a memfd, or what a lazy unmount left. Its name is all there is. */
		if (buffer->pos == PATH_BYTES)
			path_prepend(buffer, (u64)BPF_CORE_READ(dentry, d_name.name),
				     BPF_CORE_READ(dentry, d_name.len));
		return STEP_END;
	}
	buffer->node = (u64)parent;
	return path_prepend(buffer, (u64)BPF_CORE_READ(dentry, d_name.name),
			    BPF_CORE_READ(dentry, d_name.len));
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
 * The path of a struct path below the root, another struct path. Returns its start in the buffer's
 * bytes; it ends at PATH_BYTES. Too long a path loses its front.
 */
__noinline __weak u32 path_walk(struct path_buffer *buffer, u64 path, u64 root)
{
	if (!buffer)
		return PATH_BYTES;
	buffer->node = (u64)BPF_CORE_READ((struct path *)path, dentry);
	buffer->mnt = (u64)BPF_CORE_READ((struct path *)path, mnt);
	buffer->root_node = (u64)BPF_CORE_READ((struct path *)root, dentry);
	buffer->root_mnt = (u64)BPF_CORE_READ((struct path *)root, mnt);
	buffer->pos = PATH_BYTES;
	if (!buffer->node || !buffer->mnt)
		return PATH_BYTES;
	buffer->cut = STEP_CUT;
	for (int i = 0; i < PATH_PARTS_MAX; i++) {
		int step = path_step(buffer);

		if (step) {
			buffer->cut = step == STEP_CUT;
			break;
		}
	}
	return path_result(buffer);
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
