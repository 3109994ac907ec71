/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table communication: which process gave what to which, over pipes, sockets, futexes, signals, birth and end. */
#include "analyze/metrics/channel.h"
#include "analyze/metrics/file_stats.h"
#include "analyze/metrics/instance.h"
#include "analyze/metrics/text_map.h"
#include "analyze/model/futexes.h"
#include "analyze/model/idmap.h"
#include "analyze/model/sockets.h"
#include "analyze/model/span.h"

#define COLUMNS(C)                                                                                 \
	C(from_process_id, INTEGER, ID, "process that gave; NULL: outside the trace, or unknown")  \
	C(from_pid, INTEGER, NUMBER, "its pid")                                                    \
	C(from_comm, TEXT, NONE, "its last name")                                                  \
	C(to_process_id, INTEGER, ID,                                                              \
	  "process that got; NULL: outside the trace, or nobody in it took the bytes")             \
	C(to_pid, INTEGER, NUMBER, "its pid")                                                      \
	C(to_comm, TEXT, NONE, "its last name")                                                    \
	C(via, TEXT, NONE,                                                                         \
	  "pipe, tcp, udp, unix …; futex (it was woken), signal (also what ended any other "     \
	  "wait), child (birth; and its end, which the parent waited for); of waits alone: lock "  \
	  "(of a file), poll (of what is none of these), event (eventfd and the like), device "    \
	  "(also a terminal), ipc, uring")                                                         \
	C(peer, TEXT, NONE, "of one that is outside: its address; NULL: none, or not known")       \
	C(bytes, INTEGER, BYTES, "bytes that it gave; NULL where there are none")                  \
	C(count, INTEGER, COUNT, "calls that got some, wakes, signals, births")                    \
	C(wait_count, INTEGER, COUNT,                                                              \
	  "waits of the getter that the giver ended; also for room in a pipe or socket")           \
	C(wait_ns, INTEGER, NS, "their time")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

/* Addresses of peers outside beyond these are not told apart. */
#define PEERS_MAX 65536

struct key { /* and the peer's address behind it */
	u32 from, to;
	char via[16];
};

struct edge {
	u64 bytes, count, wait_count, wait_ns;
	bool has_bytes;
};

struct party {
	u32 pid;
	struct string *comm;
};

struct state {
	struct text_map edges;
	struct idmap parties;  /* by process id: who stands in edges */
	struct idmap channels; /* by object id: bytes that were written to it */
};

struct passing { /* what a channel tells about */
	struct fold *fold;
	const char *via;
	const struct string *peer;
};

static void init(struct fold *fold)
{
	((struct state *)fold->state)->edges.value_size = sizeof(struct edge);
}

static void note_party(struct fold *fold, const struct process *process)
{
	struct state *state = fold->state;
	struct party *party = idmap_find(&state->parties, process->id);

	if (!party) {
		party = xcalloc(1, sizeof(*party));
		party->pid = process->pid;
		idmap_put(&state->parties, process->id, party);
	}
	if (party->comm != process->comm)
		string_set(&party->comm, string_ref(process->comm));
}

static struct edge *edge_of(struct fold *fold, u32 from, u32 to, const char *via,
			    const struct string *peer)
{
	struct state *state = fold->state;
	struct key key = { .from = from, .to = to };

	memcpy(key.via, via, strnlen(via, sizeof(key.via) - 1));
	text_clear(&fold->text);
	text_add(&fold->text, (const char *)&key, sizeof(key));
	if (peer)
		text_add(&fold->text, peer->data, peer->len);
	if (peer && state->edges.count >= PEERS_MAX &&
	    !text_map_find(&state->edges, fold->text.data, fold->text.len))
		fold->text.len = sizeof(key);
	return text_map_get(&state->edges, fold->text.data, fold->text.len);
}

/* ---- bytes ---- */

static void pass(void *context, u32 from, u32 to, u64 bytes)
{
	const struct passing *passing = context;
	struct edge *edge =
		edge_of(passing->fold, from, to, passing->via, from && to ? NULL : passing->peer);

	edge->bytes += bytes;
	edge->has_bytes = true;
	edge->count++;
}

static struct channel *channel_of(struct fold *fold, u64 object_id)
{
	struct state *state = fold->state;
	struct channel *channel = idmap_find(&state->channels, (u32)object_id);

	if (channel)
		return channel;
	channel = xcalloc(1, sizeof(*channel));
	idmap_put(&state->channels, (u32)object_id, channel);
	return channel;
}

static const char *via_of(const struct object *object)
{
	const char *protocol;

	if (object->type == OBJECT_pipe)
		return "pipe";
	protocol = object->type == OBJECT_socket && object->socket
			   ? socket_protocol_name(object->socket)
			   : NULL;
	return protocol ? protocol : "socket";
}

