/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/sockets.h"

#include "analyze/decode/set.h"
#include "analyze/model/connects.h"
#include "analyze/model/fds_private.h"
#include "common/alloc.h"
#include "common/hash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

const char *socket_family_name(u8 family)
{
	switch (family) {
	case AF_UNIX:
		return "unix";
	case AF_INET:
		return "inet";
	case AF_INET6:
		return "inet6";
	case AF_NETLINK:
		return "netlink";
	case AF_PACKET:
		return "packet";
	case AF_VSOCK:
		return "vsock";
	}
	return NULL;
}

enum { PROTOCOL_ICMP = 1, PROTOCOL_ICMPV6 = 58, PROTOCOL_SCTP = 132, PROTOCOL_MPTCP = 262 };

const char *socket_protocol_name(const struct socket *socket)
{
	const char *family = socket_family_name(socket->family);

	if (socket->family != AF_INET && socket->family != AF_INET6)
		return family ? family : "socket";
	switch (socket->protocol) {
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return "icmp";
	case PROTOCOL_SCTP:
		return "sctp";
	case PROTOCOL_MPTCP:
		return "mptcp";
	}
	switch (socket->type) {
	case SOCK_STREAM:
		return "tcp";
	case SOCK_DGRAM:
		return "udp";
	}
	return "raw";
}

/* ---- pairs of addresses ---- */

