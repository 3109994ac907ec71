/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which places of the kernel the programs can be put to: found by looking, never by version.
 *
 * Where a hook has different names or arguments in different kernels, a program stands for each: NAME, NAME___old, or
 * NAME___7 for one with 7 arguments. The hook is missing if the kernel has none of them.
 */
#pragma once

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "common/text.h"

/*
 * Of the programs that are to be loaded, those whose hook the running kernel lacks are not. Their hooks are added to
 * `missing`: "cap_capable (capability), …". What the groups that are always there hang on stays: its load fails.
 * `btf`: the kernel's; NULL: no hook is dropped, and the load says what is wrong.
 */
void hooks_drop_missing(struct bpf_object *object, const struct btf *btf, struct text *missing);

/*
 * Programs of page faults hang on software events, one per CPU. Adds their links to *links; 0 or -errno. The caller
 * destroys them.
 */
int hooks_attach_faults(struct bpf_object *object, struct bpf_link ***links, size_t *link_count);
