/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/walk.h"

#include "analyze/call_names.h"
#include "analyze/loss.h"
#include "analyze/model/dirs.h"
#include "analyze/model/fds.h"
#include "analyze/model/spans.h"
#include "analyze/series.h"
#include "common/alloc.h"
#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is it of another recording than the first? `cat a b` puts several into a file. */
static bool is_other(const struct walk *walk, u32 section)
{
	const struct trace_meta *meta = trace_reader_section_meta(walk->reader, section);

	return memcmp(meta->uuid, walk->meta->uuid, sizeof(meta->uuid)) != 0;
}

/* What the summary says of begin and end; without one the clocks and the chunks' heads. */
static void find_bounds(struct walk *walk)
{
	size_t chunk_count, clock_count;
	const struct trace_chunk *chunks = trace_reader_chunks(walk->reader, &chunk_count);
	const struct trace_clock_sample *clocks = trace_reader_clocks(walk->reader, &clock_count);
	u64 first = UINT64_MAX, last = 0, others_first = UINT64_MAX;

	for (size_t i = 0; i < chunk_count; i++) {
		const struct trace_head *head = &chunks[i].head;

		if (!head->event_count || !trace_reader_has_clock(walk->reader, chunks[i].section))
			continue;
		walk->event_count += head->event_count;
		if (head->ts_min < first)
			first = head->ts_min;
		if (head->ts_max > last && head->ts_max != TRACE_TS_NONE)
			last = head->ts_max;
		if (is_other(walk, chunks[i].section) && head->ts_min < others_first)
			others_first = head->ts_min;
	}
	if (clock_count && clocks[0].mono_ns < first)
		first = clocks[0].mono_ns;
	walk->start_ns = walk->summary ? walk->summary->start_ns : first == UINT64_MAX ? 0 : first;
	walk->end_ns = walk->summary && walk->summary->end_ns ? walk->summary->end_ns : last;
	/* The summary is that of the first section; the recording behind it may be older. */
	if (others_first < walk->start_ns)
		walk->start_ns = others_first;
	if (trace_reader_section_count(walk->reader) > 1 && last > walk->end_ns)
		walk->end_ns = last;
	if (walk->end_ns < walk->start_ns)
		walk->end_ns = walk->start_ns;
}

static u32 count_recordings(const struct walk *walk)
{
	u32 count = 1, sections = trace_reader_section_count(walk->reader);

	for (u32 i = 0; i < sections; i++)
		count += trace_reader_section_meta(walk->reader, i) && is_other(walk, i);
	return count;
}

/* The commands that the recordings started, and when the recordings began. */
static void add_commands(const struct walk *walk, struct model *model)
{
	size_t count;
	const struct trace_chunk *chunks = trace_reader_chunks(walk->reader, &count);
	u64 start_ns = walk->summary ? walk->summary->start_ns : walk->start_ns;

	model_add_command(model, walk->meta->command_pid, start_ns);
	for (size_t i = 0; i < count;) {
		u32 section = chunks[i].section;
		const struct trace_meta *meta = trace_reader_section_meta(walk->reader, section);
		u64 first = UINT64_MAX;

		for (; i < count && chunks[i].section == section; i++)
			if (chunks[i].head.event_count && chunks[i].head.ts_min < first)
				first = chunks[i].head.ts_min;
		if (is_other(walk, section) && trace_reader_has_clock(walk->reader, section))
			model_add_command(model, meta->command_pid, first);
	}
}

/* Did the recorder attach, and name what was there? */
static bool tells_what_it_found(const struct trace_summary *summary)
{
	for (size_t i = 0; i < summary->kind_count; i++)
		if (summary->kinds[i].kind == TRC_KIND_task_found)
			return summary->kinds[i].recorded;
	return false;
}

/*
 * Usually the life-cycle events name every process. Where some are missing, or there is no snapshot of
 * what was there before, calls are the only witnesses of some: then all commands walk over all events,
 * so that they number the same instances.
 */
