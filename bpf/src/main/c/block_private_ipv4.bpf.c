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

HOOK_SECTION
int block_private_ipv4(struct hook_context *packet)
{
	struct frame frame;
	__u16 source, dest;
	__u32 l4;

	if (!frame_pull(packet))
		return DROP;
	if (!frame_open(packet, &frame) || frame.ethertype != ETH_P_IPV4 || !ipv4_parse(&frame, 0, &l4))
		return ACCEPT;
	if (ipv4_subsequent_fragment(&frame) || !is_private(ipv4_daddr(&frame)))
		return ACCEPT;
	if (ipv4_protocol(&frame) == IPPROTO_TCP) {
		if (!l4_ports(&frame, l4, &source, &dest))
			return ACCEPT;
		if (source == SSH_PORT)
			return ACCEPT;
	}
	return DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
