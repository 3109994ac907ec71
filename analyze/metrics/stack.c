/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table stack: where threads waited or made calls, folded: a row per stack, reason and call. */
#include "analyze/call_names.h"
#include "analyze/metrics/instance.h"
#include "analyze/metrics/text_map.h"

#define COLUMNS(C)                                                                                 \
	C(why, TEXT, NONE,                                                                         \
	  "off-cpu: left the CPU to wait; futex: did so in a futex call; syscall: a chosen call")  \
	C(syscall, TEXT, NONE, "the call that the threads were in; NULL: none")                    \
	C(count, INTEGER, COUNT, "how often")                                                      \
	C(time_ns, INTEGER, NS,                                                                    \
	  "waits: until the thread's next event, the wait for a CPU included; calls: their "       \
	  "duration")                                                                              \
	C(stack, TEXT, NONE,                                                                       \
	  "frames, outermost first, user space before the kernel, between semicolons: as flame "   \
	  "graphs are made of; [cut]: there were more")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

/*
 * Texts are made at the end: a CPU's record that uses a number may come before another's that explains it. Modules
 * are those of the moment; who holds a reference keeps them as they are.
 */
struct key {
	u32 why, call; /* 1 + number of call_names; 0: none */
	u32 section, user_stack, kernel_stack, zero;
	struct modules *modules;
};

struct entry {
	u64 count, time_ns;
};

struct row_key { /* in front of the folded text */
	u32 why, call;
};

/* Stacks whose texts are longer together: those that come then share a row per reason and call. */
#define TEXTS_BYTES_MAX (256u << 20)

struct state {
	struct text_map by_stack, rows; /* of struct entry, by struct key and row_key */
	size_t texts_bytes;
};

struct waiting {	     /* of a thread */
	struct entry *entry; /* NULL: it is not known to wait */
	u64 since_ns;
	u64 call_ts, call_duration_ns; /* the last call that ended */
};

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->by_stack.value_size = state->rows.value_size = sizeof(struct entry);
}

static struct waiting *waiting_of(struct fold *fold, struct thread *thread, u64 now)
{
	struct waiting *waiting = thread->slots[fold->slot];

	if (!waiting)
		waiting = thread->slots[fold->slot] = xcalloc(1, sizeof(*waiting));
	if (waiting->entry && now > waiting->since_ns) {
		waiting->entry->time_ns += now - waiting->since_ns;
		waiting->entry = NULL;
	}
	return waiting;
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	struct waiting *waiting = waiting_of(fold, step->thread, record->head.ts);

	waiting->call_ts = record->head.ts;
	waiting->call_duration_ns = record->duration_ns;
}

static struct entry *entry_of(struct fold *fold, const struct walk_step *step,
			      const struct trc_stack_use *use)
{
	struct state *state = fold->state;
	struct key key = { .why = use->why,
			   .section = step->event.section,
			   .user_stack = use->user_stack,
			   .kernel_stack = use->kernel_stack,
			   .modules = step->thread->process->identity.modules };
	struct entry *entry;

	if (use->abi)
		key.call = 1 + call_names_id(fold->walk->calls, use->abi, use->nr);
	entry = text_map_get(&state->by_stack, (const char *)&key, sizeof(key));
	if (!entry->count++)
		modules_ref(key.modules);
	return entry;
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_stack_use *use = (const struct trc_stack_use *)step->event.record;
	struct waiting *waiting;
	struct entry *entry;

	if (!step->thread)
		return;
	waiting = waiting_of(fold, step->thread, use->head.ts);
	if (step->event.kind_id != TRC_KIND_stack_use)
		return;
	entry = entry_of(fold, step, use);
	if (!(use->why & TRC_STACK_SYSCALL)) {
		waiting->entry = entry;
		waiting->since_ns = use->head.ts;
	} else if (waiting->call_ts == use->head.ts) {
		entry->time_ns += waiting->call_duration_ns;
	}
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	free(thread->slots[fold->slot]);
	thread->slots[fold->slot] = NULL;
}

/* Different numbers and processes may have the same text. */
static void add_row(struct fold *fold, const struct key *key, const struct entry *from)
{
	const struct row_key row_key = { key->why, key->call };
	struct state *state = fold->state;
	struct text *text = &fold->text;
	struct text stack = {};
	struct entry *entry;

	if (key->user_stack)
		model_add_stack(fold->walk->model, key->section, key->user_stack, key->modules,
				&stack);
	if (key->kernel_stack)
		model_add_stack(fold->walk->model, key->section, key->kernel_stack, NULL, &stack);
	if (!stack.len)
		text_adds(&stack, "[unknown]");
	text_clear(text);
	text_add(text, (const char *)&row_key, sizeof(row_key));
	text_add(text, stack.data, stack.len);
	text_release(&stack);
	entry = text_map_find(&state->rows, text->data, text->len);
	if (!entry) {
		if (state->texts_bytes < TEXTS_BYTES_MAX) {
			state->texts_bytes += text->len;
		} else {
			text->len = sizeof(row_key);
			text_adds(text, "[cut]");
		}
		entry = text_map_get(&state->rows, text->data, text->len);
	}
	entry->count += from->count;
	entry->time_ns += from->time_ns;
}

static void put_row(struct fold *fold, const struct text_map_entry *from)
{
	static const char *const reasons[] = {
		"?",	   "off-cpu",	      "futex",	       "off-cpu,futex",
		"syscall", "off-cpu,syscall", "futex,syscall", "off-cpu,futex,syscall"
	};
	const struct entry *entry = from->value;
	struct value row[COLUMN_COUNT] = {};
	struct row_key key;

	memcpy(&key, from->key, sizeof(key));
	row[COLUMN_why] = value_text(reasons[key.why & 7]);
	if (key.call)
		row[COLUMN_syscall] =
			value_text(call_names_get(fold->walk->calls, key.call - 1)->name);
	row[COLUMN_count] = value_int((s64)entry->count);
	row[COLUMN_time_ns] = value_int((s64)entry->time_ns);
	row[COLUMN_stack] = value_bytes(from->key + sizeof(key), from->key_len - sizeof(key));
	fold_row(fold, row);
}

static void finish(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->by_stack.count; i++) {
		struct key key;

		memcpy(&key, state->by_stack.entries[i].key, sizeof(key));
		add_row(fold, &key, state->by_stack.entries[i].value);
	}
	for (size_t i = 0; i < state->rows.count; i++)
		put_row(fold, &state->rows.entries[i]);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->by_stack.count; i++) {
		struct key key;

		memcpy(&key, state->by_stack.entries[i].key, sizeof(key));
		modules_unref(key.modules);
	}
	text_map_release(&state->by_stack);
	text_map_release(&state->rows);
}

const struct metric metric_stack = {
	.table = { .name = "stack",
		   .doc = "where threads waited or made calls: stacks, folded (record -g)",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "time_ns" },
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_OBJECT) |
		   (1ull << TRC_CLASS_SYSCALL) | (1ull << TRC_CLASS_STACK),
	.state_size = sizeof(struct state),
	.init = init,
	.call = call,
	.event = event,
	.thread_gone = thread_gone,
	.finish = finish,
	.release = release,
};
