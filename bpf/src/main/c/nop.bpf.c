// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* nop: accepts every packet. */
#include "frame.h"

SEC("tc")
int nop(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
