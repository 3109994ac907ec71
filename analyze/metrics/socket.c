/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables socket and socket_name: a row per socket, and one per name that it had. */
#include "analyze/metrics/file_stats.h"
#include "analyze/metrics/users.h"
#include "analyze/model/connects.h"
#include "analyze/model/idmap.h"
#include "analyze/model/sockets.h"

#define COLUMNS(C)                                                                                 \
	C(object_id, INTEGER, ID, "the socket")                                                    \
	C(net_ns, INTEGER, NUMBER, "inode number of its network namespace; NULL: unknown")         \
	C(inode, INTEGER, NUMBER, "its inode number, as in socket:[…]; NULL: unknown")             \
	C(family, TEXT, NONE, "inet, inet6, unix, netlink, packet, vsock; NULL: another")          \
	C(protocol, TEXT, NONE, "tcp, udp, unix …; NULL: unknown")                                 \
	C(name, TEXT, NONE,                                                                        \
	  "the best name of its whole life: \"tcp 127.0.0.1:40000->127.0.0.1:80\"")                \
	C(local, TEXT, NONE, "own address, the last one told; NULL: none")                         \
	C(remote, TEXT, NONE, "the other end's; of a failed connect what was wanted; NULL: none")  \
	C(origin, TEXT, NONE, "how it came into the trace: socket, pair, accept, received, found") \
	C(listener_id, INTEGER, ID, "the socket that accepted it; NULL: none, or unknown")         \
	C(peer_id, INTEGER, ID, "the socket at the other end; NULL: it is not in the trace")       \
	C(users, TEXT, NONE, "processes that used it, at most 16")                                 \
	C(first_ts_ns, INTEGER, TS, "first sight: its making, if it was not there before")         \
	C(closed_ts_ns, INTEGER, TS,                                                               \
	  "when the last descriptor was closed; NULL: not in the trace")                           \
	C(errno, INTEGER, ERRNO, "why its last connect failed; NULL: it did not")                  \
	C(connect_count, INTEGER, COUNT, "connects")                                               \
	C(accept_count, INTEGER, COUNT, "accepts on it, failed ones included")                     \
	C(complete, INTEGER, BOOL, "0: events may be missing in its time")                         \
	FILE_STATS_COLUMNS(C)

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct sock_row {
	struct file_stats stats;
	struct users users;
};

struct state {
	struct idmap sockets; /* by object */
};

static struct sock_row *row_get(struct state *state, const struct object *object)
{
	struct sock_row *row = idmap_find(&state->sockets, (u32)object->id);

	if (!row) {
		row = xcalloc(1, sizeof(*row));
		idmap_put(&state->sockets, (u32)object->id, row);
	}
	return row;
}

static void add_uses(struct fold *fold, const struct walk_step *step,
		     const struct trc_syscall *record)
{
	const struct file_use *uses;
	size_t count = step_uses(fold, step, &uses);

	for (size_t i = 0; i < count; i++) {
		struct sock_row *row;

		if (!uses[i].file || uses[i].file->object->type != OBJECT_socket)
			continue;
		row = row_get(fold->state, uses[i].file->object);
		file_stats_add_as(&row->stats, uses[i].op, uses[i].bytes, step->event.record->ts,
				  record, step_use_error(fold, &uses[i], record));
		users_add(&row->users, step->thread->process);
	}
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	add_uses(fold, step, record);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_sock *record = (const struct trc_sock *)step->event.record;
	struct sock_row *row;
	struct object *object;
	u32 error;

	if (step->event.kind_id == TRC_KIND_uring_complete)
		add_uses(fold, step, NULL);
	if (step->event.kind_id != TRC_KIND_sock || !step->thread)
		return;
	object = model_socket(fold->walk->model, record);
	if (!object)
		return;
	row = row_get(fold->state, object);
	users_add(&row->users, step->thread->process);
	error = connect_late_error(object->socket, record);
	if (error)
		file_stats_add_error(&row->stats, error);
}

static const char *origin_name(u8 reason)
{
	static const char *const names[] = { NULL, "socket", "pair", "accept", "received" };

	return reason < ARRAY_SIZE(names) ? names[reason] : "found";
}

