/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where events are missing: lost while recording, or in damaged parts of the file. Known before the
 * walk begins, so that rows which touch such a time can be marked.
 */
#pragma once

#include "analyze/model/intervals.h"
#include "common/trace_reader.h"

struct loss {
	u16 kind;  /* as in the file; 0: any */
	u16 cause; /* enum trc_lost_cause; LOSS_DAMAGE, LOSS_REPAIRED */
	u16 ring;  /* TRACE_CPU_MIXED: not of one ring */
	u16 class
		; /* of the stream, as in the file; LOSS_CLASS_UNKNOWN: not known, or the kind tells it */
	bool has_count;
	u64 first_ns, last_ns; /* 0, UINT64_MAX where unknown */
	u64 count;
};

/* Not lost by the recorder: */
#define LOSS_DAMAGE   0x100 /* this part of the file cannot be read */
#define LOSS_REPAIRED 0x101 /* so it was, before the file was repaired */
#define LOSS_NO_END   0x102 /* the recorder was killed, or the rest of the file is missing */

#define LOSS_CLASS_UNKNOWN 0xffff

struct loss_list {
	size_t count, capacity;
	struct loss *losses;
	u64 lost_count;	       /* by the recorder */
	size_t known_count;    /* losses that are no damage of this file; they stand first */
	size_t damage_count;   /* of the reader's that are in the list */
	size_t repaired_count; /* of losses of a file that was damaged, and repaired */
	/* Where what threads did is not known: pauses, and where events of the scheduler or of tasks cannot be read. */
	struct intervals blind;
	struct intervals known_blind; /* without the reader's damages */
	/* Where calls may be missing: the blind times, and where calls were lost or cannot be read. */
	struct intervals callless;
	struct intervals known_callless; /* of losses of calls, without the reader's damages */
	struct intervals pauses;	 /* what was not to be recorded; they are blind, too */
	/* What loss_list_touches() looks up; NULL: not made since the losses are what they are. */
	struct loss_span *spans;
	size_t span_count;
};

/* From the lost records of the TASK streams, the chunks' counters and the reader's damages. */
struct loss_list *loss_list_new(struct trace_reader *reader);
void loss_list_free(struct loss_list *list);
/* Takes in damage that the reader met since. */
void loss_list_refresh(struct loss_list *list, struct trace_reader *reader);
/* May events of `kind` (a kind of the file; 0: any) be missing between these times? */
bool loss_list_touches(struct loss_list *list, u16 kind, u64 from_ns, u64 to_ns);
const char *loss_cause_name(u16 cause); /* "ring full" */