/* What was written to a socket is read from its peer, whose reader knows which that is. */
static void use(struct fold *fold, const struct process *process, const struct file_use *use)
{
	const struct object *object = use->file ? use->file->object : NULL;
	struct passing passing = { .fold = fold };
	const struct socket *socket;
	u64 source;

	if (!object || !use->bytes ||
	    (object->type != OBJECT_pipe && object->type != OBJECT_socket))
		return;
	socket = object->type == OBJECT_socket ? object->socket : NULL;
	passing.via = via_of(object);
	passing.peer = socket ? socket->remote : NULL;
	note_party(fold, process);
	if (use->op == FILE_OP_write) {
		channel_write(channel_of(fold, object->id), process->id, use->bytes, pass,
			      &passing);
		return;
	}
	source = object->type == OBJECT_pipe ? object->id : socket ? socket->peer_id : 0;
	if (source)
		channel_read(channel_of(fold, source), process->id, use->bytes, pass, &passing);
	else
		pass(&passing, 0, process->id, use->bytes);
}

static void uses(struct fold *fold, const struct walk_step *step)
{
	const struct file_use *list;
	size_t count;

	if (!step->thread)
		return;
	count = model_uses(fold->walk->model, step->thread, &step->event, &list);
	for (size_t i = 0; i < count; i++)
		if (list[i].op == FILE_OP_read || list[i].op == FILE_OP_write)
			use(fold, step->thread->process, &list[i]);
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	uses(fold, step);
}

static void channel_free(struct fold *fold, struct channel *channel, const struct object *object)
{
	struct passing passing = { .fold = fold,
				   .via = object ? via_of(object) : "socket",
				   .peer = object && object->type == OBJECT_socket && object->socket
						   ? object->socket->remote
						   : NULL };

	channel_end(channel, pass, &passing);
	free(channel);
}

static void object_gone(struct fold *fold, struct object *object)
{
	struct state *state = fold->state;
	struct channel *channel = idmap_find(&state->channels, (u32)object->id);

	if (!channel)
		return;
	idmap_remove(&state->channels, (u32)object->id);
	channel_free(fold, channel, object);
}

/* ---- without bytes ---- */

static void add(struct fold *fold, const struct process *from, const struct process *to,
		const char *via, bool waited, u64 wait_ns)
{
	struct edge *edge;

	if (from == to)
		return;
	note_party(fold, from);
	note_party(fold, to);
	edge = edge_of(fold, from->id, to->id, via, NULL);
	if (waited) {
		edge->wait_count++;
		edge->wait_ns += wait_ns;
	} else {
		edge->count++;
	}
}

static void futex(struct fold *fold, const struct walk_step *step, const struct trc_futex *record)
{
	const struct futex_step *futex = futexes_step(fold->walk->model);
	const struct thread *waker;

	if (!futex->waker_id)
		return;
	waker = model_thread(fold->walk->model, futex->waker_tid, futex->waker_id);
	if (!waker || waker->process == step->thread->process)
		return;
	add(fold, waker->process, step->thread->process, "futex", false, 0);
	add(fold, waker->process, step->thread->process, "futex", true, record->duration_ns);
}

/* Signals of children's ends and of timers say nothing that is not said otherwise. */
static void signal(struct fold *fold, const struct walk_step *step,
		   const struct trc_signal_generate *record)
{
	const struct thread *target = model_thread(fold->walk->model, record->target_tid, 0);

	if (target && record->code <= 0 && record->code != -2)
		add(fold, step->thread->process, target->process, "signal", false, 0);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_head *record = step->event.record;
	const struct process *child;

	if (!step->thread)
		return;
	switch (step->event.kind_id) {
	case TRC_KIND_uring_complete:
		uses(fold, step);
		break;
	case TRC_KIND_futex:
		futex(fold, step, (const struct trc_futex *)record);
		break;
	case TRC_KIND_signal_generate:
		signal(fold, step, (const struct trc_signal_generate *)record);
		break;
	case TRC_KIND_task_new:
		child = model_process(fold->walk->model,
				      ((const struct trc_task_new *)record)->child_tgid);
		if (child)
			add(fold, step->thread->process, child, "child", false, 0);
		break;
	default:
		break;
	}
}

/* Who runs while a packet of the own machine arrives need not have sent it; who wrote to the other end has. */
static const struct process *giver(struct fold *fold, const struct span *span, u32 *ret_process_id)
{
	struct state *state = fold->state;
	const struct socket *socket = span->object ? span->object->socket : NULL;
	const struct channel *channel = socket && socket->peer_id
						? idmap_find(&state->channels, (u32)socket->peer_id)
						: NULL;

	*ret_process_id = channel && !span->interrupted ? channel->last_writer : 0;
	return span->waker && span->waker_context == WAKER_task ? span->waker->process : NULL;
}

