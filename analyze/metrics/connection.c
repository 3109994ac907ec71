/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Table connection: a row per connection, with both its ends where both are in the trace.
 *
 * What the client's end sent and received, and how long it waited: an exchange begins with the entry of the first
 * write after a read (or after the beginning), and ends with the end of the first read thereafter that returned data.
 * For the server it is the other way round: from the end of a read that returned data to the end of the next write.
 */
#include "analyze/metrics/file_stats.h"
#include "analyze/metrics/histogram.h"
#include "analyze/metrics/users.h"
#include "analyze/model/idmap.h"
#include "analyze/model/sockets.h"

#define COLUMNS(C)                                                                                 \
	C(client_id, INTEGER, ID,                                                                  \
	  "the socket that connected, of a pair the first one; NULL: it "                          \
	  "is not in the trace")                                                                   \
	C(server_id, INTEGER, ID, "the socket at the other end; NULL: it is not in the trace")     \
	C(protocol, TEXT, NONE, "tcp, udp, unix …")                                                \
	C(client, TEXT, NONE, "the client's address; NULL: it has none")                           \
	C(server, TEXT, NONE,                                                                      \
	  "the server's address; of a failed connect what was wanted; NULL: "                      \
	  "it has none")                                                                           \
	C(client_process_id, INTEGER, ID,                                                          \
	  "the process that used the client's end last; NULL: "                                    \
	  "not in the trace")                                                                      \
	C(server_process_id, INTEGER, ID, "the same of the server's end")                          \
	C(client_process, TEXT, NONE, "that process, \"curl[4711]\"")                              \
	C(server_process, TEXT, NONE, "the same of the server's end")                              \
	C(start_ts_ns, INTEGER, TS,                                                                \
	  "begin of the connect, of an end that was accepted or found "                            \
	  "its first sight")                                                                       \
	C(connect_ns, INTEGER, NS,                                                                 \
	  "from the begin of the connect to its success, also behind "                             \
	  "the call; NULL: it failed, or was not seen")                                            \
	C(errno, INTEGER, ERRNO, "why the connect failed; NULL: it did not")                       \
	C(closed_ts_ns, INTEGER, TS,                                                               \
	  "when the client's end was closed, or that of the server if "                            \
	  "the client is not in the trace; NULL: not in the trace")                                \
	C(sent_bytes, INTEGER, BYTES, "from the client to the server")                             \
	C(received_bytes, INTEGER, BYTES, "from the server to the client")                         \
	C(client_send_count, INTEGER, COUNT, "the client's writes; NULL: it is not in the trace")  \
	C(client_receive_count, INTEGER, COUNT, "the client's reads; NULL: likewise")              \
	C(server_send_count, INTEGER, COUNT, "the server's writes; NULL: likewise")                \
	C(server_receive_count, INTEGER, COUNT, "the server's reads; NULL: likewise")              \
	C(first_byte_ns, INTEGER, NS,                                                              \
	  "from the connection, or the first sight of this end, to "                               \
	  "the first data that the client received; NULL: none")                                   \
	C(exchange_count, INTEGER, COUNT, "requests of the client that an answer followed")        \
	C(response_p50_ns, INTEGER, NS,                                                            \
	  "half of the answers began to come within this time; "                                   \
	  "NULL: no exchange, as below")                                                           \
	C(response_p99_ns, INTEGER, NS, "99 % did")                                                \
	C(response_max_ns, INTEGER, NS, "the longest that the client waited for one")              \
	C(service_count, INTEGER, COUNT, "requests that the server's end read and answered")       \
	C(service_p50_ns, INTEGER, NS,                                                             \
	  "half of them took the server at most this long; NULL: "                                 \
	  "none, as below")                                                                        \
	C(service_p99_ns, INTEGER, NS, "99 % did")                                                 \
	C(service_max_ns, INTEGER, NS, "the longest")                                              \
	C(complete, INTEGER, BOOL, "0: events may be missing in its time")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

/* One end. */
struct end {
	struct object *object; /* one reference */
	struct users users;
	u64 send_count, receive_count, send_bytes, receive_bytes;
	u64 connect_begin_ns, connected_ns, first_byte_ns; /* 0: not yet */
	u64 asked_ns;	  /* begin of an exchange; 0: none is open */
	u64 requested_ns; /* end of the last read, while the answer is to come; 0: none */
	struct histogram responses, services;
	bool gone;
};

struct state {
	struct idmap ends; /* by object */
};

static struct end *end_get(struct state *state, struct object *object)
{
	struct end *end = idmap_find(&state->ends, (u32)object->id);

