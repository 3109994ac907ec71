/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/trigger.h"

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/options.h"
#include "common/suggest.h"
#include "common/text.h"

#define CONDITIONS_MAX 16
#define WORDS_MAX      1024
#define ERRNO_MAX      4095

enum comparison {
	COMPARE_NONE,
	COMPARE_EQ,
	COMPARE_NE,
	COMPARE_LT,
	COMPARE_LE,
	COMPARE_GT,
	COMPARE_GE,
};

enum source {
	SOURCE_FIELD,
	SOURCE_TGID,
	SOURCE_TID,
	SOURCE_ERRNO,
	SOURCE_CODE,
	SOURCE_SIGNAL,
	SOURCE_CALL,
};

struct condition {
	enum source source;
	enum comparison op;
	const struct schema_field *field;
	s64 value;
	char *string;		 /* fields of bytes */
	struct syscall_set *set; /* SOURCE_CALL */
};

struct trigger {
	char *text;
	u16 kind;
	size_t count;
	struct condition conditions[CONDITIONS_MAX];
};

struct parser {
	const struct syscall_table *tables;
	size_t table_count;
	const char *text; /* the whole expression */
	const struct schema_kind *kind;
	struct trigger *trigger;
	char *error;
};

static const struct {
	const char *name;
	const char *kind; /* NULL: any */
	enum source source;
} words[] = {
	{ "syscall", "syscall", SOURCE_CALL }, { "errno", "syscall", SOURCE_ERRNO },
	{ "code", "task_exit", SOURCE_CODE },  { "signal", "task_exit", SOURCE_SIGNAL },
	{ "pid", NULL, SOURCE_TGID },	       { "tid", NULL, SOURCE_TID },
};

/* `at` points into the expression. Takes over `what`. */
static int fail(struct parser *parser, const char *at, char *what)
{
	parser->error = xasprintf("at %zu: %s", (size_t)(at - parser->text) + 1, what);
	free(what);
	return -EINVAL;
}

static int fail_suggesting(struct parser *parser, const char *at, const char *what,
			   const char *word, const char *const *right, size_t count)
{
	const char *nearest = suggest(word, right, count);

	return fail(parser, at,
		    nearest ? xasprintf("%s '%s'; did you mean '%s'?", what, word, nearest)
			    : xasprintf("%s '%s'", what, word));
}

static const char *kind_alias(const char *name)
{
	return !strcmp(name, "exit") ? "task_exit" : name;
}

/* --- values */

static const char *errno_name(int number)
{
	return strerrorname_np(number);
}

static int parse_errno(struct parser *parser, const char *at, const char *text, s64 *ret_value)
{
	const char *names[256];
	size_t count = 0;
	u64 number;

	if (!parse_u64(text, &number) && number <= ERRNO_MAX) {
		*ret_value = (s64)number;
		return 0;
	}
	for (int i = 1; i < 256; i++) {
		const char *name = errno_name(i);

		if (name && !strcasecmp(name, text)) {
			*ret_value = i;
			return 0;
		}
		if (name)
			names[count++] = name;
	}
	return fail_suggesting(parser, at, "there is no error", text, names, count);
}

static int parse_signal(struct parser *parser, const char *at, const char *text, s64 *ret_value)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3, *names[NSIG];
	size_t count = 0;
	u64 number;

	if (!parse_u64(text, &number) && number < 128) {
		*ret_value = (s64)number;
		return 0;
	}
	for (int i = 1; i < NSIG; i++) {
		const char *known = sigabbrev_np(i);

		if (known && !strcasecmp(known, name)) {
			*ret_value = i;
			return 0;
		}
		if (known)
			names[count++] = known;
	}
	return fail_suggesting(parser, at, "there is no signal", name, names, count);
}

static int parse_number(struct parser *parser, const char *at, const char *text, const char *unit,
			s64 *ret_value)
{
	bool negative = *text == '-';
	u64 value;
	int err;

	if (!strcmp(unit, "ns") && !negative)
		err = parse_duration(text, &value);
	else if (!strcmp(unit, "bytes") && !negative)
		err = parse_size(text, &value);
	else
		err = parse_u64(text + negative, &value);
	if (err)
		return fail(parser, at,
			    xasprintf("'%s' is no %s", text,
				      !strcmp(unit, "ns")      ? "time, such as 100ms"
				      : !strcmp(unit, "bytes") ? "size, such as 64K"
							       : "number"));
	*ret_value = negative ? -(s64)value : (s64)value;
	return 0;
}

/* "open*|%net|3" as an expression of -e. */
static int parse_calls(struct parser *parser, const char *at, const char *text,
		       struct condition *condition)
{
	_cleanup_free_ char *copy = xstrdup(text), *error = NULL;
	_cleanup_(text_release) struct text list = { 0 };
	char *next = copy, *one;

