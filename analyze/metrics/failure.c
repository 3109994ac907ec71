/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table failure: failed calls per name, error and directory. */
#include "analyze/call_names.h"
#include "analyze/metrics/call_place.h"
#include "analyze/metrics/file_stats.h"
#include "analyze/metrics/text_map.h"

/* A program that fails in ever new places: the rest share a row per call and error. */
#define FAILURE_PLACES_MAX 65536

#define COLUMNS(C)                                                                                  \
	C(name, TEXT, NONE, "name of the call")                                                     \
	C(errno, INTEGER, NUMBER, "number of the error")                                            \
	C(errno_name, TEXT, NONE, "its name on the recording machine")                              \
	C(directory, TEXT, NONE,                                                                    \
	  "directory of the file that the call was about, by its path or its descriptor; . for a "  \
	  "bare name where the current directory is not known; of a socket its service, of a "      \
	  "pipe and the like its type; NULL: no file")                                              \
	C(count, INTEGER, COUNT,                                                                    \
	  "failed calls, but for those that the kernel repeats (ERESTARTSYS …) and returns from " \
	  "signal handlers; a connect that goes on behind its call counts if that fails")           \
	C(total_ns, INTEGER, NS, "sum of the durations of the complete ones")                       \
	C(first_ts_ns, INTEGER, TS, "when the first one failed")                                    \
	C(first_tid, INTEGER, NUMBER, "thread that made it")                                        \
	C(first_comm, TEXT, NONE, "its name then")                                                  \
	C(first_path, TEXT, NONE, "that file; as directory where that is none")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct key {
	u32 name;
	u16 error;
	u8 place; /* enum call_place */
	u8 zero;
};

struct failures { /* key: struct key, then the directory */
	u64 count, total_ns, first_ts_ns;
	u32 first_tid;
	struct string *first_comm, *first_path;
};

struct state {
	struct text_map places;
	u32 connect_id; /* the call's name; CALL_NAMES_MAX: there is none */
	bool connect_sought;
	size_t long_bytes;
	struct text place;
};

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->places.value_size = sizeof(struct failures);
	state->connect_id = CALL_NAMES_MAX;
}

/* As dirname does: "/a/b" → "/a", "/a" → "/", "a" → ".". */
static void add_directory(struct text *text, const char *path, size_t len)
{
	const char *slash = memrchr(path, '/', len);

	if (!slash)
		text_addc(text, '.');
	else
		text_add(text, path, slash == path ? 1 : (size_t)(slash - path));
}

/* For what is known already there always is. */
static bool has_room(struct state *state, const struct text *key)
{
	if (state->places.count >= FAILURE_PLACES_MAX)
		return text_map_find(&state->places, key->data, key->len);
	return text_map_has_room(&state->places, &state->long_bytes, key->data, key->len);
}

static struct failures *failures_of(struct fold *fold, const struct key *key,
				    const struct text *place)
{
	struct state *state = fold->state;

	text_clear(&fold->text);
	text_add(&fold->text, (const char *)key, sizeof(*key));
	if (key->place != PLACE_NONE) {
		if (key->place == PLACE_PATH)
			add_directory(&fold->text, place->data, place->len);
		else
			text_add(&fold->text, place->data, place->len);
		if (!has_room(state, &fold->text))
			fold->text.len = sizeof(*key);
	}
	return text_map_get(&state->places, fold->text.data, fold->text.len);
}

/* The place stands in state->place. */
static struct failures *count(struct fold *fold, const struct walk_step *step,
			      const struct key *key)
{
	const struct text *place = &((struct state *)fold->state)->place;
	struct failures *failures = failures_of(fold, key, place);

	if (!failures->count++) {
		failures->first_ts_ns = step->event.record->ts;
		failures->first_tid = step->thread->tid;
		failures->first_comm = string_ref(step->thread->comm);
		failures->first_path =
			key->place == PLACE_NONE ? NULL : string_new(place->data, place->len);
	}
	return failures;
}

/* What the call failed with; 0: with nothing, or not yet. */
static u32 failure_of(struct fold *fold, const struct walk_step *step,
		      const struct trc_syscall *record)
{
	const struct file_use *uses;

	return step_uses(fold, step, &uses) ? step_use_error(fold, &uses[0], record)
					    : call_failure(record);
}

