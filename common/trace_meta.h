/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The CBOR records of a trace, as structs: HEADER (who recorded what, on which machine, and what the
 * events mean), STATE (what existed at the start), CLOCK, SUMMARY (how it ended and what it cost), REPAIR
 * (what was lost with a damaged file, of which this one is the rest).
 *
 * Every string is NUL-terminated bytes, not necessarily UTF-8, never NULL once decoded ("" if the
 * file does not say). Decoded structs own everything they point to; the encoders only borrow.
 */
#pragma once

#include "common/schema.h"
#include "common/syscalls.h"

struct trace_option { /* an option as it took effect: "string-size", "32" */
	char *name;
	char *value;
};

struct trace_constant { /* errno and signal names of the recording machine */
	u32 value;
	char *name;
};

struct trace_meta {
	u16 major, minor;
	u8 uuid[16];
	char *producer;	     /* "trc 0.1.0" */
	s64 created_wall_ns; /* since 1970 */
	/* machine */
	char *machine; /* uname -m */
	bool big_endian;
	u8 pointer_size;
	u32 page_size;
	u32 cpu_count; /* CPUs possible */
	/* host */
	char *hostname, *kernel_release, *kernel_version, *machine_id, *boot_id, *distribution;
	s64 utc_offset_s;  /* of the recording machine's local time */
	char *trace_clock; /* "monotonic" */
	/* what was recorded */
	size_t argc;
	char **argv; /* the command; empty when attached */
	char *cwd;
	u32 command_pid; /* 0 if none */
	size_t option_count;
	struct trace_option *options;
	/* meaning */
	struct schema schema;
	size_t table_count;
	struct syscall_table *tables; /* one per ABI of the machine */
	size_t errno_count, signal_count;
	struct trace_constant *errnos, *signals;
};

struct trace_clock_sample {
	u64 mono_ns, boot_ns;
	s64 real_ns, tai_ns;
	u32 width_ns; /* error bound: time between the first and the last reading */
};

struct trace_state_fd {
	u32 fd;
	u32 flags; /* O_* of the recording machine, FD_CLOEXEC as O_CLOEXEC */
	u64 offset;
	char *target; /* as readlink on /proc/PID/fd/N says: "/etc/passwd", "pipe:[123]" */
};

struct trace_state_task {
	u32 tid, tgid, ppid, ns_tgid;
	u64 start_ns; /* boot clock */
	u32 uid, gid;
	char *comm, *exe, *cwd, *cgroup;
	size_t argc;
	char **argv;
	size_t fd_count;
	struct trace_state_fd *fds;
};

struct trace_state {
	u64 ts; /* trace clock */
	size_t task_count;
	struct trace_state_task *tasks;
};

struct trace_program_cost {
	char *name;
	u64 run_count, run_ns;
};

struct trace_kind_count {
	u16 kind;
	u64 recorded, lost;
};

struct trace_summary {
	u64 start_ns, end_ns; /* trace clock: probes live; last event drained */
	bool command_ended;
	s32 exit_code; /* -1 if a signal killed it */
	u32 exit_signal;
	char *end_reason; /* "command ended", "duration", "signal", "write error" */
	u64 event_count, lost_count;
	u64 file_bytes;		/* up to this record */
	u64 user_ns, system_ns; /* the recorder's own CPU time */
	u64 max_rss_bytes;
	u64 ring_bytes, ring_high_bytes; /* per ring; the fullest any ring was */
	u64 empty_probe_ns; /* measured cost of an empty pair of syscall probes here; 0 if not measured */
	size_t program_count;
	struct trace_program_cost *programs;
	size_t kind_count;
	struct trace_kind_count *kinds;
};

struct trace_missing { /* events that cannot be read */
	u32 stream;    /* of which they are; TRACE_STREAM_NONE: not known */
	u64 first_ns;  /* they are missing after this; 0: unknown */
	u64 last_ns;   /* and before this; UINT64_MAX: unknown */
	u64 count;     /* 0: unknown */
};

struct trace_repair {
	bool ended; /* the damaged file had an END */
	size_t count;
	struct trace_missing *missing;
};

/* Encoders: *ret_data is malloc'ed CBOR (one item), uncompressed. */
void trace_meta_encode(const struct trace_meta *meta, u8 **ret_data, size_t *ret_len);
void trace_state_encode(const struct trace_state *state, u8 **ret_data, size_t *ret_len);
void trace_clock_encode(const struct trace_clock_sample *samples, size_t count, u8 **ret_data,
			size_t *ret_len);
void trace_summary_encode(const struct trace_summary *summary, u8 **ret_data, size_t *ret_len);
void trace_repair_encode(const struct trace_repair *repair, u8 **ret_data, size_t *ret_len);

/*
 * Decoders of hostile bytes: 0, -EBADMSG (not the right shape), -E2BIG, -EPROTONOSUPPORT (newer major
 * or a feature that must be understood: *ret_meta has major, minor and producer only).
 */
int trace_meta_decode(const u8 *data, size_t len, struct trace_meta **ret_meta);
int trace_state_decode(const u8 *data, size_t len, struct trace_state **ret_state);
int trace_clock_decode(const u8 *data, size_t len, struct trace_clock_sample **ret_samples,
		       size_t *ret_count);
int trace_summary_decode(const u8 *data, size_t len, struct trace_summary **ret_summary);
int trace_repair_decode(const u8 *data, size_t len, struct trace_repair **ret_repair);

/* All accept NULL. meta: only what was decoded. state, summary: also those made of malloc'ed parts. */
void trace_meta_free(struct trace_meta *meta);
/* The value of a recorder's option; "" if the file does not tell. */
const char *trace_meta_option(const struct trace_meta *meta, const char *name);
/* Was this group of events to be recorded? Perhaps nothing came of it. False if the file does not tell. */
bool trace_meta_has_group(const struct trace_meta *meta, const char *group);
void trace_state_free(struct trace_state *state);
void trace_summary_free(struct trace_summary *summary);
void trace_repair_free(struct trace_repair *repair);