	while ((one = strsep(&next, "|"))) {
		bool matched = false;

		for (size_t t = 0; strpbrk(one, "*?[") && t < parser->table_count; t++)
			for (size_t i = 0; i < parser->tables[t].count; i++) {
				const char *name = parser->tables[t].calls[i].name;

				if (fnmatch(one, name, 0))
					continue;
				matched = true;
				text_addf(&list, "%s%s", list.len ? "," : "", name);
			}
		if (strpbrk(one, "*?[") && !matched)
			return fail(parser, at + (one - copy),
				    xasprintf("no system call is like '%s'", one));
		if (!matched)
			text_addf(&list, "%s%s", list.len ? "," : "", one);
	}
	if (condition->op != COMPARE_EQ && condition->op != COMPARE_NE)
		return fail(parser, at, xstrdup("system calls are compared with = and != only"));
	if (syscall_set_parse(parser->tables, parser->table_count, list.data, &condition->set,
			      &error))
		return fail(parser, at, TAKE_PTR(error));
	return 0;
}

/* --- conditions */

static const char *field_alias(const char *name)
{
	return !strcmp(name, "duration") ? "duration_ns" : name;
}

static int unknown_field(struct parser *parser, const char *at, const char *name)
{
	const char *known[SCHEMA_FIELDS_MAX + ARRAY_SIZE(words) + 1];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!words[i].kind || !strcmp(words[i].kind, parser->kind->name))
			known[count++] = words[i].name;
	for (u32 i = 0; i < parser->kind->field_count; i++)
		known[count++] = parser->kind->fields[i].name;
	if (schema_field_by_name(parser->kind, "duration_ns"))
		known[count++] = "duration";
	return fail_suggesting(parser, at, "this kind of event has no", name, known, count);
}

static int parse_value(struct parser *parser, const char *at, const char *text,
		       struct condition *condition)
{
	switch (condition->source) {
	case SOURCE_CALL:
		return parse_calls(parser, at, text, condition);
	case SOURCE_ERRNO:
		return parse_errno(parser, at, text, &condition->value);
	case SOURCE_SIGNAL:
		return parse_signal(parser, at, text, &condition->value);
	case SOURCE_FIELD:
		if (condition->field->type == TRC_TYPE_chars) {
			if (condition->op > COMPARE_NE)
				return fail(parser, at,
					    xstrdup("texts are compared with = and != only"));
			condition->string = xstrdup(text);
			return 0;
		}
		return parse_number(parser, at, text, condition->field->unit, &condition->value);
	default:
		return parse_number(parser, at, text, "", &condition->value);
	}
}

static size_t comparison_at(const char *text, enum comparison *ret_op)
{
	static const struct {
		const char *text;
		enum comparison op;
	} comparisons[] = { { "!=", COMPARE_NE }, { "<=", COMPARE_LE }, { ">=", COMPARE_GE },
			    { "==", COMPARE_EQ }, { "=", COMPARE_EQ },	{ "<", COMPARE_LT },
			    { ">", COMPARE_GT } };

	for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++) {
		size_t len = strlen(comparisons[i].text);

		if (!strncmp(text, comparisons[i].text, len)) {
			*ret_op = comparisons[i].op;
			return len;
		}
	}
	return 0;
}

/* FIELD OP VALUE, from `at` for `len` bytes. */
static int parse_condition(struct parser *parser, const char *at, size_t len)
{
	size_t name_len = strcspn(at, "=!<>"), op_len;
	_cleanup_free_ char *name = xstrndup(at, name_len), *value = NULL;
	struct trigger *trigger = parser->trigger;
	struct condition *condition;

	if (trigger->count == CONDITIONS_MAX)
		return fail(parser, at, xasprintf("more than %d conditions", CONDITIONS_MAX));
	condition = &trigger->conditions[trigger->count++];
	op_len = comparison_at(at + name_len, &condition->op);
	if (!op_len)
		return fail(parser, at + name_len, xstrdup("not a comparison: = != < <= > >= are"));
	value = xstrndup(at + name_len + op_len, len - name_len - op_len);
	if (!*value)
		return fail(parser, at + name_len + op_len, xstrdup("a value is missing"));
	condition->source = SOURCE_FIELD;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].name, name) &&
		    (!words[i].kind || !strcmp(words[i].kind, parser->kind->name)))
			condition->source = words[i].source;
	if (condition->source == SOURCE_FIELD) {
		condition->field = schema_field_by_name(parser->kind, field_alias(name));
		if (!condition->field)
			return unknown_field(parser, at, name);
	}
	return parse_value(parser, at + name_len + op_len, value, condition);
}

