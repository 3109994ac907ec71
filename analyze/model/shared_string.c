/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/shared_string.h"

#include "common/alloc.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

static struct string *whole(const char *data, size_t len)
{
	struct string *string = xmalloc(sizeof(*string) + len + 1);

	string->references = 1;
	string->len = (u32)len;
	if (len)
		memcpy(string->data, data, len);
	string->data[len] = 0;
	return string;
}

struct string *string_new(const char *data, size_t len)
{
	struct text text = {};
	struct string *string;

	if (len <= STRING_MAX)
		return whole(data, len);
	text_add(&text, data, STRING_MAX);
	text_adds(&text, "…");
	string = whole(text.data, text.len);
	text_release(&text);
	return string;
}

struct string *string_ref(struct string *string)
{
	if (string)
		string->references++;
	return string;
}

void string_unref(struct string *string)
{
	if (string && !--string->references)
		free(string);
}

void string_set(struct string **slot, struct string *string)
{
	string_unref(*slot);
	*slot = string;
}

static bool is_plain(const char *word, size_t len)
{
	static const char plain[] = "%+,-./:=@_^";

	for (size_t i = 0; i < len; i++) {
		u8 c = (u8)word[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    c < 0x80 && !(c && strchr(plain, c)))
			return false;
	}
	return len > 0;
}

void text_add_shell_word(struct text *text, const char *word, size_t len)
{
	if (is_plain(word, len)) {
		text_add(text, word, len);
		return;
	}
	text_addc(text, '\'');
	for (size_t i = 0; i < len; i++)
		if (word[i] == '\'')
			text_adds(text, "'\\''");
		else
			text_addc(text, word[i]);
	text_addc(text, '\'');
}

struct string *string_new_cmdline(const char *argv, size_t len, bool cut)
{
	struct text text = {};
	struct string *string;
	size_t at = 0;

	while (at < len) {
		size_t word = strnlen(argv + at, len - at);

		if (text.len)
			text_addc(&text, ' ');
		text_add_shell_word(&text, argv + at, word);
		at += word + 1;
	}
	if (cut)
		text_adds(&text, " ...");
	string = whole(text.data ? text.data : "", text.len);
	text_release(&text);
	return string;
}
