/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What descriptors and addresses stand for: files, pipes, sockets, futexes, as instances with names.
 *
 * An object is made at its first sight and lives for as long as a descriptor, a wait or a metric holds
 * a reference. A reused inode number of a socket or pipe is a new object.
 */
#pragma once

#include "analyze/model/shared_string.h"
#include "common/types.h"

/* O(name, what a person reads) */
#define OBJECT_TYPES(O)                                                                            \
	O(unknown, "unknown")                                                                      \
	O(file, "file")                                                                            \
	O(directory, "directory")                                                                  \
	O(device, "device")                                                                        \
	O(pipe, "pipe")                                                                            \
	O(socket, "socket")                                                                        \
	O(epoll, "epoll")                                                                          \
	O(eventfd, "eventfd")                                                                      \
	O(timerfd, "timerfd")                                                                      \
	O(signalfd, "signalfd")                                                                    \
	O(inotify, "inotify")                                                                      \
	O(fanotify, "fanotify")                                                                    \
	O(pidfd, "pidfd")                                                                          \
	O(memfd, "memfd")                                                                          \
	O(uring, "io_uring")                                                                       \
	O(bpf, "bpf")                                                                              \
	O(perf, "perf event")                                                                      \
	O(other, "anonymous inode")                                                                \
	O(futex, "futex")                                                                          \
	O(child, "child")

#define OBJECT_ENUM(name, text) OBJECT_##name,
enum object_type { OBJECT_TYPES(OBJECT_ENUM) OBJECT_TYPE_COUNT };

/*
 * Ids of what was not opened: these and a number. Who asks for no waits sees little of it, and is to find the same
 * ids for what was opened.
 */
#define OBJECT_IDS_FUTEX  (1ull << 32) /* and the futex's id */
#define OBJECT_IDS_CHILD  (2ull << 32) /* and the process's id */
#define OBJECT_IDS_MAPPED (3ull << 32) /* files that pages were read of */
#define OBJECT_IDS_PATH	  (4ull << 32) /* what a path alone tells of */

struct object {
	u32 references;
	u8 type; /* enum object_type */
	u64 id; /* object_id in the tables: 1, 2, … in the order of first sight, or OBJECT_IDS_… */
	u32 device;  /* major << 20 | minor; of a socket its network namespace; 0 unknown */
	u64 inode;   /* 0 unknown */
	u64 seen_ns; /* first sight, trace clock */
	/*
	 * The best name so far: a path, "tcp 127.0.0.1:40000->127.0.0.1:80", "pipe:[4711]", "futex 0x7f… of
	 * make[12]"; NULL: nothing is known but the type. Bytes from a trace: escape them.
	 */
	struct string *name;
	/* For the model alone: */
	u32 open_count;		      /* open files that stand for it */
	u32 place_device;	      /* with the inode its place in the model's map */
	bool placed;		      /* it is in the map */
	struct epoll *epoll;	      /* what it watches, of an epoll; NULL: nothing yet */
	struct socket *socket;	      /* what is known of it; NULL: it is none, or nothing is */
	struct object *next;	      /* in the map's bucket */
	struct object *older, *newer; /* of those that nobody has open any more */
};

const char *object_type_name(u8 type);		  /* "file", "io_uring" */
struct object *object_ref(struct object *object); /* NULL stays NULL */
void object_unref(struct object *object);	  /* accepts NULL */
