/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls by name as small numbers, so that sums per call are an array. Calls of the same name in
 * several ABIs share a number. Also what a thread does while it is in one: its activity.
 */
#pragma once

#include "analyze/decode/decode.h"

enum activity {
	ACTIVITY_OUTSIDE, /* in no call: its own code */
	ACTIVITY_CHILD,
	ACTIVITY_SLEEP,
	ACTIVITY_LOCK,
	ACTIVITY_POLL,
	ACTIVITY_READ,
	ACTIVITY_WRITE,
	ACTIVITY_NETWORK,
	ACTIVITY_FILE,
	ACTIVITY_MEMORY,
	ACTIVITY_PROCESS,
	ACTIVITY_SIGNAL,
	ACTIVITY_OTHER,
	ACTIVITY_MAX,
};

const char *activity_name(u8 activity); /* "waiting for a child" */

struct call_name {
	const char *name;
	const struct syscall_desc
		*desc; /* of the first ABI seen; NULL: number unknown to the trace */
	u8 activity;
};

struct call_names;

/* A file that calls thousands of numbers that do not exist gets one name for the rest of them. */
#define CALL_NAMES_MAX 8192

struct call_names *call_names_new(struct decoder *decoder);
void call_names_free(struct call_names *names);
/* 0, 1, 2, … below CALL_NAMES_MAX */
u32 call_names_id(struct call_names *names, u8 abi, u32 nr);
const struct call_name *call_names_get(const struct call_names *names, u32 id);
