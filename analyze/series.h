/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The files of a recording that was written in several (--rotate, -F), put together again with `cat`: each but the last
 * ends with the calls that were under way, which the next ones tell of again.
 */
#pragma once

#include "common/trace_reader.h"

/* Per section: a later file of its recording is there as well. malloc'ed; NULL: of none. */
bool *series_continued(const struct trace_reader *reader);
