/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the model: what fds.c and its neighbours share. */
#pragma once

#include "analyze/model/below.h"
#include "analyze/model/call_roles.h"
#include "analyze/model/fd_table.h"
#include "analyze/model/instances.h"
#include "analyze/model/objects.h"
#include "analyze/model/sockets.h"

#define FDS_IN_FLIGHT_MAX 1024
#define FDS_EARLY_MAX	  64

/* Numbers that are the same in all ABIs. */
enum {
	F_DUPFD_NUMBER = 0,
	F_SETFD_NUMBER = 2,
	F_DUPFD_CLOEXEC_NUMBER = 1030,
	FIONCLEX_NUMBER = 0x5450,
	FIOCLEX_NUMBER = 0x5451,
	CLONE_FS_NUMBER = 0x200,
	CLONE_FILES_NUMBER = 0x400,
	CLOSE_RANGE_UNSHARE_NUMBER = 2,
	CLOSE_RANGE_CLOEXEC_NUMBER = 4,
	O_CLOEXEC_NUMBER = 02000000,
};

enum { /* `traits` of file and fd_found */
       FILE_TRAIT_CLOEXEC = 1,
       FILE_TRAIT_DELETED = 2,
       FILE_TRAIT_ANONYMOUS = 32,
};

enum { /* `how` of file */
       FILE_HOW_RETURNED = 0,
       FILE_HOW_WRITTEN = 1,
       FILE_HOW_RECEIVED = 2,
};

enum fds_after { /* what a call's end changes once everybody has seen the call */
		 AFTER_nothing,
		 AFTER_close,
		 AFTER_close_range,
		 AFTER_exec,
};

struct fds {
	struct model *model;
	struct decoder *decoder;
	struct call_roles *roles;
	struct uses *uses;
	bool uses_known;	      /* those of the event that is being told */
	struct objects objects;	      /* that were opened */
	struct objects mapped, paths; /* that only waits, and programs, tell of */
	struct below below;
	struct sockets sockets;
	u32 file_count;	    /* ever */
	size_t table_bytes; /* of all tables */
	u64 steps_left;	    /* fds_afford() */
	/* The event that is being told: its time, and of a call its entry. */
	u64 now, entry_ns;
	u8 after; /* enum fds_after */
	struct fd_table *after_table;
	u32 after_first, after_last;
	u64 after_ns, after_entry_ns;
	/* Ended: their tables go once all of that moment is told, for a call that never returned is. */
	struct thread **exiting;
	size_t exiting_count, exiting_capacity;
	/* Sent in messages and not received yet; the oldest gives way. */
	struct open_file *in_flight[FDS_IN_FLIGHT_MAX];
	u32 in_flight_next;
	/* Received before the sender's call returned. */
	struct {
		struct object *object;
		u64 ns;
	} early[FDS_EARLY_MAX];
	u32 early_next;
};

/*
 * What walks a whole table may be asked for again and again by a file that is made for it. An honest one never comes
 * near this bound. False: it is reached, and the walk is left out.
 */
#define FDS_STEPS_FIRST	    (1u << 28)
#define FDS_STEPS_PER_EVENT 256

static inline bool fds_afford(struct fds *fds, u64 steps)
{
	if (steps > fds->steps_left)
		return false;
	fds->steps_left -= steps;
	return true;
}

/* A descriptor more, or less, stands for the file. The last one ends it. */
void open_file_hold(struct open_file *file);
void open_file_drop(struct fds *fds, struct open_file *file, u64 now, enum file_end end);
/* One reference, the caller's, who gives it away when it is in a table; takes over that of the name. */
struct open_file *open_file_make(struct fds *fds, struct object *object, struct string *name);
/* One open file less stands for the object. */
void file_leaves_object(struct fds *fds, struct object *object, u64 now);
/* It was only thought to be another: its one descriptor goes, and nobody hears of it. */
void open_file_discard(struct fds *fds, struct open_file *file);
/* The table of a thread, that of its process's other threads if nothing was told; NULL: it has ended. */
struct fd_table *fds_table(struct fds *fds, struct thread *thread);
/* The descriptor is this file from now on; takes over the reference. */
void fds_put(struct fds *fds, struct thread *thread, s32 fd, struct open_file *file,
	     bool close_on_exec);

/* Gives the thread a table of its own. */
void fds_unshare(struct fds *fds, struct thread *thread);
void fds_call(struct fds *fds, struct thread *thread, const struct trc_syscall *record);
/* What the last call is to change, if anything. */
void fds_settle(struct fds *fds);

struct uses *uses_new(const struct trace_meta *meta);
void uses_free(struct uses *uses);

/* A message took descriptors along; one came. */
void fds_sent(struct fds *fds, struct thread *thread, const struct trc_syscall *record);
struct open_file *fds_received(struct fds *fds, struct object *object);
void fds_messages_release(struct fds *fds);

/* From what `file`, `fd_found` and the snapshot tell. One reference, the caller's. */
struct open_file *file_from_record(struct fds *fds, const struct trc_file *record);
struct open_file *file_from_found(struct fds *fds, const struct trc_fd_found *record);
struct open_file *file_from_target(struct fds *fds, const char *target);
/* From the call alone, where its `file` event is missing. */
struct open_file *file_from_call(struct fds *fds, struct thread *thread,
				 const struct trc_syscall *record);