	if (!end) {
		end = xcalloc(1, sizeof(*end));
		end->object = object_ref(object);
		idmap_put(&state->ends, (u32)object->id, end);
	}
	return end;
}

static void end_free(struct state *state, struct end *end)
{
	idmap_remove(&state->ends, (u32)end->object->id);
	users_release(&end->users);
	histogram_release(&end->responses);
	histogram_release(&end->services);
	object_unref(end->object);
	free(end);
}

/* ---- what happens ---- */

static u64 begin_of(const struct trc_syscall *record, u64 ts)
{
	return record && record->duration_ns < ts ? ts - record->duration_ns : ts;
}

static void sent(struct end *end, u64 begin_ns, u64 ts, u64 bytes)
{
	end->send_count++;
	end->send_bytes += bytes;
	if (!bytes)
		return;
	if (!end->asked_ns)
		end->asked_ns = begin_ns;
	if (end->requested_ns)
		histogram_add(&end->services, ts - end->requested_ns);
	end->requested_ns = 0;
}

static void received(struct end *end, u64 ts, u64 bytes)
{
	end->receive_count++;
	end->receive_bytes += bytes;
	if (!bytes)
		return;
	if (!end->first_byte_ns)
		end->first_byte_ns = ts;
	if (end->asked_ns && ts > end->asked_ns)
		histogram_add(&end->responses, ts - end->asked_ns);
	end->asked_ns = 0;
	end->requested_ns = ts;
}

static void connected(struct end *end, const struct trc_syscall *record)
{
	if (!end->connect_begin_ns)
		end->connect_begin_ns = begin_of(record, record->head.ts);
	if (record->state == TRC_SYSCALL_COMPLETE && !record->ret && !end->connected_ns)
		end->connected_ns = record->head.ts;
}

static void add_uses(struct fold *fold, const struct walk_step *step,
		     const struct trc_syscall *record)
{
	u64 ts = step->event.record->ts;
	const struct file_use *uses;
	size_t count = step_uses(fold, step, &uses);

	for (size_t i = 0; i < count; i++) {
		struct end *end;

		if (!uses[i].file || uses[i].file->object->type != OBJECT_socket)
			continue;
		end = end_get(fold->state, uses[i].file->object);
		if (uses[i].op == FILE_OP_write)
			sent(end, begin_of(record, ts), ts, uses[i].bytes);
		else if (uses[i].op == FILE_OP_read)
			received(end, ts, uses[i].bytes);
		else if (uses[i].op == FILE_OP_connect && record)
			connected(end, record);
		if (uses[i].op != FILE_OP_close)
			users_add(&end->users, step->thread->process);
	}
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	add_uses(fold, step, record);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_sock *record = (const struct trc_sock *)step->event.record;
	struct object *object;
	struct end *end;

	if (step->event.kind_id == TRC_KIND_uring_complete)
		add_uses(fold, step, NULL);
	if (step->event.kind_id != TRC_KIND_sock || !step->thread)
		return;
	object = model_socket(fold->walk->model, record);
	if (!object)
		return;
	end = end_get(fold->state, object);
	if (!end->users.count)
		users_add(&end->users, step->thread->process);
	/* Where the call did not wait either of them tells of the success, never the call. */
	if ((record->reason == SOCKET_REASON_connected ||
	     record->reason == SOCKET_REASON_connect) &&
	    !end->connected_ns)
		end->connected_ns = record->head.ts;
}

/* ---- rows ---- */

static const struct user *user_of(const struct end *end)
{
	return end && end->users.count ? &end->users.list[end->users.last] : NULL;
}

static void put_user(const struct end *end, struct value *id, struct value *name, struct text *text)
{
	const struct user *user = user_of(end);

	if (!user)
		return;
	if (user->comm)
		text_add(text, user->comm->data, user->comm->len);
	text_addf(text, "[%u]", user->pid);
	*id = value_int(user->process_id);
	*name = value_bytes(text->data, text->len);
}

static void put_times(const struct histogram *times, struct value *count)
{
	count[0] = value_int((s64)times->count);
	if (!times->count)
		return;
	count[1] = value_int((s64)histogram_percentile(times, 500));
	count[2] = value_int((s64)histogram_percentile(times, 990));
	count[3] = value_int((s64)times->max);
}

