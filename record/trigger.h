/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The events on which a flight recorder writes its memory:
 *
 *   syscall=fsync,duration>100ms    syscall=open*,errno=EACCES    exit,code!=0
 *
 * Conditions joined by commas, all of which one event must meet. A word alone names the kind of event, as in
 * events.def (`exit` for task_exit); without one it is a system call. FIELD OP VALUE compares a field of that kind
 * with = != < <= > >=; `duration` is short for duration_ns, `errno` is 0 or the error of a call, `code` and `signal` are
 * the exit status of a task, `pid` and `tid` whose event it is. syscall= takes names, patterns, %classes and
 * numbers, `|` between them.
 */
#pragma once

#include "common/schema.h"
#include "common/syscalls.h"

struct trigger;

/* 0, or -EINVAL with *ret_error (free it): place, cause, the nearest right word. */
int trigger_parse(const char *text, const struct syscall_table *tables, size_t table_count,
		  struct trigger **ret_trigger, char **ret_error);
void trigger_free(struct trigger *trigger);
bool trigger_matches(const struct trigger *trigger, const struct trc_head *record);
const char *trigger_text(const struct trigger *trigger);
