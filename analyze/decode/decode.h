/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records in words: arguments, flags, results, in strace's form.
 *
 * Built from the tables in the trace's HEADER, so that a trace of another machine decodes as there;
 * the names of flags are those of the recording ABI.
 */
#pragma once

#include "common/text.h"
#include "common/trace_meta.h"

struct decoder;

/* Which of the two that a number may have stood for: dup2 closes one and makes one. */
enum decode_fd_side { DECODE_FD_GIVEN, DECODE_FD_MADE };
#define DECODE_AT_FDCWD (-100)
/*
 * Adds the name of a descriptor, or with DECODE_AT_FDCWD of the current directory; nothing if it has none.
 * Bytes from a trace: not escaped.
 */
typedef void (*decode_fd_name_fn)(void *context, s32 fd, enum decode_fd_side side,
				  struct text *out);

struct decoder *decoder_new(const struct trace_meta *meta);
void decoder_free(struct decoder *decoder);

/* From now on descriptors are written with their names, as strace -y does; NULL: without. */
void decoder_name_fds(struct decoder *decoder, decode_fd_name_fn name, void *context);

/* O(1). The description of the call of a record; NULL if the trace does not know the number. */
const struct syscall_desc *decoder_syscall(const struct decoder *decoder, u8 abi, u32 nr);
/* Its name; "syscall_0x1f4" for an unknown number. Valid as long as the decoder. */
const char *decoder_syscall_name(struct decoder *decoder, u8 abi, u32 nr);
/* 1…4095, or 0 if the call succeeded. The kernel's restart codes (512…) are errnos. */
u32 decoder_errno(const struct trc_syscall *record);
/* Never reaches the program: the kernel repeats the call, or turns it into EINTR. */
bool errno_restarts(u32 number);
/* "ENOENT"; NULL if unknown. */
const char *decoder_errno_name(const struct decoder *decoder, u32 number);
/* "No such file or directory" */
const char *decoder_errno_text(u32 number);
/* "SIGTERM"; NULL if unknown. */
const char *decoder_signal_name(const struct decoder *decoder, u32 number);

/*
 * The arguments between the parentheses, as strace prints them: AT_FDCWD, "/etc/passwd",
 * O_RDONLY|O_CLOEXEC. Strings are escaped, cut ones end in "...". What the record does not have is
 * left out: all arguments of a call that was entered before it was watched.
 */
void decode_args(struct decoder *decoder, const struct trc_syscall *record, struct text *out);
/*
 * The same; *ret_entry_len says how many of the added bytes were known when the call was entered:
 * what stands before "<unfinished ...>". The rest tells what the kernel gave back.
 */
void decode_args_split(struct decoder *decoder, const struct trc_syscall *record, struct text *out,
		       size_t *ret_entry_len);
/* What follows " = ": "3", "-1 ENOENT (No such file or directory)", "0x7f…", "?". */
void decode_result(struct decoder *decoder, const struct trc_syscall *record, struct text *out);
/* "SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=4711, si_uid=0}": si_pid only of what a process sent. */
void decode_signal(struct decoder *decoder, const struct trc_signal_deliver *record,
		   struct text *out);
/* The first path that the call was given: its bytes, not escaped. False if there is none. */
bool decode_path(struct decoder *decoder, const struct trc_syscall *record, const char **ret_path,
		 size_t *ret_len);
/* A socket address as "1.2.3.4:80", "[::1]:80", "unix:/run/x", "unix:@abstract", "netlink:…". */
void decode_sockaddr(struct decoder *decoder, const u8 *data, size_t len, struct text *out);

/* Are its registers 32 bits wide? x32's are not. */
bool abi_is_narrow(u8 abi);
/* Numbers in payloads, in the recording machine's byte order. */
u16 payload_u16(const struct decoder *decoder, const u8 *data);
u32 payload_u32(const struct decoder *decoder, const u8 *data);
u64 payload_u64(const struct decoder *decoder, const u8 *data);
