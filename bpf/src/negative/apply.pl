# Makes one folder of C sources per wrong variant. usage: apply.pl VARIANTS SOURCES OUT
# A variant is a block of variants.txt:
#   == NAME
#   program: PROGRAM
#   wrong: what is wrong with it, in one line
#   hook: HOOK          (optional; tc or xdp, tc by default)
#   layer: LAYER        (optional; what the program is loaded for: 2, an Ethernet header, by default, or 3, an IP header)
#   file: FILE          (optional; PROGRAM.bpf.c by default)
#   - text to find      (lines starting with "- "; must occur in the file exactly once)
#   + text instead      (lines starting with "+ ")
use strict;
use warnings;

my ($list, $sources, $out) = @ARGV;

sub slurp { local (@ARGV, $/) = ($_[0]); return scalar <>; }
sub spit { open my $h, '>', $_[0] or die "$_[0]: $!\n"; print $h $_[1]; close $h; }

for my $block (split /^== /m, slurp($list)) {
    next if $block =~ /\A(#.*\n|\s*\n)*\z/;
    my ($name, $body) = $block =~ /\A(\w+)\n(.*)\z/s or next;
    my ($program) = $body =~ /^program: (\w+)$/m or die "$name: no program\n";
    my ($wrong) = $body =~ /^wrong: (.+)$/m or die "$name: no description\n";
    my ($hook) = $body =~ /^hook: (.+)$/m;
    $hook //= 'tc';
    die "$name: hook $hook: expected tc or xdp\n" if $hook !~ /\A(tc|xdp)\z/;
    my ($layer) = $body =~ /^layer: (.+)$/m;
    $layer //= '2';
    die "$name: layer $layer: expected 2, or 3 with hook tc\n" if $layer !~ /\A[23]\z/ || $layer eq '3' && $hook ne 'tc';
    my ($file) = $body =~ /^file: (\S+)$/m;
    $file //= "$program.bpf.c";
    my $from = join '', map { "$_\n" } $body =~ /^- (.*)$/mg;
    my $to = join '', map { "$_\n" } $body =~ /^\+ (.*)$/mg;
    chomp($from, $to);
    die "$name: nothing to change\n" if $from eq '' || $from eq $to;
    mkdir "$out/$name" or die "$out/$name: $! (a name used twice?)\n";
    for my $source (glob "$sources/*.bpf.c $sources/*.h") {
        my ($base) = $source =~ m,([^/]+)$,;
        my $text = slurp($source);
        if ($base eq $file) {
            my $count = () = $text =~ /\Q$from\E/g;
            die "$name: the text to change occurs $count times in $file, expected once\n" if $count != 1;
            $text =~ s/\Q$from\E/$to/;
        }
        next if $base =~ /\.bpf\.c$/ && $base ne "$program.bpf.c";
        spit("$out/$name/$base", $text);
    }
    spit("$out/$name/PROGRAM", $program);
    spit("$out/$name/TITLE", $wrong);
    spit("$out/$name/HOOK", $hook);
    spit("$out/$name/LAYER", $layer);
}
