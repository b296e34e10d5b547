# tc: drops a packet from 198.51.100.0/24 or from 2001:db8:bad::/48; of the rest, passes TCP and UDP to port 53, 80,
# 443 or 8443, and everything that is neither. One VLAN tag may stand in the frame. Truncated packets are dropped.
# r2 data, r3 data_end, r4 offset of the network header, r5 EtherType as loaded (network order), r7 protocol
  r2 = *(u32 *)(r1 + 76)
  r3 = *(u32 *)(r1 + 80)
  w0 = 2
  r6 = r2
  r6 += 14
  if r6 > r3 goto end
  r5 = *(u16 *)(r2 + 12)
  w4 = 14
  if r5 == 0x81 goto tagged
  if r5 != 0xa888 goto network
tagged:
  r6 += 4
  if r6 > r3 goto end
  r5 = *(u16 *)(r2 + 16)
  w4 = 18
network:
  r2 += r4
  if r5 == 0x08 goto ipv4
  if r5 == 0xdd86 goto ipv6
  w0 = 0
  exit
ipv4:
  r6 = r2
  r6 += 20
  if r6 > r3 goto end
  r7 = *(u8 *)(r2 + 9)
  r8 = *(u8 *)(r2 + 0)
  r9 = r8
  r9 >>= 4
  if r9 != 4 goto end
  r8 &= 15
  if r8 < 5 goto end
  r8 <<= 2
  r6 = *(u32 *)(r2 + 12)
  r6 = be32 r6
  r6 >>= 8
  if r6 == 0xc63364 goto end
  r6 = *(u16 *)(r2 + 6)
  r6 = be16 r6
  r6 &= 0x1fff
  r2 += r8
  if r6 == 0 goto transport
  w0 = 0
  exit
ipv6:
  r6 = r2
  r6 += 40
  if r6 > r3 goto end
  r7 = *(u8 *)(r2 + 6)
  r8 = *(u32 *)(r2 + 8)
  r8 = be32 r8
  if w8 != 0x20010db8 goto other_source
  r8 = *(u16 *)(r2 + 12)
  r8 = be16 r8
  if r8 == 0x0bad goto end
other_source:
  r2 += 40
transport:
  if r7 == 6 goto ports
  if r7 == 17 goto ports
  w0 = 0
  exit
ports:
  r6 = r2
  r6 += 4
  if r6 > r3 goto end
  r8 = *(u16 *)(r2 + 2)
  r8 = be16 r8
  if r8 == 443 goto pass
  if r8 == 80 goto pass
  if r8 == 53 goto pass
  if r8 == 8443 goto pass
  exit
pass:
  w0 = 0
end:
  exit
