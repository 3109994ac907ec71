/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Attaching to what exists: the targets' options become maps, iterators find the tasks and tell what they are and
 * have open. bpf/target.bpf.h says why none is missed.
 */
#pragma once

#include "record/consumer.h"
#include "record/probes.h"
#include "record/targets.h"

struct bpf_program;

/* Sizes of maps, and what is not needed; between open and load. 0 or -errno. */
int attach_prepare(struct trc_bpf *skeleton, const struct targets *targets);

/*
 * The targets are marked, nothing is recorded yet. *ret_matched says how many tasks there are,
 * *ret_command_pid the held command's pid in the initial pid namespace. 0 or -errno.
 */
int attach_targets(struct probes *probes, const struct targets *targets, u32 *ret_matched,
		   u32 *ret_command_pid);
/* With the probes attached: from here on nothing that matches is missed. */
void attach_begin(struct probes *probes);
/* Finds all of them that exist. 0, or the -errno of a write or of the kernel. */
int attach_find(struct probes *probes, struct consumer *consumer);
/* When a hook has found a target later, to be called now and then: the rest of it. */
int attach_find_later(struct probes *probes, struct consumer *consumer);
/* Another file begins now. Of who ends before attach_tell_all() comes to it its end tells what it was. */
void attach_next_part(struct probes *probes);
/* All targets and their descriptors once more, as they are now: for a file that begins later. */
int attach_tell_all(struct probes *probes, struct consumer *consumer);
/* The calls that tasks sleep in, for a file that ends at `end_ns`, before the recording does. */
int attach_tell_calls(struct probes *probes, struct consumer *consumer, u64 end_ns);
/* At the end: target_removed for those that go on. */
int attach_release(struct probes *probes);

/*
 * Puts something into a map, of tasks for instance: there another recorder that puts something of the same task into
 * its own may be in the way, and has gone at the next try. 0 or -errno.
 */
int attach_put(int map_fd, const void *key, const void *value, u64 flags);

/* Runs an iterator to its end; `take` is given what it writes, in whole records. 0, -errno or what `take` returned. */
int attach_iterate(struct bpf_program *program, int (*take)(void *context, u8 *data, size_t len),
		   void *context);