/* The word without a comparison; else what only one kind has; else a system call. */
static int find_kind(struct parser *parser)
{
	const struct schema *schema = schema_builtin();
	const char *names[SCHEMA_KINDS_MAX];
	size_t count = 0;

	parser->kind = schema_kind_by_id(schema, TRC_KIND_syscall);
	for (const char *at = parser->text;; at++) {
		size_t len = strcspn(at, ",");
		_cleanup_free_ char *word = xstrndup(at, len);

		if (!len)
			return fail(parser, at, xstrdup("a condition is missing"));
		if (!strpbrk(word, "=<>")) {
			parser->kind = schema_kind_by_name(schema, kind_alias(word));
			if (parser->kind)
				return 0;
			for (size_t i = 0; i < schema->kind_count; i++)
				names[count++] = schema->kinds[i].name;
			names[count++] = "exit";
			return fail_suggesting(parser, at, "there is no kind of event", word, names,
					       count);
		}
		at += len;
		if (!*at)
			return 0;
	}
}

static int parse_all(struct parser *parser)
{
	int err = find_kind(parser);

	for (const char *at = parser->text; !err; at++) {
		size_t len = strcspn(at, ",");

		if (memchr(at, '=', len) || memchr(at, '<', len) || memchr(at, '>', len))
			err = parse_condition(parser, at, len);
		else if (parser->kind !=
			 schema_kind_by_name(schema_builtin(), kind_alias(strndupa(at, len))))
			err = fail(parser, at, xstrdup("an event is of one kind only"));
		at += len;
		if (!*at)
			break;
	}
	return err;
}

int trigger_parse(const char *text, const struct syscall_table *tables, size_t table_count,
		  struct trigger **ret_trigger, char **ret_error)
{
	struct parser parser = { .tables = tables, .table_count = table_count, .text = text };

	parser.trigger = xcalloc(1, sizeof(*parser.trigger));
	parser.trigger->text = xstrdup(text);
	if (parse_all(&parser)) {
		trigger_free(parser.trigger);
		*ret_error = parser.error;
		return -EINVAL;
	}
	parser.trigger->kind = parser.kind->id;
	*ret_trigger = parser.trigger;
	return 0;
}

void trigger_free(struct trigger *trigger)
{
	if (!trigger)
		return;
	for (size_t i = 0; i < trigger->count; i++) {
		free(trigger->conditions[i].string);
		syscall_set_free(trigger->conditions[i].set);
	}
	free(trigger->text);
	free(trigger);
}

const char *trigger_text(const struct trigger *trigger)
{
	return trigger->text;
}

/* --- the events */

static bool holds(enum comparison op, bool less, bool equal)
{
	switch (op) {
	case COMPARE_EQ:
		return equal;
	case COMPARE_NE:
		return !equal;
	case COMPARE_LT:
		return less;
	case COMPARE_LE:
		return less || equal;
	case COMPARE_GT:
		return !less && !equal;
	case COMPARE_GE:
		return !less;
	default:
		return false;
	}
}

/* False if the record does not have it. */
static bool value_of(const struct condition *condition, const struct trc_head *record,
		     u64 *ret_value)
{
	const struct trc_syscall *call = (const void *)record;
	const struct trc_task_exit *end = (const void *)record;

	switch (condition->source) {
	case SOURCE_TGID:
		*ret_value = record->tgid;
		return true;
	case SOURCE_TID:
		*ret_value = record->tid;
		return true;
	case SOURCE_ERRNO:
		*ret_value = call->ret < 0 && call->ret >= -ERRNO_MAX ? (u64)-call->ret : 0;
		return call->state != TRC_SYSCALL_UNFINISHED;
	case SOURCE_CODE:
		*ret_value = end->exit_code >> 8 & 0xff;
		return true;
	case SOURCE_SIGNAL:
		*ret_value = end->exit_code & 0x7f;
		return true;
	default:
		return record_field(record, condition->field, ret_value);
	}
}

static bool condition_holds(const struct condition *condition, const struct trc_head *record)
{
	const struct trc_syscall *call = (const void *)record;
	bool is_signed;
	u64 value;

	if (condition->source == SOURCE_CALL)
		return holds(condition->op, false,
			     syscall_set_has(condition->set, call->abi, call->nr));
	if (condition->string) {
		const char *text = (const char *)record + condition->field->offset;

		return holds(condition->op, false,
			     !strncmp(text, condition->string, condition->field->size));
	}
	if (!value_of(condition, record, &value))
		return false;
	is_signed = condition->field && (condition->field->type == TRC_TYPE_s32 ||
					 condition->field->type == TRC_TYPE_s64);
	return holds(condition->op,
		     is_signed ? (s64)value < condition->value : value < (u64)condition->value,
		     value == (u64)condition->value);
}

bool trigger_matches(const struct trigger *trigger, const struct trc_head *record)
{
	if (record->kind != trigger->kind)
		return false;
	for (size_t i = 0; i < trigger->count; i++)
		if (!condition_holds(&trigger->conditions[i], record))
			return false;
	return true;
}
