/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The recorder's main loop: rings, signals, commands, and when to begin and to stop. */
#pragma once

#include <signal.h>

#include "record/command.h"
#include "record/control_fifo.h"
#include "record/recorder.h"

struct loop;

/*
 * Blocks the signals that the loop takes care of and remembers the old mask. What is ignored stays so; without a command
 * SIGINT and SIGQUIT are taken all the same. Never fails.
 */
struct loop *loop_new(const struct modes *modes, bool has_command);
void loop_free(struct loop *loop);
const sigset_t *loop_original_mask(const struct loop *loop);
/* Commands come from here too; borrowed. */
void loop_set_control(struct loop *loop, struct control_fifo *control);
/* The command that signals are passed on to and whose end is waited for. */
void loop_set_command(struct loop *loop, struct command *command);
/* Takes the signals that have come, as the loop does while it runs. The context is the loop. */
void loop_take_signals(void *context);

/*
 * Runs until there is a reason to stop; fills reason, command_ended and command_status. 0, or the -errno that was the
 * reason. Begins the recording if that is still to be done.
 */
int loop_run(struct loop *loop, struct recorder *recorder, struct ending *ending);
/* Waits for the command alone, forwarding signals. */
void loop_wait(struct loop *loop, struct ending *ending);
/* A trace_gives_up: the reader of a pipe takes nothing and a signal has asked for the end. */
bool loop_gives_up(void *loop, u64 written);
