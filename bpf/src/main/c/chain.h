/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A chain is a dispatcher and up to eight programs that share its prog_array: stage i is loaded with slot = i and
 * chained = 1, and passes a packet on by a tail call to slot i + 1. A tail call into an empty slot returns,
 * and the packet is accepted: every stage has then passed it.
 */
#ifndef PLUMBLINE_CHAIN_H
#define PLUMBLINE_CHAIN_H

#include "hook.h"

#define CHAIN_MAX_STAGES 8

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, CHAIN_MAX_STAGES);
	__type(key, __u32);
	__type(value, __u32);
} prog_array SEC(".maps");

#endif
