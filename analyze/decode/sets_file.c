/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opening, descriptors, directories, attributes. */
#include "analyze/decode/set.h"

#include <linux/close_range.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/xattr.h>

NAMES(open_access) = {
	NAMED(O_RDONLY, 0),
	NAMED(O_WRONLY, 1),
	NAMED(O_RDWR, 2),
	NAMED(O_ACCMODE, 3),
};
VALUE_SET(open_access, "O_???");

/* arm and arm64 number four of them in their own way. */
#define OPEN_FLAG_NAMES(direct, largefile, directory, nofollow)                                    \
	NAMED(O_CREAT, 00000100), NAMED(O_EXCL, 00000200), NAMED(O_NOCTTY, 00000400),              \
		NAMED(O_TRUNC, 00001000), NAMED(O_APPEND, 00002000), NAMED(O_NONBLOCK, 00004000),  \
		NAMED(O_SYNC, 04010000), NAMED(O_DSYNC, 00010000), NAMED(__O_SYNC, 04000000),      \
		NAMED(O_DIRECT, direct), NAMED(O_LARGEFILE, largefile),                            \
		NAMED(O_NOATIME, 01000000), NAMED(O_NOFOLLOW, nofollow),                           \
		NAMED(O_CLOEXEC, 02000000), NAMED(O_PATH, 010000000),                              \
		NAMED(O_TMPFILE, 020000000 | (directory)), NAMED(O_DIRECTORY, directory),          \
		NAMED(__O_TMPFILE, 020000000), NAMED(FASYNC, 00020000)

NAMES(open_flags) = { OPEN_FLAG_NAMES(00040000, 00100000, 00200000, 00400000) };
FLAG_SET(open_flags, "O_???", .field = 3, .field_set = &set_open_access);

NAMES(open_flags_arm) = { OPEN_FLAG_NAMES(00200000, 00400000, 00040000, 00100000) };
FLAG_SET(open_flags_arm, "O_???", .field = 3, .field_set = &set_open_access);

NAMES(resolve_flags) = {
	NAME(RESOLVE_NO_XDEV), NAME(RESOLVE_NO_MAGICLINKS), NAME(RESOLVE_NO_SYMLINKS),
	NAME(RESOLVE_BENEATH), NAME(RESOLVE_IN_ROOT),	    NAME(RESOLVE_CACHED),
};
FLAG_SET(resolve_flags, "RESOLVE_???", .wide = true);

NAMES(dup3_flags) = { NAMED(O_CLOEXEC, 02000000) };
FLAG_SET(dup3_flags, "O_???");

#define PIPE_FLAG_NAMES(direct)                                                                    \
	NAMED(O_NONBLOCK, 00004000), NAMED(O_DIRECT, direct), NAMED(O_CLOEXEC, 02000000),          \
		NAMED(O_NOTIFICATION_PIPE, 00000200)

NAMES(pipe_flags) = { PIPE_FLAG_NAMES(00040000) };
FLAG_SET(pipe_flags, "O_???");

NAMES(pipe_flags_arm) = { PIPE_FLAG_NAMES(00200000) };
FLAG_SET(pipe_flags_arm, "O_???");

NAMES(delete_module_flags) = { NAMED(O_NONBLOCK, 00004000), NAMED(O_TRUNC, 00001000) };
FLAG_SET(delete_module_flags, "O_???");

NAMES(close_range_flags) = { NAME(CLOSE_RANGE_UNSHARE), NAME(CLOSE_RANGE_CLOEXEC) };
FLAG_SET(close_range_flags, "CLOSE_RANGE_???");

NAMES(memfd_flags) = {
	NAME(MFD_CLOEXEC),	    NAME(MFD_ALLOW_SEALING), NAME(MFD_HUGETLB),
	NAMED(MFD_NOEXEC_SEAL, 8u), NAMED(MFD_EXEC, 0x10u),
};
FLAG_SET(memfd_flags, "MFD_???");

/* ---- fcntl ---- */

