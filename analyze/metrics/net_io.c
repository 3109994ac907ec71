/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table net_io: which process talks to whom, over what, and how much. */
#include "analyze/metrics/file_stats.h"
#include "analyze/metrics/text_map.h"
#include "analyze/model/connects.h"
#include "analyze/model/idmap.h"
#include "analyze/model/sockets.h"

#include <errno.h>
#include <sys/socket.h>

/* Sockets whose row a process remembers. */
#define CACHED_MAX 4096

#define COLUMNS(C)                                                                                 \
	C(process_id, INTEGER, ID, "the process")                                                  \
	C(protocol, TEXT, NONE, "tcp, udp, unix …")                                                \
	C(role, TEXT, NONE,                                                                        \
	  "client: it connected or sent to the service; server: it accepted, or is bound to it; "  \
	  "peer: neither, or not known")                                                           \
	C(service, TEXT, NONE,                                                                     \
	  "the address that is the service's: of a client the other end's, of a server its own")   \
	C(host, TEXT, NONE, "of a server the other end's address, without its port; else NULL")    \
	C(connect_count, INTEGER, COUNT, "connects")                                               \
	C(connect_ns, INTEGER, NS, "sum of their durations")                                       \
	C(accept_count, INTEGER, COUNT, "accepts; failed ones have no host")                       \
	C(accept_ns, INTEGER, NS, "sum of their durations")                                        \
	C(send_count, INTEGER, COUNT, "writes")                                                    \
	C(send_bytes, INTEGER, BYTES, "bytes that they took")                                      \
	C(send_ns, INTEGER, NS, "sum of their durations")                                          \
	C(receive_count, INTEGER, COUNT, "reads")                                                  \
	C(receive_bytes, INTEGER, BYTES, "bytes that they returned")                               \
	C(receive_ns, INTEGER, NS, "sum of their durations, waiting included")                     \
	C(again_count, INTEGER, COUNT, "calls that did not wait and would have had to")            \
	C(error_count, INTEGER, COUNT,                                                             \
	  "calls that returned another error, and connects that failed behind their call; of "     \
	  "one that goes on neither")                                                              \
	C(errors, TEXT, NONE, "all their errors, \"ECONNREFUSED 3, EAGAIN 1\"; NULL: none")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

enum role { ROLE_CLIENT, ROLE_SERVER, ROLE_PEER };

/* Keys are protocol, role, service, host, each but the last ended by a NUL. */
struct net_row {
	struct file_stats stats;
};

struct cached {
	struct string *name; /* of the socket, when the row was found: one reference */
	struct net_row *row;
};

struct net { /* of a process */
	struct text_map rows;
	struct idmap sockets; /* by object: struct cached */
};

static struct net *net_of(struct fold *fold, struct process *process)
{
	struct net *net = process->slots[fold->slot];

	if (!net) {
		net = process->slots[fold->slot] = xcalloc(1, sizeof(*net));
		net->rows.value_size = sizeof(struct net_row);
	}
	return net;
}

static void cache_clear(struct net *net)
{
	for (size_t i = 0; i < net->sockets.capacity; i++) {
		struct cached *cached = net->sockets.slots[i].value;

		if (cached)
			string_unref(cached->name);
		free(cached);
	}
	idmap_release(&net->sockets);
}

/* ---- whose row ---- */

static void add_string(struct text *key, const struct string *string)
{
	if (string)
		text_add(key, string->data, string->len);
}

/* "[::1]:80" → "[::1]" */
static void add_host(struct text *key, const struct string *address)
{
	const char *colon = address ? memrchr(address->data, ':', address->len) : NULL;

	if (address)
		text_add(key, address->data,
			 colon ? (size_t)(colon - address->data) : address->len);
}

