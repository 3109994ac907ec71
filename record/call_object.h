/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a system call makes, closes or names, told from its signature and properties alone. */
#pragma once

#include "bpf/control.h"
#include "common/syscalls.h"

void call_object_fill(const struct syscall_desc *desc, struct call_object *ret_object);
/* What the groups that are on look for in such a call: enum call_interest. */
u8 call_object_interest(const struct call_object *object, u64 groups);