/* What such a call "returns" is the result of the one that the signal interrupted. */
static bool is_sigreturn(const char *name)
{
	return !strcmp(name, "rt_sigreturn") || !strcmp(name, "sigreturn");
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	struct state *state = fold->state;
	struct key key = {};
	struct failures *failures;

	if (!call_error(record))
		return;
	key.name = call_names_id(fold->walk->calls, record->abi, record->nr);
	key.error = (u16)failure_of(fold, step, record);
	if (!key.error || is_sigreturn(call_names_get(fold->walk->calls, key.name)->name))
		return;
	key.place = (u8)call_place(fold->walk, step, record, &state->place);
	failures = count(fold, step, &key);
	if (record->state == TRC_SYSCALL_COMPLETE)
		failures->total_ns += record->duration_ns;
}

/* The call that it is told behind may lie before the window, or before the recording. */
static u32 connect_id(struct fold *fold)
{
	const struct trace_meta *meta = fold->walk->meta;
	struct state *state = fold->state;

	for (size_t i = 0; i < meta->table_count && !state->connect_sought; i++) {
		const struct syscall_desc *desc = syscall_by_name(&meta->tables[i], "connect");

		if (!desc)
			continue;
		state->connect_id = call_names_id(fold->walk->calls, meta->tables[i].abi, desc->nr);
		break;
	}
	state->connect_sought = true;
	return state->connect_id;
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_sock *record = (const struct trc_sock *)step->event.record;
	struct state *state = fold->state;
	struct key key = { .place = PLACE_OTHER };
	const struct object *object;

	if (step->event.kind_id != TRC_KIND_sock || !step->thread)
		return;
	object = model_socket(fold->walk->model, record);
	key.error = object ? (u16)connect_late_error(object->socket, record) : 0;
	if (!key.error)
		return;
	key.name = connect_id(fold);
	if (key.name == CALL_NAMES_MAX)
		return;
	text_clear(&state->place);
	socket_place(object, &state->place);
	count(fold, step, &key);
}

static void put_row(struct fold *fold, const struct text_map_entry *entry)
{
	const struct failures *failures = entry->value;
	struct value row[COLUMN_COUNT] = {};
	struct key key;

	memcpy(&key, entry->key, sizeof(key));
	row[COLUMN_name] = value_text(call_names_get(fold->walk->calls, key.name)->name);
	row[COLUMN_errno] = value_int(key.error);
	row[COLUMN_errno_name] = value_text(decoder_errno_name(fold->walk->decoder, key.error));
	if (entry->key_len > sizeof(key))
		row[COLUMN_directory] =
			value_bytes(entry->key + sizeof(key), entry->key_len - sizeof(key));
	else if (key.place != PLACE_NONE)
		row[COLUMN_directory] = value_text(TEXT_MAP_ELSEWHERE);
	row[COLUMN_count] = value_int((s64)failures->count);
	row[COLUMN_total_ns] = value_int((s64)failures->total_ns);
	row[COLUMN_first_ts_ns] = value_int((s64)failures->first_ts_ns);
	row[COLUMN_first_tid] = value_int(failures->first_tid);
	row[COLUMN_first_comm] = value_string(failures->first_comm);
	row[COLUMN_first_path] = value_string(failures->first_path);
	fold_row(fold, row);
}

static void finish(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->places.count; i++)
		put_row(fold, &state->places.entries[i]);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->places.count; i++) {
		struct failures *failures = state->places.entries[i].value;

		string_unref(failures->first_comm);
		string_unref(failures->first_path);
	}
	text_map_release(&state->places);
	text_release(&state->place);
}

const struct metric metric_failure = {
	.table = { .name = "failure",
		   .doc = "failed system calls per name, error and directory",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "count",
		   .brief = "count,name,errno_name,directory,first_tid,first_comm,first_ts_ns,"
			    "first_path" },
	.classes = WALK_FDS | (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_OBJECT) |
		   (1ull << TRC_CLASS_SYSCALL),
	.state_size = sizeof(struct state),
	.init = init,
	.call = call,
	.event = event,
	.finish = finish,
	.release = release,
};