static void make_key(const struct socket *socket, const struct string *remote, struct text *key)
{
	bool server = socket->accepted || (socket->bound && !socket->remote);
	enum role role = server ? ROLE_SERVER : remote ? ROLE_CLIENT : ROLE_PEER;

	text_clear(key);
	text_adds(key, socket_protocol_name(socket));
	text_add(key, "", 1);
	text_addc(key, (char)('0' + role));
	text_add(key, "", 1);
	if (role == ROLE_SERVER)
		add_string(key, socket->local);
	else if (role == ROLE_CLIENT)
		add_string(key, remote);
	text_add(key, "", 1);
	if (role != ROLE_SERVER)
		return;
	if (socket->family == AF_INET || socket->family == AF_INET6)
		add_host(key, remote);
	else
		add_string(key, remote);
}

/* The address that stands in a message; NULL: none. One reference, the caller's. */
static struct string *message_address(struct fold *fold, const struct trc_syscall *record)
{
	const struct trc_item *item = NULL;
	struct string *address = NULL;
	struct text text = {};

	while (record && (item = record_item_next(&record->head, &item)))
		if (item->type == TRC_TYPE_sockaddr && item->state != TRC_ITEM_UNREADABLE) {
			decode_sockaddr(fold->walk->decoder, trc_item_data(item), item->len, &text);
			break;
		}
	if (text.len)
		address = string_new(text.data, text.len);
	text_release(&text);
	return address;
}

static struct net_row *find_row(struct fold *fold, struct net *net, const struct object *object,
				const struct trc_syscall *record, u8 op)
{
	const struct socket *socket = object->socket;
	struct cached *cached = idmap_find(&net->sockets, (u32)object->id);
	bool moves = op == FILE_OP_read || op == FILE_OP_write;
	struct string *address = NULL;
	struct net_row *row;

	/* Without a fixed other end each message has its own. */
	if (moves && !socket->remote && !socket->peer_inode)
		address = message_address(fold, record);
	if (!address && cached && cached->name == object->name)
		return cached->row;
	make_key(socket, address ? address : socket->remote, &fold->text);
	row = text_map_get(&net->rows, fold->text.data, fold->text.len);
	if (address) {
		string_unref(address);
		return row;
	}
	if (net->sockets.count >= CACHED_MAX) {
		cache_clear(net);
		cached = NULL;
	}
	if (!cached) {
		cached = xcalloc(1, sizeof(*cached));
		idmap_put(&net->sockets, (u32)object->id, cached);
	}
	string_set(&cached->name, string_ref(object->name));
	cached->row = row;
	return row;
}

/* ---- events ---- */

/* Whose row an accept belongs to: that of whom it accepted. */
static const struct object *accepted(struct thread *thread, const struct object *listener,
				     const struct trc_syscall *record)
{
	const struct object *object = NULL;

	if (record && record->state == TRC_SYSCALL_COMPLETE && record->ret >= 0)
		object = object_of_fd(thread, (s32)record->ret);
	return object && object->socket && object->socket->accepted ? object : listener;
}

static void add_uses(struct fold *fold, const struct walk_step *step,
		     const struct trc_syscall *record)
{
	const struct file_use *uses;
	size_t count = step_uses(fold, step, &uses);

	for (size_t i = 0; i < count; i++) {
		const struct object *object = uses[i].file ? uses[i].file->object : NULL;
		struct net_row *row;

		if (!object || object->type != OBJECT_socket || !object->socket ||
		    uses[i].op == FILE_OP_close || uses[i].op == FILE_OP_other)
			continue;
		if (uses[i].op == FILE_OP_accept)
			object = accepted(step->thread, object, record);
		row = find_row(fold, net_of(fold, step->thread->process), object, record,
			       uses[i].op);
		file_stats_add_as(&row->stats, uses[i].op, uses[i].bytes, step->event.record->ts,
				  record, step_use_error(fold, &uses[i], record));
	}
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	add_uses(fold, step, record);
}