static bool tasks_suffice(const struct walk *walk)
{
	return walk->summary && !walk->losses->count &&
	       (walk->state || walk->meta->command_pid || tells_what_it_found(walk->summary));
}

/* /dev/zero, a terminal: the reader would wait for an end that never comes. */
static bool is_device(const char *path)
{
	struct stat st;

	return !(strcmp(path, "-") ? stat(path, &st) : fstat(STDIN_FILENO, &st)) &&
	       S_ISCHR(st.st_mode);
}

/* What the model needs to follow descriptors. */
#define FDS_CLASSES                                                                                \
	((1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_OBJECT) | (1ull << TRC_CLASS_SYSCALL))

/* And to tell spans. */
#define SPANS_CLASSES                                                                              \
	(FDS_CLASSES | (1ull << TRC_CLASS_SCHED) | (1ull << TRC_CLASS_FUTEX) |                     \
	 (1ull << TRC_CLASS_MEMORY))

/* Which sections of the file tell of the scheduler? */
static void find_sched(struct walk *walk)
{
	size_t count;
	const struct trace_chunk *chunks = trace_reader_chunks(walk->reader, &count);
	u32 sections = trace_reader_section_count(walk->reader);

	walk->has_sched = xcalloc(sections, sizeof(*walk->has_sched));
	for (u32 i = 0; i < sections; i++) {
		const struct trace_meta *meta = trace_reader_section_meta(walk->reader, i);

		walk->has_sched[i] = meta && trace_meta_has_group(meta, "sched");
	}
	for (size_t i = 0; i < count; i++)
		if (chunks[i].section < sections &&
		    trace_reader_classes(walk->reader, &chunks[i]) & 1ull << TRC_CLASS_SCHED)
			walk->has_sched[chunks[i].section] = true;
}

void walk_follow_spans(struct walk *walk)
{
	const struct spans_options options = { .decoder = walk->decoder,
					       .start_ns = walk->start_ns,
					       .end_ns = walk->end_ns,
					       .has_sched = walk->has_sched,
					       .section_count =
						       trace_reader_section_count(walk->reader),
					       .blind = &walk->losses->blind };

	model_follow_spans(walk->model, &options);
}

int walk_open(const char *path, const struct selection_options *options, u64 classes,
	      struct walk **ret_walk, char **ret_error)
{
	struct walk *walk = xcalloc(1, sizeof(*walk));
	struct stream_options stream_options;
	int r;

	walk->path = path;
	walk->until_ns = UINT64_MAX;
	walk->period_ns = 1000000000;
	r = is_device(path) ? -EBADMSG : trace_reader_open(path, &walk->reader);
	if (r == -EPROTONOSUPPORT && walk->reader) {
		const struct trace_meta *meta = trace_reader_meta(walk->reader);

		*ret_error = xasprintf(
			"it is in format %u.%u, written by %s", meta->major, meta->minor,
			meta->producer && *meta->producer ? meta->producer : "a newer program");
	}
	if (r)
		goto failed;
	walk->meta = trace_reader_meta(walk->reader);
	walk->state = trace_reader_state(walk->reader);
	walk->summary = trace_reader_summary(walk->reader);
	walk->recording_count = count_recordings(walk);
	walk->continued = series_continued(walk->reader);
	find_bounds(walk);
	r = selection_parse(options, walk->reader, walk->start_ns, &walk->selection, ret_error);
	if (r)
		goto failed;
	walk->losses = loss_list_new(walk->reader);
	walk->lost_count = walk->losses->lost_count;
	walk->decoder = decoder_new(walk->meta);
	walk->calls = call_names_new(walk->decoder);
	walk->model = model_new(walk->reader);
	add_commands(walk, walk->model);
	if (classes & WALK_SPANS) {
		find_sched(walk);
		walk_follow_spans(walk);
		classes |= WALK_FDS | WALK_LATER;
	}
	walk->fds = classes & WALK_FDS;
	if (walk->fds)
		model_follow_fds(walk->model, walk->decoder, walk->meta);
	if (walk->state)
		model_load_state(walk->model, walk->state);

