/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the model: what the events of life say of threads and processes. Each gives the thread whose the event is. */
#pragma once

#include "analyze/model/model.h"

/* NULL: nothing was heard of it before. */
struct thread *thread_known(struct model *model, u32 tid, u32 tgid);
/* The thread of an event; an instance of unknown beginnings if nothing was heard of it before. NULL for tid 0. */
struct thread *thread_of(struct model *model, u32 tid, u32 tgid);

struct thread *task_new(struct model *model, const struct trc_task_new *record);
struct thread *task_exec(struct model *model, const struct trc_exec *record);
struct thread *task_exit(struct model *model, const struct event *event);
struct thread *task_rename(struct model *model, const struct trc_task_rename *record);
/* Into another cgroup of the unified hierarchy; the head names who did it. */
void task_moved(struct model *model, const struct trc_cgroup_move *record);
struct thread *task_found(struct model *model, const struct trc_task_found *record);
