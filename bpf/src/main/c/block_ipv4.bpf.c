// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* block_ipv4: drops IPv4 packets to one address; whatever it cannot read passes. */
#include "frame.h"

const volatile __u32 input = 0;

SEC("tc")
int block_ipv4(struct __sk_buff *skb)
{
	struct frame frame;

	if (!frame_pull(skb))
		return TC_ACT_SHOT;
	if (!frame_open(skb, &frame))
		return TC_ACT_OK;
	if (frame.ethertype != ETH_P_IPV4)
		return TC_ACT_OK;
	if (!frame_has(&frame, ETH_LEN + IPV4_MIN_LEN))
		return TC_ACT_OK;
	if (ipv4_header_len(&frame, ETH_LEN) < IPV4_MIN_LEN)
		return TC_ACT_OK;
	if (ipv4_daddr(&frame) == input)
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