static void add_late_error(struct fold *fold, const struct walk_step *step,
			   const struct trc_sock *record)
{
	const struct object *object = model_socket(fold->walk->model, record);
	u32 error = object ? connect_late_error(object->socket, record) : 0;

	if (error)
		file_stats_add_error(&find_row(fold, net_of(fold, step->thread->process), object,
					       NULL, FILE_OP_connect)
					      ->stats,
				     error);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	if (step->event.kind_id == TRC_KIND_sock && step->thread)
		add_late_error(fold, step, (const struct trc_sock *)step->event.record);
	if (step->event.kind_id == TRC_KIND_uring_complete)
		add_uses(fold, step, NULL);
}

/* ---- rows ---- */

static struct value next_part(const char **at, const char *end)
{
	const char *part = *at, *nul = memchr(part, 0, (size_t)(end - part));
	size_t len = (size_t)((nul ? nul : end) - part);

	*at = nul ? nul + 1 : end;
	return len ? value_bytes(part, len) : value_null();
}

static u64 again_count(const struct file_stats *stats)
{
	for (size_t i = 0; i < FILE_ERRORS_MAX; i++)
		if (stats->errors[i].number == EAGAIN)
			return stats->errors[i].count;
	return 0;
}

static void put_row(struct fold *fold, const struct process *process,
		    const struct text_map_entry *entry)
{
	static const char *const roles[] = { "client", "server", "peer" };
	const struct file_stats *stats = &((const struct net_row *)entry->value)->stats;
	const char *at = entry->key, *end = at + entry->key_len;
	struct value row[COLUMN_COUNT] = {};
	struct value role;

	row[COLUMN_process_id] = value_int(process->id);
	row[COLUMN_protocol] = next_part(&at, end);
	role = next_part(&at, end);
	row[COLUMN_role] = value_text(roles[(role.text[0] - '0') % 3]);
	row[COLUMN_service] = next_part(&at, end);
	row[COLUMN_host] = next_part(&at, end);
	row[COLUMN_connect_count] = value_int((s64)stats->counts[FILE_OP_connect]);
	row[COLUMN_connect_ns] = value_int((s64)stats->ns[FILE_OP_connect]);
	row[COLUMN_accept_count] = value_int((s64)stats->counts[FILE_OP_accept]);
	row[COLUMN_accept_ns] = value_int((s64)stats->ns[FILE_OP_accept]);
	row[COLUMN_send_count] = value_int((s64)stats->counts[FILE_OP_write]);
	row[COLUMN_send_bytes] = value_int((s64)stats->write_bytes);
	row[COLUMN_send_ns] = value_int((s64)stats->ns[FILE_OP_write]);
	row[COLUMN_receive_count] = value_int((s64)stats->counts[FILE_OP_read]);
	row[COLUMN_receive_bytes] = value_int((s64)stats->read_bytes);
	row[COLUMN_receive_ns] = value_int((s64)stats->ns[FILE_OP_read]);
	row[COLUMN_again_count] = value_int((s64)again_count(stats));
	row[COLUMN_error_count] = value_int((s64)(stats->error_count - again_count(stats)));
	row[COLUMN_errors] = file_stats_errors(stats, fold);
	fold_row(fold, row);
}

static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct net *net = process->slots[fold->slot];

	if (!net)
		return;
	for (size_t i = 0; shown && i < net->rows.count; i++)
		put_row(fold, process, &net->rows.entries[i]);
	cache_clear(net);
	text_map_release(&net->rows);
	free(net);
}

const struct metric metric_net_io = {
	.table = { .name = "net_io",
		   .doc = "which process talks to whom: connects, accepts, messages and bytes each "
			  "way",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "receive_ns",
		   .brief = "process_id,protocol,role,service,host,connect_count,accept_count,"
			    "send_count,send_bytes,receive_count,receive_bytes,receive_ns,errors" },
	.classes = FILE_CLASSES,
	.call = call,
	.event = event,
	.process_gone = process_gone,
};
