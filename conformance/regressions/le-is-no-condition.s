# A byte swap "le32" and the condition "le32" share a name: compiled code once took one for the other.
r0 = 0x123456789abcdef0 ll
r0 = le32 r0
r1 = r0
if w1 <= 5 goto +1
r0 = le16 r0
exit