static void put_row(struct fold *fold, const struct object *object, const struct sock_row *data)
{
	const struct socket *socket = object->socket;
	struct value row[COLUMN_COUNT] = {};
	struct text users = {};

	row[COLUMN_object_id] = value_int((s64)object->id);
	row[COLUMN_inode] = value_known(object->inode, 0);
	row[COLUMN_name] = value_string(socket && socket->best ? socket->best : object->name);
	row[COLUMN_first_ts_ns] = value_int((s64)object->seen_ns);
	if (socket) {
		row[COLUMN_net_ns] = value_known(socket->net_ns, 0);
		row[COLUMN_family] = value_text(socket_family_name(socket->family));
		row[COLUMN_protocol] = value_text(socket_protocol_name(socket));
		row[COLUMN_local] = value_string(socket->local);
		row[COLUMN_remote] = value_string(socket->remote);
		row[COLUMN_origin] = value_text(origin_name(socket->origin));
		row[COLUMN_listener_id] = value_known(socket->listener_id, 0);
		row[COLUMN_peer_id] = value_known(socket->peer_id, 0);
		row[COLUMN_closed_ts_ns] = value_known(socket->closed_ns, 0);
		row[COLUMN_errno] = value_known(socket->error, 0);
	}
	users_add_text(&data->users, &users);
	if (users.len)
		row[COLUMN_users] = value_bytes(users.data, users.len);
	row[COLUMN_connect_count] = value_int((s64)data->stats.counts[FILE_OP_connect]);
	row[COLUMN_accept_count] = value_int((s64)data->stats.counts[FILE_OP_accept]);
	row[COLUMN_complete] = value_int(
		!walk_is_lossy(fold->walk, 0, object->seen_ns,
			       socket && socket->closed_ns ? socket->closed_ns : UINT64_MAX));
	file_stats_values(&data->stats, fold, &row[COLUMN_read_count]);
	fold_row(fold, row);
	text_release(&users);
}

static void row_free(struct sock_row *row)
{
	if (row)
		users_release(&row->users);
	free(row);
}

static void object_gone(struct fold *fold, struct object *object)
{
	struct state *state = fold->state;
	struct sock_row *row =
		object->type == OBJECT_socket ? idmap_find(&state->sockets, (u32)object->id) : NULL;

	if (!row)
		return;
	put_row(fold, object, row);
	idmap_remove(&state->sockets, (u32)object->id);
	row_free(row);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->sockets.capacity; i++)
		row_free(state->sockets.slots[i].value);
	idmap_release(&state->sockets);
}

const struct metric metric_socket = {
	.table = { .name = "socket",
		   .doc = "sockets: their names, the other ends, who used them, what was sent and "
			  "received",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "object_id,name,peer_id,users,write_count,write_bytes,read_count,"
			    "read_bytes,error_count,total_ns" },
	.classes = FILE_CLASSES,
	.state_size = sizeof(struct state),
	.call = call,
	.event = event,
	.object_gone = object_gone,
	.release = release,
};

/* ---- socket_name ---- */

#define NAME_COLUMNS(C)                                                                            \
	C(object_id, INTEGER, ID, "the socket")                                                    \
	C(valid_from_ns, INTEGER, TS, "from then on, to the socket's next row")                    \
	C(name, TEXT, NONE, "its name")                                                            \
	C(local, TEXT, NONE, "own address; NULL: none")                                            \
	C(remote, TEXT, NONE, "the other end's; NULL: none")                                       \
	C(reason, TEXT, NONE,                                                                      \
	  "socket, pair, accept, received, found, bind, connect, connecting (goes on behind the "  \
	  "call), connected, connect_failed, disconnect")                                          \
	C(errno, INTEGER, ERRNO, "why the connect failed or goes on; NULL: neither")

#define NAME_ENUM(name, type, unit, doc) NAME_##name,
enum { NAME_COLUMNS(NAME_ENUM) NAME_COLUMN_COUNT };
static const struct column name_columns[] = { NAME_COLUMNS(COLUMN_ROW) };

static void name_event(struct fold *fold, const struct walk_step *step)
{
	static const char *const reasons[] = {
		NULL,	"socket",  "pair",	 "accept",    "received",	"found",
		"bind", "connect", "connecting", "connected", "connect_failed", "disconnect",
	};
	const struct trc_sock *record = (const struct trc_sock *)step->event.record;
	struct value row[NAME_COLUMN_COUNT] = {};
	const struct socket *socket;
	struct object *object;

	if (step->event.kind_id != TRC_KIND_sock || record->reason >= ARRAY_SIZE(reasons))
		return;
	object = model_socket(fold->walk->model, record);
	if (!object || !(object->socket->renamed || record->error))
		return;
	socket = object->socket;
	row[NAME_object_id] = value_int((s64)object->id);
	row[NAME_valid_from_ns] = value_int((s64)record->head.ts);
	row[NAME_name] = value_string(object->name);
	row[NAME_local] = value_string(socket->local);
	row[NAME_remote] = value_string(socket->remote);
	row[NAME_reason] = value_text(reasons[record->reason]);
	row[NAME_errno] = value_known(record->error, 0);
	fold_row(fold, row);
}

const struct metric metric_socket_name = {
	.table = { .name = "socket_name",
		   .doc = "names of sockets, and since when they were valid",
		   .columns = name_columns,
		   .column_count = NAME_COLUMN_COUNT,
		   .stream = true },
	.classes = FILE_CLASSES,
	.event = name_event,
};