static bool same(const struct string *a, const struct string *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static u64 hash_string(const struct string *string)
{
	return hash_bytes(string->data, string->len);
}

/* Of those with its protocol and these addresses: it has none of the other end's, so it stays short if many are alike. */
static struct socket_singles *bucket(struct fds *fds, const struct socket *socket,
				     const struct string *local, const struct string *remote)
{
	struct sockets *sockets = &fds->sockets;
	u64 hash = hash_number(socket->protocol, hash_string(local));

	if (!sockets->singles)
		sockets->singles = xcalloc(SOCKET_SINGLE_BUCKETS, sizeof(*sockets->singles));
	return &sockets->singles[hash_number(hash, hash_string(remote)) % SOCKET_SINGLE_BUCKETS];
}

/* The last to come is found first. */
static void add_single(struct fds *fds, struct socket *socket)
{
	struct socket_singles *singles = bucket(fds, socket, socket->local, socket->remote);

	socket->next_single = singles->first;
	*(singles->first ? &singles->first->previous_single : &singles->last) = socket;
	singles->first = socket;
	socket->single = true;
}

/* But one whose other end is gone after all others: most likely it is a remnant, too. */
static void add_left(struct fds *fds, struct socket *socket)
{
	struct socket_singles *singles;

	socket->peer = NULL;
	if (!socket->paired)
		return;
	singles = bucket(fds, socket, socket->local, socket->remote);
	socket->previous_single = singles->last;
	*(singles->last ? &singles->last->next_single : &singles->first) = socket;
	singles->last = socket;
	socket->single = true;
}

static void remove_single(struct fds *fds, struct socket *socket)
{
	struct socket *next = socket->next_single, *previous = socket->previous_single;
	struct socket_singles *singles;

	if (!socket->single)
		return;
	singles = bucket(fds, socket, socket->local, socket->remote);
	*(previous ? &previous->next_single : &singles->first) = next;
	*(next ? &next->previous_single : &singles->last) = previous;
	socket->next_single = socket->previous_single = NULL;
	socket->single = false;
}

static void unpair(struct fds *fds, struct socket *socket)
{
	remove_single(fds, socket);
	socket->paired = false;
}

static void part(struct fds *fds, struct socket *socket)
{
	if (socket->peer)
		add_left(fds, socket->peer->socket);
}

static void join(struct fds *fds, struct socket *a, struct socket *b)
{
	if (a == b || (a->peer == b->object && b->peer == a->object))
		return;
	remove_single(fds, a);
	remove_single(fds, b);
	part(fds, a);
	part(fds, b);
	a->peer = b->object;
	b->peer = a->object;
	a->peer_id = b->object->id;
	b->peer_id = a->object->id;
}

static bool is_stream(const struct socket *socket)
{
	return socket->type == SOCK_STREAM || socket->type == SOCK_SEQPACKET;
}

static void pair(struct fds *fds, struct socket *socket)
{
	struct socket *other = bucket(fds, socket, socket->remote, socket->local)->first;

	while (other && !(other->protocol == socket->protocol &&
			  same(other->local, socket->remote) && same(other->remote, socket->local)))
		other = other->next_single;
	socket->paired = true;
	if (!socket->peer)
		add_single(fds, socket);
	if (other)
		join(fds, socket, other);
}

/* A unix socket is told by its inode. */
static void join_inode(struct fds *fds, struct socket *socket)
{
	struct object *other = objects_find(&fds->objects, OBJECT_PLACE_SOCKET, socket->peer_inode);

	for (u32 i = 0; !other && i < SOCKETS_CLOSED_MAX; i++)
		if (fds->sockets.closed[i] && fds->sockets.closed[i]->inode == socket->peer_inode)
			other = fds->sockets.closed[i];
	if (!other || !other->socket)
		return;
	/* Any number may be connected to a socket of datagrams. */
	if (is_stream(socket) || other->socket->peer_inode == socket->object->inode)
		join(fds, socket, other->socket);
	else
		socket->peer_id = other->id;
}

/* ---- names ---- */

static void add_unix_end(struct text *text, const struct string *address, u64 inode)
{
	if (address && address->len)
		text_add(text, address->data, address->len);
	else if (inode)
		text_addf(text, "[%llu]", (unsigned long long)inode);
	else
		text_addc(text, '?');
}

static void add_netlink(struct text *text, const struct socket *socket)
{
	static const char prefix[] = "NETLINK_";
	struct text name = {};

	value_set_add(&set_netlink_protocol, socket->protocol, &name);
	text_addc(text, ' ');
	text_adds(text, strncmp(name.data, prefix, strlen(prefix)) ? name.data
								   : name.data + strlen(prefix));
	if (socket->local) {
		text_addc(text, ':');
		text_add(text, socket->local->data, socket->local->len);
	}
	text_release(&name);
}

static struct string *make_name(const struct socket *socket)
{
	struct text text = {};
	struct string *name;

	text_adds(&text, socket_protocol_name(socket));
	if (socket->family == AF_NETLINK) {
		add_netlink(&text, socket);
	} else if (!socket->local && !socket->remote && !socket->peer_inode) {
		text_addf(&text, ":[%llu]", (unsigned long long)socket->object->inode);
	} else if (socket->family == AF_UNIX) {
		text_addc(&text, ' ');
		add_unix_end(&text, socket->local, socket->object->inode);
		if (socket->remote || socket->peer_inode) {
			text_adds(&text, "->");
			add_unix_end(&text, socket->remote, socket->peer_inode);
		}
	} else {
		text_addc(&text, ' ');
		if (socket->local)
			text_add(&text, socket->local->data, socket->local->len);
		if (socket->remote) {
			text_adds(&text, "->");
			text_add(&text, socket->remote->data, socket->remote->len);
		}
	}
	name = string_new(text.data, text.len);
	text_release(&text);
	return name;
}

/* One reference, the caller's; NULL: none. A unix socket without a name has none. */
static struct string *address(struct fds *fds, const struct trc_head *record, u8 family, u8 field)
{
	const struct trc_item *item = record_item(record, field);
	struct text text = {};
	struct string *string = NULL;
	const char *colon;

	if (!item || item->state == TRC_ITEM_UNREADABLE)
		return NULL;
	decode_sockaddr(fds->decoder, trc_item_data(item), item->len, &text);
	/* "unix:/run/x", "netlink:4711" */
	colon = family == AF_INET || family == AF_INET6 || !text.data ? NULL
								      : strchr(text.data, ':');
	if (colon && colon[1])
		string = string_new(colon + 1, text.len - (size_t)(colon + 1 - text.data));
	else if (!colon && text.len)
		string = string_new(text.data, text.len);
	text_release(&text);
	return string;
}

/* ---- events ---- */

static struct socket *socket_new(struct object *object, u8 family, u8 type, u16 protocol,
				 u32 net_ns)
{
	struct socket *socket = xcalloc(1, sizeof(*socket));

	socket->object = object;
	socket->net_ns = object->device = net_ns;
	socket->family = family;
	socket->type = type;
	socket->protocol = protocol;
	object->socket = socket;
	return socket;
}

/* Is it still the one that the object stands for? What was only found has no generation yet. */
static bool is_same(const struct socket *socket, const struct trc_sock *record)
{
	bool made =
		record->reason >= SOCKET_REASON_socket && record->reason <= SOCKET_REASON_accept;

	return !socket || socket->generation == record->generation ||
	       (!socket->generation && !made);
}

/* The object of the record; another one if the inode was another socket's before. Borrowed; NULL: it is gone. */
static struct object *object_of(struct fds *fds, struct thread *thread,
				const struct trc_sock *record)
{
	struct object *object = objects_find(&fds->objects, OBJECT_PLACE_SOCKET, record->inode);
	struct open_file *file;

	if (object && is_same(object->socket, record))
		return object;
	if (record->reason == SOCKET_REASON_close && !object)
		return NULL;
	/* What was made together with it, or was taken for the old one, stands for it. */
	if (object)
		objects_forget(&fds->objects, object);
	object = objects_make_at(&fds->objects, OBJECT_socket, OBJECT_PLACE_SOCKET, record->inode,
				 fds->now);
	file = thread_fd(thread, record->fd);
	if (file && file->object->type == OBJECT_socket && file->object->inode == record->inode) {
		struct object *old = file->object;

		file->object = object; /* takes over the reference */
		objects_open(&fds->objects, object);
		file_leaves_object(fds, old, fds->now);
		object_unref(old);
		return object;
	}
	file = open_file_make(fds, object, NULL);
	file->opened_ns = record->head.ts;
	file->origin =
		record->reason == SOCKET_REASON_found ? FILE_ORIGIN_found : FILE_ORIGIN_inferred;
	object_unref(object);
	fds_put(fds, thread, record->fd, file, false);
	return objects_find(&fds->objects, OBJECT_PLACE_SOCKET, record->inode);
}

static void rename_socket(struct socket *socket)
{
	struct string *name = make_name(socket);
	u8 rank;

	socket->renamed = !socket->object->name || !same(name, socket->object->name);
	string_set(&socket->object->name, name);
	rank = (u8)(1 + !!socket->local + 2 * (socket->remote || socket->peer_inode));
	if (rank < socket->best_rank)
		return;
	socket->best_rank = rank;
	string_set(&socket->best, string_ref(socket->object->name));
}

static void set_names(struct fds *fds, struct socket *socket, const struct trc_sock *record)
{
	struct string *local = address(fds, &record->head, record->family, 0);
	struct string *remote = address(fds, &record->head, record->family, 1);
	bool ends = record->reason == SOCKET_REASON_close;

	unpair(fds, socket);
	/* Of a closed socket the kernel has only remains. */
	if (!ends || !socket->local)
		string_set(&socket->local, string_ref(local));
	if (!ends || !socket->remote)
		string_set(&socket->remote, string_ref(remote));
	string_unref(local);
	string_unref(remote);
	if (record->peer_inode)
		socket->peer_inode = record->peer_inode;
	rename_socket(socket);
}

static void find_peer(struct fds *fds, struct socket *socket)
{
	if (socket->family == AF_UNIX && socket->peer_inode && !socket->peer)
		join_inode(fds, socket);
	else if (socket->family != AF_UNIX && socket->local && socket->remote && !socket->error &&
		 is_stream(socket))
		pair(fds, socket);
}

/* Who listens has been open for longer than what it accepted, so it is found first. */
static void find_side(struct fds *fds, struct socket *socket)
{
	const char *colon = socket->local ? strrchr(socket->local->data, ':') : NULL;
	unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
	u64 *word = &fds->sockets.listened[port / 64 % ARRAY_SIZE(fds->sockets.listened)];

	if ((socket->family != AF_INET && socket->family != AF_INET6) || !port)
		return;
	if (socket->state == SOCKET_LISTENING)
		*word |= 1ull << port % 64;
	else if (socket->remote)
		socket->accepted = *word >> port % 64 & 1;
}

/* It was there before its process was watched. */
void socket_found(struct fds *fds, struct object *object, const struct trc_fd_found *record)
{
	struct socket *socket;

	/* Older recorders told nothing of it. */
	if (object->type != OBJECT_socket || object->socket || !record->net_ns)
		return;
	socket = socket_new(object, record->sock_family, record->sock_type, record->sock_protocol,
			    record->net_ns);
	socket->origin = SOCKET_REASON_found;
	socket->state = (u8)record->sock_state;
	socket->local = address(fds, &record->head, record->sock_family, 1);
	socket->remote = address(fds, &record->head, record->sock_family, 2);
	socket->peer_inode = record->peer_inode;
	rename_socket(socket);
	find_side(fds, socket);
	find_peer(fds, socket);
}

void socket_event(struct fds *fds, struct thread *thread, const struct trc_sock *record)
{
	struct object *object, *listener;
	struct socket *socket;

	if (!record->inode)
		return;
	object = object_of(fds, thread, record);
	if (!object)
		return;
	socket = object->socket;
	if (!socket) {
		socket = socket_new(object, record->family, record->type, record->protocol,
				    record->net_ns);
		socket->origin = record->reason;
	}
	socket->generation = record->generation;
	socket->state = record->state;
	socket->accepted |= record->reason == SOCKET_REASON_accept;
	socket->bound |= record->reason == SOCKET_REASON_bind;
	connect_told(socket, record);
	set_names(fds, socket, record);
	if (record->listener_inode) {
		listener = objects_find(&fds->objects, OBJECT_PLACE_SOCKET, record->listener_inode);
		socket->listener_id = listener ? listener->id : 0;
	}
	find_peer(fds, socket);
}

struct object *model_socket(struct model *model, const struct trc_sock *record)
{
	struct object *object =
		model->fds ? objects_find(&model->fds->objects, OBJECT_PLACE_SOCKET, record->inode)
			   : NULL;

	return object && object->socket ? object : NULL;
}

/* ---- the end ---- */

void socket_discarded(struct fds *fds, struct object *object)
{
	if (!object->socket)
		return;
	unpair(fds, object->socket);
	part(fds, object->socket);
	object->socket->peer = NULL;
}

static void gone(struct fds *fds, struct object *object)
{
	const struct model_hooks *hooks = &fds->model->hooks;

	if (hooks->object_gone)
		hooks->object_gone(hooks->context, object);
	socket_discarded(fds, object);
	object_unref(object);
}

void socket_closed(struct fds *fds, struct object *object, u64 now)
{
	u32 at = fds->sockets.closed_next++ % SOCKETS_CLOSED_MAX;

	if (object->socket)
		object->socket->closed_ns = now == MODEL_UNKNOWN ? 0 : now;
	if (fds->sockets.closed[at])
		gone(fds, fds->sockets.closed[at]);
	fds->sockets.closed[at] = object_ref(object);
}

void socket_free(struct socket *socket)
{
	if (!socket)
		return;
	string_unref(socket->local);
	string_unref(socket->remote);
	string_unref(socket->best);
	free(socket);
}

void sockets_release(struct fds *fds)
{
	for (u32 i = 0; i < SOCKETS_CLOSED_MAX; i++) {
		struct object **slot =
			&fds->sockets.closed[(fds->sockets.closed_next + i) % SOCKETS_CLOSED_MAX];

		if (*slot)
			gone(fds, *slot);
		*slot = NULL;
	}
	free(fds->sockets.singles);
	fds->sockets.singles = NULL;
}