/* At most one of the ends is NULL. */
static void put_row(struct fold *fold, const struct end *client, const struct end *server)
{
	const struct end *known = client ? client : server;
	const struct socket *socket = known->object->socket;
	u64 start_ns = known->connect_begin_ns ? known->connect_begin_ns : known->object->seen_ns;
	struct text client_name = {}, server_name = {};
	struct value row[COLUMN_COUNT] = {};

	row[COLUMN_client_id] = client ? value_int((s64)client->object->id) : value_null();
	row[COLUMN_server_id] = server	 ? value_int((s64)server->object->id)
				: client ? value_known(socket->peer_id, 0)
					 : value_null();
	row[COLUMN_protocol] = value_text(socket_protocol_name(socket));
	row[COLUMN_client] = value_string(client ? socket->local : socket->remote);
	row[COLUMN_server] = value_string(client ? socket->remote : socket->local);
	put_user(client, &row[COLUMN_client_process_id], &row[COLUMN_client_process], &client_name);
	put_user(server, &row[COLUMN_server_process_id], &row[COLUMN_server_process], &server_name);
	row[COLUMN_start_ts_ns] = value_int((s64)start_ns);
	if (client && client->connect_begin_ns && client->connected_ns >= client->connect_begin_ns)
		row[COLUMN_connect_ns] =
			value_int((s64)(client->connected_ns - client->connect_begin_ns));
	row[COLUMN_errno] = value_known(socket->error, 0);
	row[COLUMN_closed_ts_ns] = value_known(socket->closed_ns, 0);
	row[COLUMN_sent_bytes] =
		value_int((s64)(client ? client->send_bytes : server->receive_bytes));
	row[COLUMN_received_bytes] =
		value_int((s64)(client ? client->receive_bytes : server->send_bytes));
	if (client) {
		u64 from_ns = client->connected_ns ? client->connected_ns : start_ns;

		row[COLUMN_client_send_count] = value_int((s64)client->send_count);
		row[COLUMN_client_receive_count] = value_int((s64)client->receive_count);
		if (client->first_byte_ns)
			row[COLUMN_first_byte_ns] =
				value_int((s64)(client->first_byte_ns - from_ns));
		put_times(&client->responses, &row[COLUMN_exchange_count]);
	}
	if (server) {
		row[COLUMN_server_send_count] = value_int((s64)server->send_count);
		row[COLUMN_server_receive_count] = value_int((s64)server->receive_count);
		put_times(&server->services, &row[COLUMN_service_count]);
	}
	row[COLUMN_complete] = value_int(!walk_is_lossy(
		fold->walk, 0, start_ns, socket->closed_ns ? socket->closed_ns : UINT64_MAX));
	fold_row(fold, row);
	text_release(&client_name);
	text_release(&server_name);
}

static bool is_server(const struct end *end, const struct end *other)
{
	if (end->object->socket->accepted)
		return true;
	return other && !other->object->socket->accepted && other->object->id < end->object->id;
}

static void put_rows(struct fold *fold, struct end *end, struct end *other)
{
	const struct socket *socket = end->object->socket;

	if (!socket || !(socket->remote || socket->peer_id))
		return; /* a listener, or it was never connected */
	if (is_server(end, other))
		put_row(fold, other, end);
	else
		put_row(fold, end, other);
}

static void object_gone(struct fold *fold, struct object *object)
{
	struct state *state = fold->state;
	struct end *end, *other = NULL;
	const struct socket *socket = object->socket;

	if (object->type != OBJECT_socket)
		return;
	end = idmap_find(&state->ends, (u32)object->id);
	if (!end)
		return;
	if (socket && socket->peer_id)
		other = idmap_find(&state->ends, (u32)socket->peer_id);
	/* Sockets of datagrams need not be each other's. */
	if (other && other->object->socket && other->object->socket->peer_id != object->id)
		other = NULL;
	end->gone = true;
	if (other && !other->gone)
		return; /* the row comes with the second */
	put_rows(fold, end, other);
	end_free(state, end);
	if (other)
		end_free(state, other);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->ends.capacity; i++)
		while (state->ends.slots[i].value)
			end_free(state, state->ends.slots[i].value);
	idmap_release(&state->ends);
}

const struct metric metric_connection = {
	.table = { .name = "connection",
		   .doc = "connections: both ends, what was sent each way, how long connecting and "
			  "answers took",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "sent_bytes",
		   .brief = "protocol,client_process,client,server_process,server,connect_ns,errno,"
			    "sent_bytes,received_bytes,exchange_count,response_p50_ns,"
			    "response_max_ns" },
	.classes = FILE_CLASSES,
	.state_size = sizeof(struct state),
	.call = call,
	.event = event,
	.object_gone = object_gone,
	.release = release,
};