/* Who ends a wait for one of these gave something; of one for a disk or memory it only came by. */
static const char *via_of_reason(u8 reason)
{
	switch (reason) {
	case WAIT_lock:
	case WAIT_poll:
	case WAIT_event:
	case WAIT_device:
	case WAIT_ipc:
	case WAIT_uring:
	case WAIT_signal:
		return wait_reason_name(reason);
	case WAIT_child:
	case WAIT_vfork:
		return "child";
	default: /* futexes tell of themselves */
		return NULL;
	}
}

static const char *via_of_wait(const struct span *span)
{
	if (span->interrupted && span->state == SPAN_sleep)
		return "signal";
	if (span->object &&
	    (span->object->type == OBJECT_pipe || span->object->type == OBJECT_socket))
		return via_of(span->object);
	return via_of_reason(span->reason);
}

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	const struct process *from;
	const char *via;
	struct edge *edge;
	u32 from_id;

	if (!shown || !span_waits(span->state))
		return;
	via = via_of_wait(span);
	if (!via)
		return;
	from = giver(fold, span, &from_id);
	/* They work for others. */
	if (from && process_is_of_kernel(from))
		from = NULL;
	if (from) {
		add(fold, from, thread->process, via, true, span->end_ns - span->start_ns);
	} else if (from_id && from_id != thread->process->id) {
		note_party(fold, thread->process);
		edge = edge_of(fold, from_id, thread->process->id, via, NULL);
		edge->wait_count++;
		edge->wait_ns += span->end_ns - span->start_ns;
	}
}

/* ---- rows ---- */

static void put_party(struct state *state, u32 id, struct value *values)
{
	const struct party *party = id ? idmap_find(&state->parties, id) : NULL;

	values[0] = value_known(id, 0);
	values[1] = party ? value_int(party->pid) : value_null();
	values[2] = party ? value_string(party->comm) : value_null();
}

static void put_row(struct fold *fold, const struct text_map_entry *entry)
{
	const struct edge *edge = entry->value;
	struct value row[COLUMN_COUNT] = {};
	struct key key;

	memcpy(&key, entry->key, sizeof(key));
	put_party(fold->state, key.from, &row[COLUMN_from_process_id]);
	put_party(fold->state, key.to, &row[COLUMN_to_process_id]);
	row[COLUMN_via] = value_text(key.via);
	if (entry->key_len > sizeof(key))
		row[COLUMN_peer] =
			value_bytes(entry->key + sizeof(key), entry->key_len - sizeof(key));
	if (edge->has_bytes)
		row[COLUMN_bytes] = value_int((s64)edge->bytes);
	row[COLUMN_count] = value_int((s64)edge->count);
	row[COLUMN_wait_count] = value_int((s64)edge->wait_count);
	row[COLUMN_wait_ns] = value_int((s64)edge->wait_ns);
	fold_row(fold, row);
}

static int by_id(const void *a, const void *b)
{
	const struct idmap_slot *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* In an order that does not depend on the map's. */
static void end_channels(struct fold *fold)
{
	struct state *state = fold->state;

	if (state->channels.count)
		qsort(state->channels.slots, state->channels.capacity,
		      sizeof(*state->channels.slots), by_id);
	for (size_t i = 0; i < state->channels.capacity; i++)
		if (state->channels.slots[i].value)
			channel_free(fold, state->channels.slots[i].value, NULL);
	idmap_release(&state->channels);
}

static void finish(struct fold *fold)
{
	struct state *state = fold->state;

	end_channels(fold);
	for (size_t i = 0; i < state->edges.count; i++)
		put_row(fold, &state->edges.entries[i]);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	end_channels(fold);
	for (size_t i = 0; i < state->parties.capacity; i++) {
		struct party *party = state->parties.slots[i].value;

		if (party)
			string_unref(party->comm);
		free(party);
	}
	idmap_release(&state->parties);
	text_map_release(&state->edges);
}

const struct metric metric_communication = {
	.table = { .name = "communication",
		   .doc = "which process gave what to which, over what, and who waited for whom",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "wait_ns",
		   .brief = "from_pid,from_comm,to_pid,to_comm,via,peer,bytes,count,wait_count,"
			    "wait_ns" },
	.classes = FILE_CLASSES | 1ull << TRC_CLASS_FUTEX | 1ull << TRC_CLASS_SIGNAL,
	.state_size = sizeof(struct state),
	.init = init,
	.call = call,
	.event = event,
	.span = span,
	.object_gone = object_gone,
	.finish = finish,
	.release = release,
};
