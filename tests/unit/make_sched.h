/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The scheduler's events of a scene. */
#pragma once

#include "analyze/model/span.h"
#include "tests/unit/make_scene.h"

/* Columns of the states of thread_time and its like. */
static MAKE_UNUSED const char *const state_columns[SPAN_STATE_COUNT] = {
	"run_user_ns", "run_system_ns", "preempted_ns", "runnable_ns", "sleep_ns",   "block_ns",
	"iowait_ns",   "stopped_ns",	"call_ns",	"outside_ns",  "unknown_ns",
};

struct scene_switch {
	u64 at;
	u32 tid, next_tid; /* of processes of the same number */
	u16 cpu;
	u8 state, flags;
};

static MAKE_UNUSED void scene_switch(struct scene *scene, struct scene_switch change)
{
	struct trc_sched_switch record = { .head = SCENE_HEAD(sched_switch, change.at, change.tid,
							      change.tid),
					   .next_tid = change.next_tid,
					   .next_tgid = change.next_tid,
					   .state = change.state,
					   .flags = change.flags };

	record.head.cpu = change.cpu;
	scene_put(scene, TRC_CLASS_SCHED, &record.head);
}

struct scene_wakeup {
	u64 at;
	u32 tid, woken_tid;
	u16 cpu;
	u8 context, flags;
};

static MAKE_UNUSED void scene_wakeup(struct scene *scene, struct scene_wakeup wakeup)
{
	struct trc_sched_wakeup record = { .head = SCENE_HEAD(sched_wakeup, wakeup.at, wakeup.tid,
							      wakeup.tid),
					   .woken_tid = wakeup.woken_tid,
					   .woken_tgid = wakeup.woken_tid,
					   .context = wakeup.context,
					   .flags = wakeup.flags };

	record.head.cpu = wakeup.cpu;
	scene_put(scene, TRC_CLASS_SCHED, &record.head);
}

/* A target leaves the CPU, comes to it, is woken. */
static MAKE_UNUSED void scene_leave(struct scene *scene, u64 at, u32 tid, u8 state)
{
	scene_switch(scene, (struct scene_switch){ .at = at,
						   .tid = tid,
						   .state = state,
						   .flags = TRC_SWITCH_FROM_TARGET });
}

static MAKE_UNUSED void scene_come(struct scene *scene, u64 at, u32 tid)
{
	scene_switch(scene, (struct scene_switch){
				    .at = at, .next_tid = tid, .flags = TRC_SWITCH_TO_TARGET });
}

static MAKE_UNUSED void scene_wake(struct scene *scene, u64 at, u32 waker, u32 tid)
{
	scene_wakeup(scene,
		     (struct scene_wakeup){ .at = at,
					    .tid = waker,
					    .woken_tid = tid,
					    .flags = TRC_WAKEUP_TARGET | TRC_WAKEUP_BY_TARGET });
}
