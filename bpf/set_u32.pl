# Writes a number into a read-only variable of an object. usage: set_u32.pl OBJECT VARIABLE NUMBER OUT
use strict;
use warnings;

my ($object, $variable, $number, $out) = @ARGV;
open my $in, '<:raw', $object or die "$object: $!\n";
my $elf = do { local $/; <$in> };

# struct Elf64_Ehdr: e_shoff, e_shnum; Elf64_Shdr: sh_type, sh_offset, sh_size, sh_link.
my ($table) = unpack 'Q<', substr $elf, 40, 8;
my ($count) = unpack 'v', substr $elf, 60, 2;
my @sections = map {
    my $at = $table + 64 * $_;
    { type => unpack('V', substr $elf, $at + 4, 4), offset => unpack('Q<', substr $elf, $at + 24, 8),
      size => unpack('Q<', substr $elf, $at + 32, 8), link => unpack('V', substr $elf, $at + 40, 4) }
} 0 .. $count - 1;
my ($symbols) = grep { $_->{type} == 2 } @sections or die "$object: no symbol table\n";
my $names = $sections[$symbols->{link}]{offset};
for (my $at = $symbols->{offset}; $at < $symbols->{offset} + $symbols->{size}; $at += 24) {
    my ($name, undef, undef, $section, $value, $size) = unpack 'VCCvQ<Q<', substr $elf, $at, 24;
    next if unpack('Z*', substr $elf, $names + $name) ne $variable;
    die "$object: $variable: $size bytes: expected 4\n" if $size != 4;
    substr($elf, $sections[$section]{offset} + $value, 4) = pack 'V', $number;
    open my $to, '>:raw', $out or die "$out: $!\n";
    print $to $elf;
    close $to or die "$out: $!\n";
    exit 0;
}
die "$object: $variable: no such variable\n";