	stream_options = (struct stream_options){
		.from_ns = classes & WALK_FDS ? 0 : walk->selection.from_ns,
		.to_ns = classes & WALK_LATER ? UINT64_MAX : walk->selection.to_ns,
		.classes = classes & ~(WALK_LATER | WALK_FDS | WALK_SPANS)
	};
	if (classes & WALK_SPANS)
		stream_options.classes |= SPANS_CLASSES;
	if (classes & WALK_FDS && stream_options.classes)
		stream_options.classes |= FDS_CLASSES;
	if (!tasks_suffice(walk))
		stream_options = (struct stream_options){ .to_ns = UINT64_MAX };
	stream_options.futex_first = classes & WALK_SPANS;
	if (stream_options.classes && !options->time)
		walk->unread = ~stream_options.classes;
	r = stream_open(walk->reader, &stream_options, &walk->stream);
	if (r)
		goto failed;
	*ret_walk = walk;
	return 0;
failed:
	walk_close(walk);
	return r;
}

/* The other one that the event tells of; 0: there is none. */
static u32 other_tid(const struct event *event)
{
	switch (event->kind_id) {
	case TRC_KIND_sched_switch:
		return ((const struct trc_sched_switch *)event->record)->next_tid;
	case TRC_KIND_sched_wakeup:
		return ((const struct trc_sched_wakeup *)event->record)->woken_tid;
	case TRC_KIND_sched_migrate:
		return ((const struct trc_sched_migrate *)event->record)->migrated_tid;
	case TRC_KIND_signal_generate:
		return ((const struct trc_signal_generate *)event->record)->target_tid;
	case TRC_KIND_cgroup_move:
		return ((const struct trc_cgroup_move *)event->record)->moved_tid;
	case TRC_KIND_block_io:
		return ((const struct trc_block_io *)event->record)->dirtied_tid;
	default:
		return 0;
	}
}

static bool is_selected(struct walk *walk, const struct walk_step *step)
{
	const struct selection *selection = &walk->selection;
	const struct trc_head *record = step->event.record;
	struct thread *thread = step->thread;

	if (!selection->active)
		return true;
	if (!thread) /* what somebody who is not in the trace does to a thread is that thread's */
		thread = model_thread(walk->model, other_tid(&step->event), 0);
	/* Judged even outside the window: a process is shown by any of its threads. */
	if (thread && !selection_thread(selection, thread))
		return false;
	if (!selection_time(selection, record->ts))
		return false;
	if (step->event.kind_id == TRC_KIND_call_count) {
		const struct trc_call_count *counted = (const struct trc_call_count *)record;

		return selection_call(selection, counted->abi, counted->nr);
	}
	if (step->event.kind_id != TRC_KIND_syscall)
		return !selection->calls;
	return selection_call(selection, ((const struct trc_syscall *)record)->abi,
			      ((const struct trc_syscall *)record)->nr);
}

static bool is_hidden(const struct event *event)
{
	return event->kind_id == TRC_KIND_syscall &&
	       (((const struct trc_syscall *)event->record)->flags & TRC_CALL_HIDDEN);
}

static bool is_later(const struct walk *walk, const struct walk_step *step)
{
	const struct trc_syscall *record = (const struct trc_syscall *)step->event.record;

	return step->event.kind_id == TRC_KIND_syscall && step->thread &&
	       record->head.ts > walk->selection.to_ns && !is_hidden(&step->event) &&
	       selection_thread(&walk->selection, step->thread) &&
	       selection_call(&walk->selection, record->abi, record->nr);
}

static void name_fd(void *context, s32 fd, enum decode_fd_side side, struct text *out)
{
	struct thread *thread = context;
	const struct string *name;
	struct open_file *file;

	if (!thread)
		return;
	if (fd == DECODE_AT_FDCWD) {
		name = thread_cwd(thread);
	} else {
		file = side == DECODE_FD_MADE ? thread_fd(thread, fd)
					      : thread_fd_before(thread, fd);
		name = file ? open_file_name(file) : NULL;
	}
	if (name)
		text_add(out, name->data, name->len);
}

