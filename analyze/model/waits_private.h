/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the model: waits whose object stands in what the call's arguments point to. */
#pragma once

#include "analyze/model/waits.h"

/* enum wait_reason of a wait for the object. */
u8 wait_reason_of(const struct object *object);

/* The object of the first path that the call was given; NULL: it was given none. Borrowed. */
struct object *wait_path(struct model *model, struct decoder *decoder, struct thread *thread,
			 const struct trc_syscall *record);

/* Each sets the reason, and the object if it is known. */
void wait_poll(struct model *model, struct thread *thread, const struct trc_syscall *record,
	       struct wait_cause *cause);
void wait_child(struct model *model, struct decoder *decoder, struct thread *thread,
		const struct trc_syscall *record, struct wait_cause *cause);
void wait_clone(struct model *model, struct decoder *decoder, struct thread *thread,
		const struct trc_syscall *record, struct wait_cause *cause);
