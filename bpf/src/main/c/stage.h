/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What makes a program usable as a stage of a chain. Set before loading; the defaults mean "not in a chain". */
#ifndef PLUMBLINE_STAGE_H
#define PLUMBLINE_STAGE_H

#include "chain.h"

const volatile __u32 slot = 0;
const volatile __u8 chained = 0;

/* This stage has nothing against the packet. */
static __always_inline int stage_pass(struct __sk_buff *skb)
{
	if (chained)
		bpf_tail_call(skb, &prog_array, slot + 1);
	return TC_ACT_OK;
}

/* This stage does not apply to the packet: alone it refuses what it cannot judge, in a chain the next one judges. */
static __always_inline int stage_not_mine(struct __sk_buff *skb)
{
	return chained ? stage_pass(skb) : TC_ACT_SHOT;
}

#endif
