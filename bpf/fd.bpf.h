/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a descriptor of the current task to what it stands for. Kernel addresses travel as numbers: see path.bpf.h. */
#pragma once

#include "bpf/core.bpf.h"

#define S_IFMT	 0170000
#define S_IFREG	 0100000
#define S_IFIFO	 0010000
#define S_IFSOCK 0140000

/* The struct file of a descriptor; 0 if there is none. Global: the verifier looks at it once. */
__noinline __weak u64 fd_file(u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct files_struct *files = task->files;
	u64 file = 0;

	if (!files || fd >= files->fdt->max_fds)
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), (void *)(files->fdt->fd + fd));
	return file;
}

static __always_inline bool fd_closes_on_exec(u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word),
			      (void *)(task->files->fdt->close_on_exec + fd / 64));
	return word >> (fd & 63) & 1;
}
