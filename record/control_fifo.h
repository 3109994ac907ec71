/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Commands from a FIFO, one per line, while it is recorded: start stop flush dump rotate status quit. Answers go to a
 * second FIFO, a line per command, if somebody reads them; nobody is ever waited for.
 */
#pragma once

#include "common/types.h"

enum control_command {
	CONTROL_NONE,
	CONTROL_START,
	CONTROL_STOP,
	CONTROL_FLUSH,
	CONTROL_DUMP,
	CONTROL_ROTATE,
	CONTROL_STATUS,
	CONTROL_QUIT,
};

struct control_fifo;

/* "FIFO" or "FIFO,FIFO". 0, or -EINVAL with *ret_error (free it). */
int control_fifo_open(const char *paths, struct control_fifo **ret_fifo, char **ret_error);
void control_fifo_close(struct control_fifo *fifo);
int control_fifo_fd(const struct control_fifo *fifo); /* to be polled */
/* Takes some of what has come in. The rest makes it readable still: no writer, however fast, keeps the recorder. */
void control_fifo_read(struct control_fifo *fifo);
/* The next command of what was read; CONTROL_NONE if there is none. What is no command is answered here. */
enum control_command control_fifo_next(struct control_fifo *fifo);
void control_fifo_answer(struct control_fifo *fifo, const char *line);
/* Is there a FIFO for answers? */
bool control_fifo_answers(const struct control_fifo *fifo);
