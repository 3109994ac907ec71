/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What recording does, once the probes are loaded: begins and ends files, moves events into them, pauses. The loop says
 * when. Speaks on stderr of files and errors; its functions return 0 or the -errno that ends the recording.
 */
#pragma once

#include "record/files.h"
#include "record/flight.h"
#include "record/metadata.h"
#include "record/source.h"

struct recorder {
	/* set by the session */
	const struct settings *settings;
	struct syscall_table *tables;
	size_t table_count;
	u64 ring_bytes;
	u32 command_pid; /* 0: there is no command */
	struct event_source source;
	struct rings *rings;
	struct consumer *consumer;
	const struct extras *extras;
	struct cost cost;
	struct files files;
	trace_gives_up gives_up;
	void *gives_up_context;
	/* private */
	struct flight *flight;
	struct trace_writer *writer; /* NULL: recording has not begun or is over */
	struct mark first, mark;     /* where recording began, where this file did */
	bool found;		     /* the targets that were there have been found */
	u64 head_bytes, head_raw_bytes, head_events; /* what stands before the events of the file */
	u64 next_loss_ns, next_flush_ns, next_dump_ns;
	u64 paused_ns; /* when; 0: it is not */
	/* of files that are done: events that could not be written; bytes of the last one */
	u64 lost_user, closed_bytes;
	char series
		[33]; /* what the files of a recording have in common; empty until the first is begun */
	u64 dump_count;
	bool dump_failed;
};

/* Makes the file that the trace goes to. 0 or -errno; it has spoken. */
int recorder_open_output(struct recorder *r);
/* Begins the first file: from here on what the rings hold is recorded. */
int recorder_begin(struct recorder *r);
bool recorder_has_begun(const struct recorder *r);
/*
 * One turn: takes events, writes, rotates, dumps, whatever is due. *ret_more: there is more to take at once. *ret_fill
 * is how full the fullest ring was, in 1/1024.
 */
int recorder_turn(struct recorder *r, u64 now, bool *ret_more, u32 *ret_fill);
/* A limit of the user's has been reached: its name; or NULL. */
const char *recorder_limit(struct recorder *r);

int recorder_pause(struct recorder *r);
int recorder_resume(struct recorder *r);
int recorder_flush(struct recorder *r);
/* Ends the file and begins the next. */
int recorder_rotate(struct recorder *r);
/* Writes a flight recorder's memory to a file. An error does not end the recording: it is said, and remembered. */
int recorder_dump(struct recorder *r, const char *reason);
/* "recording, 1,234 events in 56 KB, nothing lost" */
void recorder_status(struct recorder *r, struct text *out);

/*
 * Empties the rings, ends the file, says how it went. `err` is what ended it, 0 if nothing did. 0 or the first error.
 */
int recorder_finish(struct recorder *r, struct ending *ending, int err);
/* Nothing was recorded: no file stays. */
void recorder_discard(struct recorder *r);
void recorder_release(struct recorder *r);

/* Why a recording ended; compared by address. */
extern const char reason_command[], reason_targets[], reason_duration[], reason_signal[],
	reason_write_error[], reason_max_size[], reason_max_events[], reason_control[];