NAMES(fcntl_cmd) = {
	NAMED(F_DUPFD, 0),	    NAMED(F_GETFD, 1),
	NAMED(F_SETFD, 2),	    NAMED(F_GETFL, 3),
	NAMED(F_SETFL, 4),	    NAMED(F_GETLK, 5),
	NAMED(F_SETLK, 6),	    NAMED(F_SETLKW, 7),
	NAMED(F_SETOWN, 8),	    NAMED(F_GETOWN, 9),
	NAMED(F_SETSIG, 10),	    NAMED(F_GETSIG, 11),
	NAMED(F_GETLK64, 12),	    NAMED(F_SETLK64, 13),
	NAMED(F_SETLKW64, 14),	    NAMED(F_SETOWN_EX, 15),
	NAMED(F_GETOWN_EX, 16),	    NAMED(F_GETOWNER_UIDS, 17),
	NAMED(F_OFD_GETLK, 36),	    NAMED(F_OFD_SETLK, 37),
	NAMED(F_OFD_SETLKW, 38),    NAME(F_SETLEASE),
	NAME(F_GETLEASE),	    NAME(F_NOTIFY),
	NAMED(F_DUPFD_QUERY, 1027), NAMED(F_CREATED_QUERY, 1028),
	NAME(F_CANCELLK),	    NAME(F_DUPFD_CLOEXEC),
	NAME(F_SETPIPE_SZ),	    NAME(F_GETPIPE_SZ),
	NAME(F_ADD_SEALS),	    NAME(F_GET_SEALS),
	NAME(F_GET_RW_HINT),	    NAME(F_SET_RW_HINT),
	NAME(F_GET_FILE_RW_HINT),   NAME(F_SET_FILE_RW_HINT),
};
VALUE_SET(fcntl_cmd, "F_???");

NAMES(fd_flags) = { NAMED(FD_CLOEXEC, 1) };
FLAG_SET(fd_flags, "FD_???");

NAMES(seals) = {
	NAME(F_SEAL_SEAL),  NAME(F_SEAL_SHRINK),       NAME(F_SEAL_GROW),
	NAME(F_SEAL_WRITE), NAME(F_SEAL_FUTURE_WRITE), NAMED(F_SEAL_EXEC, 0x20),
};
FLAG_SET(seals, "F_SEAL_???");

NAMES(lock_type) = { NAMED(F_RDLCK, 0), NAMED(F_WRLCK, 1), NAMED(F_UNLCK, 2) };
VALUE_SET(lock_type, "F_???");

NAMES(dnotify_flags) = {
	NAME(DN_ACCESS), NAME(DN_MODIFY), NAME(DN_CREATE),    NAME(DN_DELETE),
	NAME(DN_RENAME), NAME(DN_ATTRIB), NAME(DN_MULTISHOT),
};
FLAG_SET(dnotify_flags, "DN_???");

NAMES(flock_op) = {
	NAMED(LOCK_SH, 1),    NAMED(LOCK_EX, 2),    NAMED(LOCK_NB, 4),	    NAMED(LOCK_UN, 8),
	NAMED(LOCK_MAND, 32), NAMED(LOCK_READ, 64), NAMED(LOCK_WRITE, 128),
};
FLAG_SET(flock_op, "LOCK_???");

/* ---- by path ---- */

NAMES(access_mode) = { NAMED(F_OK, 0), NAMED(R_OK, 4), NAMED(W_OK, 2), NAMED(X_OK, 1) };
FLAG_SET(access_mode, "?_OK");

NAMES(at_flags) = {
	NAME(AT_SYMLINK_NOFOLLOW), NAME(AT_SYMLINK_FOLLOW),	    NAME(AT_NO_AUTOMOUNT),
	NAME(AT_EMPTY_PATH),	   NAME(AT_STATX_FORCE_SYNC),	    NAME(AT_STATX_DONT_SYNC),
	NAME(AT_RECURSIVE),	   NAMED(AT_EXECVE_CHECK, 0x10000),
};
FLAG_SET(at_flags, "AT_???");

NAMES(unlink_flags) = { NAME(AT_REMOVEDIR) };
FLAG_SET(unlink_flags, "AT_???");

NAMES(faccess_flags) = { NAME(AT_SYMLINK_NOFOLLOW), NAME(AT_EACCESS), NAME(AT_EMPTY_PATH) };
FLAG_SET(faccess_flags, "AT_???");

NAMES(statx_sync) = {
	NAME(AT_STATX_SYNC_AS_STAT),
	NAME(AT_STATX_FORCE_SYNC),
	NAME(AT_STATX_DONT_SYNC),
};
VALUE_SET(statx_sync, "AT_STATX_???");

