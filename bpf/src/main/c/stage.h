/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What makes a program usable as a stage of a chain. Set before loading; the defaults mean "not in a chain". */
#ifndef PLUMBLINE_STAGE_H
#define PLUMBLINE_STAGE_H

#include "chain.h"
#include "frame.h"

const volatile __u32 slot = 0;
const volatile __u8 chained = 0;

/* This stage passes the packet. */
static __always_inline int stage_pass(struct hook_context *packet)
{
	if (chained)
		bpf_tail_call(packet, &prog_array, slot + 1);
	return ACCEPT;
}

/* This stage does not apply to the packet: alone it drops what it cannot judge, in a chain the next one judges. */
static __always_inline int stage_not_mine(struct hook_context *packet)
{
	return chained ? stage_pass(packet) : DROP;
}

#endif
