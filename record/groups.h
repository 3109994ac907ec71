/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The probe groups of bpf/groups.def: which a user wants, and which programs and maps are theirs. */
#pragma once

#include "bpf/control.h"

struct text;

/* Those that are on when nothing is said. */
u64 groups_default(void);
/*
 * A list of names, each with + (default) or - or ! in front, "all", "none" and "default" among them: "task,futex"
 * is just these, "-sched" and "+block" start from the default. task is always on. 0, or -EINVAL with *ret_error
 * (free it).
 */
int groups_parse(const char *text, u64 *ret_groups, char **ret_error);
/* "task,syscall" */
void groups_add_names(u64 groups, struct text *out);
/* The group that a program or map belongs to by its name; -1: to none, it is always wanted. */
int group_of_name(const char *name);
/* Is a group among them that looks at system calls? */
bool groups_call(u64 groups);
const char *group_name(enum group group);
const char *group_doc(enum group group);
