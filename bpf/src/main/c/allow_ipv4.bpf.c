// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* allow_ipv4: passes IPv4 packets to one address and to 127.0.0.0/8. */
#include "stage.h"

const volatile __u32 input = 0;

SEC("tc")
int allow_ipv4(struct __sk_buff *skb)
{
	struct frame frame;
	__u32 header_len, address;

	if (!frame_pull(skb))
		return TC_ACT_SHOT;
	if (!frame_open(skb, &frame))
		return TC_ACT_SHOT;
	if (frame.ethertype != ETH_P_IPV4)
		return stage_not_mine(skb);
	if (!frame_has(&frame, ETH_LEN + IPV4_MIN_LEN))
		return TC_ACT_SHOT;
	if (frame.data[ETH_LEN] >> 4 != 4)
		return TC_ACT_SHOT;
	header_len = ipv4_header_len(&frame, ETH_LEN);
	if (header_len < IPV4_MIN_LEN)
		return TC_ACT_SHOT;
	address = ipv4_daddr(&frame);
	if (!frame_has(&frame, ETH_LEN + header_len))
		return TC_ACT_SHOT;
	if (address >> 24 == 127 || address == input)
		return stage_pass(skb);
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