/* A call that was under way when its file ended, of which the next file tells. */
static bool is_told_again(const struct walk *walk, const struct event *event)
{
	return walk->continued && walk->continued[event->section] &&
	       event->kind_id == TRC_KIND_syscall &&
	       ((const struct trc_syscall *)event->record)->flags & TRC_CALL_GOES_ON;
}

bool walk_next(struct walk *walk, struct walk_step *ret_step)
{
	do {
		if (!stream_next(walk->stream, &ret_step->event) ||
		    ret_step->event.record->ts > walk->until_ns)
			return false;
	} while (is_told_again(walk, &ret_step->event));
	walk->walked_count++;
	if (walk->has_sched) /* taking up chunks may have shown damage */
		loss_list_refresh(walk->losses, walk->reader);
	ret_step->thread = model_event(walk->model, &ret_step->event);
	/* Several walks may share the decoder. */
	if (walk->fds)
		decoder_name_fds(walk->decoder, name_fd, ret_step->thread);
	ret_step->selected = is_selected(walk, ret_step);
	ret_step->shown = ret_step->selected && !is_hidden(&ret_step->event);
	ret_step->later = !ret_step->selected && is_later(walk, ret_step);
	return true;
}

void walk_check(struct walk *walk, u64 classes)
{
	struct trace_buffer buffer = {};
	const struct trace_chunk *chunks;
	size_t count;

	chunks = trace_reader_chunks(walk->reader, &count);
	for (size_t i = 0; i < count; i++)
		if (trace_reader_has_clock(walk->reader, chunks[i].section) &&
		    !(trace_reader_classes(walk->reader, &chunks[i]) & ~classes))
			trace_reader_chunk(walk->reader, &chunks[i], &buffer);
	free(buffer.data);
	walk->unread &= ~classes;
}

void walk_finish(struct walk *walk)
{
	model_finish(walk->model);
}

bool walk_is_lossy(const struct walk *walk, u16 kind, u64 from_ns, u64 to_ns)
{
	const struct schema_kind *ours = schema_kind_by_id(schema_builtin(), kind), *theirs;

	loss_list_refresh(walk->losses, walk->reader);
	if (!walk->losses->count)
		return false;
	theirs = ours ? schema_kind_by_name(&walk->meta->schema, ours->name) : NULL;
	return loss_list_touches(walk->losses, theirs ? theirs->id : 0,
				 from_ns == MODEL_UNKNOWN ? 0 : from_ns, to_ns);
}

u64 walk_paused_ns(const struct walk *walk)
{
	const struct intervals *pauses = &walk->losses->pauses;
	_cleanup_free_ u64 *sums = intervals_sums(pauses);

	return intervals_before(pauses, sums, walk->end_ns) -
	       intervals_before(pauses, sums, walk->start_ns);
}

void walk_add_signal(const struct walk *walk, struct text *text, u32 number)
{
	const char *name = decoder_signal_name(walk->decoder, number);

	if (name)
		text_add_printable(text, name, strlen(name));
	else
		text_addf(text, "signal %u", number);
}

void trace_uuid_text(const struct trace_meta *meta, char out[TRACE_UUID_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(meta->uuid); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[meta->uuid[i] >> 4];
		*out++ = digits[meta->uuid[i] & 15];
	}
	*out = 0;
}

void walk_close(struct walk *walk)
{
	if (!walk)
		return;
	stream_close(walk->stream);
	model_free(walk->model);
	call_names_free(walk->calls);
	decoder_free(walk->decoder);
	loss_list_free(walk->losses);
	selection_release(&walk->selection);
	if (walk->reader)
		trace_reader_close(walk->reader);
	free(walk->continued);
	free(walk->has_sched);
	free(walk);
}
