// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* allow_dns: passes TCP and UDP to port 53 only if they go to one resolver; leaves other traffic alone. */
#include "stage.h"

#define DNS_PORT 53

const volatile __u32 input = 0;

SEC("tc")
int allow_dns(struct __sk_buff *skb)
{
	struct frame frame;
	__u16 source, dest;
	__u32 header_len;

	if (!frame_pull(skb))
		return TC_ACT_SHOT;
	if (!frame_open(skb, &frame))
		return TC_ACT_SHOT;
	if (frame.ethertype != ETH_P_IPV4)
		return stage_not_mine(skb);
	if (!frame_has(&frame, ETH_LEN + IPV4_MIN_LEN))
		return TC_ACT_SHOT;
	header_len = ipv4_header_len(&frame, ETH_LEN);
	if (header_len < IPV4_MIN_LEN)
		return TC_ACT_SHOT;
	if (!frame_has(&frame, ETH_LEN + header_len))
		return TC_ACT_SHOT;
	if (ipv4_subsequent_fragment(&frame))
		return TC_ACT_SHOT;
	if (ipv4_protocol(&frame) != IPPROTO_TCP && ipv4_protocol(&frame) != IPPROTO_UDP)
		return stage_pass(skb);
	if (!l4_ports(&frame, ETH_LEN + header_len, &source, &dest))
		return TC_ACT_SHOT;
	if (dest != DNS_PORT)
		return stage_pass(skb);
	if (ipv4_daddr(&frame) == input)
		return stage_pass(skb);
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
