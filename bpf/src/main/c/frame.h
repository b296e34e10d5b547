/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What every filter program shares: bounded access to the headers of a frame, and the tail call to the next
 * stage of a chain. Offsets are counted from the Ethernet header; multi-byte fields are returned in host order.
 */
#ifndef PLUMBLINE_FRAME_H
#define PLUMBLINE_FRAME_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IPV4 0x0800
#define ETH_P_VLAN 0x8100
#define ETH_P_QINQ 0x88A8

#define ETH_LEN 14
#define VLAN_LEN 4
#define IPV4_MIN_LEN 20

#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

#define IPV4_FRAG_OFFSET_MASK 0x1FFF

/* The furthest byte that any program reads: two VLAN tags, the longest IPv4 header, both ports. */
#define MAX_HEADERS_LEN (ETH_LEN + 2 * VLAN_LEN + 60 + 4)

/* The bytes of a frame that a program may read directly. */
struct frame {
	const __u8 *data;
	const __u8 *end;
	bool tagged;     /* a VLAN tag stands outside the bytes, as offload leaves it */
	__u16 ethertype; /* of the whole frame: the outside tag's protocol, if there is one */
};

/*
 * Makes the headers readable, also where they lie in the non-linear part of the skb.
 * Returns false only when the kernel could not provide them (no memory).
 */
static __always_inline bool frame_pull(struct __sk_buff *skb)
{
	__u32 linear = skb->data_end - skb->data;
	__u32 wanted = skb->len;

	if (wanted > MAX_HEADERS_LEN)
		wanted = MAX_HEADERS_LEN;
	if (linear >= wanted)
		return true;
	return bpf_skb_pull_data(skb, wanted) == 0;
}

static __always_inline bool frame_has(const struct frame *frame, __u32 end)
{
	return frame->data + end <= frame->end;
}

static __always_inline __u16 frame_u16(const struct frame *frame, __u32 offset)
{
	return (__u16)frame->data[offset] << 8 | frame->data[offset + 1];
}

static __always_inline __u32 frame_u32(const struct frame *frame, __u32 offset)
{
	return (__u32)frame_u16(frame, offset) << 16 | frame_u16(frame, offset + 2);
}

/* Opens the frame; false if it ends before the Ethernet header does. */
static __always_inline bool frame_open(struct __sk_buff *skb, struct frame *frame)
{
	frame->data = (const __u8 *)(long)skb->data;
	frame->end = (const __u8 *)(long)skb->data_end;
	if (!frame_has(frame, ETH_LEN))
		return false;
	frame->tagged = skb->vlan_present;
	frame->ethertype = frame->tagged ? bpf_ntohs((__u16)skb->vlan_proto) : frame_u16(frame, 12);
	return true;
}

static __always_inline __u32 ipv4_header_len(const struct frame *frame, __u32 l3)
{
	return (frame->data[l3] & 0x0F) * 4;
}

static __always_inline bool ipv4_subsequent_fragment(const struct frame *frame)
{
	return (frame_u16(frame, ETH_LEN + 6) & IPV4_FRAG_OFFSET_MASK) != 0;
}

static __always_inline __u8 ipv4_protocol(const struct frame *frame)
{
	return frame->data[ETH_LEN + 9];
}

static __always_inline __u32 ipv4_daddr(const struct frame *frame)
{
	return frame_u32(frame, ETH_LEN + 16);
}

/*
 * Linux joins TCP segments to packets of more than 64 KiB (BIG TCP). Their length field, which counts from `from` on,
 * holds 0, and the skb has the length instead (kernel include/linux/ip.h, iph_totlen; include/net/ipv6.h,
 * ipv6_payload_len).
 */
static __always_inline bool is_big_tcp(struct __sk_buff *skb, __u32 length_field, __u8 protocol, __u32 from)
{
	return length_field == 0 && protocol == IPPROTO_TCP && skb->len > from + 0xFFFF;
}

/* Reads both ports of the TCP or UDP header at l4 (at most 74); false if the frame ends before them. */
static __always_inline bool l4_ports(const struct frame *frame, __u32 l4, __u16 *source, __u16 *dest)
{
	const __u8 *ports = frame->data + l4;

	if (ports + 4 > frame->end)
		return false;
	*source = (__u16)ports[0] << 8 | ports[1];
	*dest = (__u16)ports[2] << 8 | ports[3];
	return true;
}

#endif
