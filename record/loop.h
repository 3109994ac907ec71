/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The recorder's main loop: rings, signals, clocks, and when to stop. */
#pragma once

#include <signal.h>

#include "record/command.h"
#include "record/consumer.h"
#include "record/cost.h"
#include "record/summary.h"

struct loop;

/* Why a recording ended; compared by address. */
extern const char loop_reason_command[], loop_reason_duration[], loop_reason_signal[],
	loop_reason_targets[], loop_reason_write_error[];

/* Blocks the signals that the loop takes care of and remembers the old mask. Never fails. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);
const sigset_t *loop_original_mask(const struct loop *loop);
void loop_set_duration(struct loop *loop, u64 duration_ns);
/* The error that ended it with loop_reason_write_error. */
int loop_error(const struct loop *loop);

/* Runs, without a command (NULL) too, until there is a reason to stop; fills reason, command_ended and command_status. */
void loop_run(struct loop *loop, struct command *command, struct probes *probes,
	      struct rings *rings, struct consumer *consumer, struct trace_writer *writer,
	      struct cost *cost, struct ending *ending);
/* Waits for the command alone, forwarding signals. */
void loop_wait(struct loop *loop, struct command *command, struct ending *ending);

/* Writes one CLOCK record. */
int loop_clock(struct trace_writer *writer);