NAMES(statx_flags) = {
	NAME(AT_SYMLINK_NOFOLLOW),
	NAME(AT_SYMLINK_FOLLOW),
	NAME(AT_NO_AUTOMOUNT),
	NAME(AT_EMPTY_PATH),
};
FLAG_SET(statx_flags, "AT_???", .field = AT_STATX_SYNC_TYPE, .field_set = &set_statx_sync);

NAMES(statx_mask) = {
	NAMED(STATX_ALL, 0xfff),
	NAME(STATX_BASIC_STATS),
	NAME(STATX_TYPE),
	NAME(STATX_MODE),
	NAME(STATX_NLINK),
	NAME(STATX_UID),
	NAME(STATX_GID),
	NAME(STATX_ATIME),
	NAME(STATX_MTIME),
	NAME(STATX_CTIME),
	NAME(STATX_INO),
	NAME(STATX_SIZE),
	NAME(STATX_BLOCKS),
	NAME(STATX_BTIME),
	NAMED(STATX_MNT_ID, 0x1000),
	NAMED(STATX_DIOALIGN, 0x2000),
	NAMED(STATX_MNT_ID_UNIQUE, 0x4000),
	NAMED(STATX_SUBVOL, 0x8000),
	NAMED(STATX_WRITE_ATOMIC, 0x10000),
	NAMED(STATX_DIO_READ_ALIGN, 0x20000),
};
FLAG_SET(statx_mask, "STATX_???");

NAMES(rename_flags) = { NAME(RENAME_NOREPLACE), NAME(RENAME_EXCHANGE), NAME(RENAME_WHITEOUT) };
FLAG_SET(rename_flags, "RENAME_???");

NAMES(xattr_flags) = { NAME(XATTR_CREATE), NAME(XATTR_REPLACE) };
FLAG_SET(xattr_flags, "XATTR_???");

/* ---- places and pieces of a file ---- */

NAMES(seek_whence) = {
	NAME(SEEK_SET), NAME(SEEK_CUR), NAME(SEEK_END), NAME(SEEK_DATA), NAME(SEEK_HOLE),
};
VALUE_SET(seek_whence, "SEEK_???");

NAMES(fallocate_mode) = {
	NAME(FALLOC_FL_KEEP_SIZE),     NAME(FALLOC_FL_PUNCH_HOLE),
	NAME(FALLOC_FL_NO_HIDE_STALE), NAME(FALLOC_FL_COLLAPSE_RANGE),
	NAME(FALLOC_FL_ZERO_RANGE),    NAME(FALLOC_FL_INSERT_RANGE),
	NAME(FALLOC_FL_UNSHARE_RANGE), NAMED(FALLOC_FL_WRITE_ZEROES, 0x80),
};
FLAG_SET(fallocate_mode, "FALLOC_FL_???");

NAMES(fadvise) = {
	NAMED(POSIX_FADV_NORMAL, 0),	 NAMED(POSIX_FADV_RANDOM, 1),
	NAMED(POSIX_FADV_SEQUENTIAL, 2), NAMED(POSIX_FADV_WILLNEED, 3),
	NAMED(POSIX_FADV_DONTNEED, 4),	 NAMED(POSIX_FADV_NOREUSE, 5),
};
VALUE_SET(fadvise, "POSIX_FADV_???");

NAMES(sync_file_range_flags) = {
	NAME(SYNC_FILE_RANGE_WAIT_BEFORE),
	NAME(SYNC_FILE_RANGE_WRITE),
	NAME(SYNC_FILE_RANGE_WAIT_AFTER),
};
FLAG_SET(sync_file_range_flags, "SYNC_FILE_RANGE_???");

NAMES(splice_flags) = {
	NAMED(SPLICE_F_MOVE, 1),
	NAMED(SPLICE_F_NONBLOCK, 2),
	NAMED(SPLICE_F_MORE, 4),
	NAMED(SPLICE_F_GIFT, 8),
};
FLAG_SET(splice_flags, "SPLICE_F_???");

NAMES(rwf_flags) = {
	NAME(RWF_HIPRI),	 NAME(RWF_DSYNC),
	NAME(RWF_SYNC),		 NAME(RWF_NOWAIT),
	NAME(RWF_APPEND),	 NAMED(RWF_NOAPPEND, 0x20),
	NAMED(RWF_ATOMIC, 0x40), NAMED(RWF_DONTCACHE, 0x80),
};
FLAG_SET(rwf_flags, "RWF_???");
