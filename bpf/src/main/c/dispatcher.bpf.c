// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* dispatcher: starts a chain at slot 0; an empty chain accepts. */
#include "chain.h"

SEC("tc")
int dispatcher(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &prog_array, 0);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
