/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one-screen summary of `analyze report`: tables laid out for a person. */
#pragma once

#include "analyze/metrics/metric.h"

#define SUMMARY_TABLES 10

void summary_metrics(const struct metric *ret_list[SUMMARY_TABLES]);
struct sink *summary_sink(void);
void summary_print(const struct walk *walk, struct sink *memory, bool color, unsigned width,
		   const struct selection_options *selection, FILE *file);
