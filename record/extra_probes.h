/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stacks and counters among the BPF programs: what is loaded and how their maps are filled. */
#pragma once

#include "record/extras.h"

struct trc_bpf;

bool extra_probes_need_calls(const struct extras *extras);
/* Before the load: nothing is loaded of what is not wanted. `extras` may be NULL. 0 or -errno. */
int extra_probes_prepare(struct trc_bpf *skeleton, const struct extras *extras);
/* After it. 0 or -errno. */
int extra_probes_fill(struct trc_bpf *skeleton, const struct extras *extras);
