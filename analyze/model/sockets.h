/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets: their names over time, and the sockets of the same trace that they talk to.
 *
 * One that was closed stays for a while: the other end may be accepted after it. So object_gone comes late for it.
 */
#pragma once

#include "analyze/model/model.h"
#include "analyze/model/object.h"

#define SOCKETS_CLOSED_MAX    1024
#define SOCKET_SINGLE_BUCKETS 4096

/* `reason` of sock */
enum socket_reason {
	SOCKET_REASON_socket = 1,
	SOCKET_REASON_pair,
	SOCKET_REASON_accept,
	SOCKET_REASON_received,
	SOCKET_REASON_found,
	SOCKET_REASON_bind,
	SOCKET_REASON_connect,
	SOCKET_REASON_connecting,
	SOCKET_REASON_connected,
	SOCKET_REASON_connect_failed,
	SOCKET_REASON_disconnect,
	SOCKET_REASON_close,
};

enum { SOCKET_LISTENING = 10 }; /* `state` of sock and of fd_found */

struct socket {
	struct object *object; /* whose it is */
	u64 generation;
	u32 net_ns;
	u16 protocol, error; /* error: of the last connect; 0: none, or it went well */
	u8 family, type, state;
	u8 origin;		       /* enum socket_reason: how it came into the trace */
	struct string *local, *remote; /* addresses, "127.0.0.1:80"; NULL: none */
	struct string
		*best; /* the name with the most ends so far: of a whole life it says the most */
	u8 best_rank;
	u64 peer_inode;	     /* of unix sockets; 0: none or unknown */
	struct object *peer; /* the other end, if it is in the trace and not gone */
	u64 peer_id;	     /* its object's id, even if it is gone; 0: not in the trace */
	u64 failed_ns;	     /* when the last connect that failed did; 0: none */
	u64 listener_id;     /* that accepted it; 0: none or unknown */
	u64 closed_ns;	     /* trace clock; 0: open */
	struct socket *next_single, *previous_single; /* in the bucket of its addresses */
	bool single;				      /* it is in one */
	bool paired; /* its addresses are those of a connection: in a bucket as long as it has no peer */
	bool bound;	  /* by bind() */
	bool accepted;	  /* it was, or it was found on a port that somebody listened on */
	bool connecting;  /* behind the call */
	bool failed_late; /* `error` was told behind the call */
	bool renamed;	  /* by the event that is being told */
};

const char *socket_family_name(u8 family); /* "inet"; NULL: another */
/* "tcp", "udp", "unix" */
const char *socket_protocol_name(const struct socket *socket);

/* The socket of a sock event; NULL: unknown, or gone. Borrowed. */
struct object *model_socket(struct model *model, const struct trc_sock *record);

/* For the model */
struct fds;

struct socket_singles {
	struct socket *first, *last;
};

struct sockets {				   /* zero it first */
	struct socket_singles *singles;		   /* who looks for its other end, by address */
	struct object *closed[SOCKETS_CLOSED_MAX]; /* a ring */
	u32 closed_next;
	u64 listened[65536 / 64]; /* ports */
};

void socket_event(struct fds *fds, struct thread *thread, const struct trc_sock *record);
void socket_found(struct fds *fds, struct object *object, const struct trc_fd_found *record);
/* Its last descriptor is closed. */
void socket_closed(struct fds *fds, struct object *object, u64 now);
/* It goes, and nobody has heard of it. */
void socket_discarded(struct fds *fds, struct object *object);
void socket_free(struct socket *socket); /* accepts NULL */
void sockets_release(struct fds *fds);
