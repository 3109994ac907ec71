/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/span.h"

#define NAME(name, text) #name,
#define TEXT(name, text) text,

static const char *const state_names[] = { SPAN_STATES(NAME) };
static const char *const state_texts[] = { SPAN_STATES(TEXT) };
static const char *const reason_names[] = { WAIT_REASONS(NAME) };
static const char *const reason_texts[] = { WAIT_REASONS(TEXT) };

const char *span_state_name(u8 state)
{
	return state < SPAN_STATE_COUNT ? state_names[state] : "";
}

const char *span_state_text(u8 state)
{
	return state < SPAN_STATE_COUNT ? state_texts[state] : "";
}

const char *wait_reason_name(u8 reason)
{
	return reason < WAIT_REASON_COUNT ? reason_names[reason] : "";
}

const char *wait_reason_text(u8 reason)
{
	return reason < WAIT_REASON_COUNT ? reason_texts[reason] : "";
}
