// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* block_private_ipv4: drops IPv4 to private addresses (RFC 1918), except TCP from source port 22. */
#include "frame.h"

#define SSH_PORT 22

static __always_inline bool is_private(__u32 address)
{
	return (address & 0xFF000000) == 0x0A000000     /* 10.0.0.0/8 */
	       || (address & 0xFFF00000) == 0xAC100000  /* 172.16.0.0/12 */
	       || (address & 0xFFFF0000) == 0xC0A80000; /* 192.168.0.0/16 */
}

SEC("tc")
int block_private_ipv4(struct __sk_buff *skb)
{
	struct frame frame;
	__u16 source, dest;
	__u32 header_len;

	if (!frame_pull(skb))
		return TC_ACT_SHOT;
	if (!frame_open(skb, &frame))
		return TC_ACT_OK;
	if (frame.ethertype != ETH_P_IPV4)
		return TC_ACT_OK;
	if (!frame_has(&frame, ETH_LEN + IPV4_MIN_LEN))
		return TC_ACT_OK;
	header_len = ipv4_header_len(&frame, ETH_LEN);
	if (header_len < IPV4_MIN_LEN)
		return TC_ACT_OK;
	if (ipv4_subsequent_fragment(&frame))
		return TC_ACT_OK;
	if (!is_private(ipv4_daddr(&frame)))
		return TC_ACT_OK;
	if (ipv4_protocol(&frame) == IPPROTO_TCP) {
		if (!l4_ports(&frame, ETH_LEN + header_len, &source, &dest))
			return TC_ACT_OK;
		if (source == SSH_PORT)
			return TC_ACT_OK;
	}
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
