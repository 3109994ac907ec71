/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who a task is: what exec and task_found tell alike.
 *
 * Pointers are read like anything else here, not followed: of each that is followed newer kernels look through all
 * their types when the program is loaded, which takes longer than all that exec will ever cost.
 */
#pragma once

#include "bpf/core.bpf.h"

/* The inode number of the task's pid namespace, and its number there. */
static __always_inline u32 pid_namespace(struct task_struct *task, u32 *ns_tid)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid;

	if (level > 32)
		return 0;
	upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid);
	*ns_tid = BPF_CORE_READ(upid, nr);
	return BPF_CORE_READ(upid, ns, ns.inum);
}

/* For a trc_exec or a trc_task_found. */
#define fill_identity(event, task)                                                                 \
	({                                                                                         \
		const struct cred *cred_ = BPF_CORE_READ(task, cred);                              \
		struct nsproxy *ns_ = BPF_CORE_READ(task, nsproxy);                                \
                                                                                                   \
		(event)->uid = BPF_CORE_READ(cred_, uid.val);                                      \
		(event)->gid = BPF_CORE_READ(cred_, gid.val);                                      \
		(event)->euid = BPF_CORE_READ(cred_, euid.val);                                    \
		(event)->egid = BPF_CORE_READ(cred_, egid.val);                                    \
		(event)->user_ns = BPF_CORE_READ(cred_, user_ns, ns.inum);                         \
		(event)->mnt_ns = BPF_CORE_READ(ns_, mnt_ns, ns.inum);                             \
		(event)->net_ns = BPF_CORE_READ(ns_, net_ns, ns.inum);                             \
		(event)->uts_ns = BPF_CORE_READ(ns_, uts_ns, ns.inum);                             \
		(event)->ipc_ns = BPF_CORE_READ(ns_, ipc_ns, ns.inum);                             \
		(event)->cgroup_ns = BPF_CORE_READ(ns_, cgroup_ns, ns.inum);                       \
	})

/* The same, of their program. One that ends has none any more. */
#define fill_program(event, task)                                                                  \
	({                                                                                         \
		struct inode *inode_ = BPF_CORE_READ(task, mm, exe_file, f_inode);                 \
                                                                                                   \
		(event)->exe_inode = BPF_CORE_READ(inode_, i_ino);                                 \
		(event)->exe_device = BPF_CORE_READ(inode_, i_sb, s_dev);                          \
		(event)->exe_mode = BPF_CORE_READ(inode_, i_mode);                                 \
	})
