/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a thread waits for in a system call: from what the call is and the object that it was given. */
#pragma once

#include "analyze/decode/decode.h"
#include "analyze/model/model.h"
#include "analyze/model/span.h"

struct wait_cause {
	u8 reason;		    /* enum wait_reason */
	u8 disk_reason;		    /* the same where the wait is for block I/O */
	bool interrupted;	    /* the call was ended by a signal, or never */
	struct object *object;	    /* NULL: unknown; borrowed */
	struct object *disk_object; /* of the wait for block I/O; NULL: the same */
};

struct waits;

struct waits *waits_new(struct model *model, struct decoder *decoder);
void waits_free(struct waits *waits);
/* During the event of the call's record. `before`: what it goes on with, if it is restart_syscall. */
struct wait_cause waits_call(struct waits *waits, struct thread *thread,
			     const struct trc_syscall *record, const struct wait_cause *before);
/* Does the kernel go on with it as restart_syscall, where the signal has no handler? */
bool waits_again(const struct trc_syscall *record);
