#!/usr/bin/perl
# Functions are short and files are small, so that each is read in one go.
use strict;
use warnings;

# The targets: lines of the median function, of nine in ten, of the longest, of a file, and the largest
# folder's part of the product's code, in percent.
my ($MEDIAN, $NINETIETH, $LONGEST, $FILE, $SHARE) = (10, 19, 34, 400, 12);
# What stands beyond them may not grow: the longest function, the files of tests and these of the
# product. Tables (.def) are not read in one go; they count for their folder alone.
my ($LONGEST_YET, $TEST_FILE) = (43, 700);
my %LARGE = (
    'agent/firewall/nft_statement.c' => 456,
    'agent/netlink/nft_expression.c' => 514,
    'agent/netlink/nftables.c'       => 414,
    'agent/probe/evaluate.c'         => 407,
    'agent/tls/tls_mbedtls.c'        => 452,
);

my @functions;
open my $tags, '-|', 'ctags', '-x', '--_xformat=%{line} %{end} %N %F', '--fields=+ne',
    '--kinds-C=f', '--languages=C', '-R', 'agent' or die "cannot run ctags: $!\n";
while (<$tags>) {
    my ($from, $to, $name, $file) = split;
    push @functions, {lines => $to - $from + 1, name => "$file: $name"};
}
close $tags or die "ctags failed\n";
@functions = sort { $a->{lines} <=> $b->{lines} } @functions;
my @long = grep { $_->{lines} > $LONGEST_YET } @functions;
my $median = $functions[$#functions / 2]{lines};
my $ninetieth = $functions[$#functions * 0.9]{lines};

# The lines of a file.
sub lines_of {
    my ($file) = @_;
    open my $in, '<', $file or die "cannot read $file: $!\n";
    my $lines = () = <$in>;
    close $in;
    return $lines;
}

my (@large, @grown, %folder, $product);
for my $file (grep { -f } glob('agent/*/*.[ch] agent/*.[ch] agent/*/*.def tests/*/*')) {
    my $lines = lines_of($file);
    my ($name) = $file =~ m{^agent/([^/]+)};
    if (!$name) {
        push @grown, "$file: $lines lines" if $lines > $TEST_FILE;
        next;
    }
    $folder{$name} += $lines;
    $product += $lines;
    next if $file =~ /\.def$/;
    push @large, "$file: $lines lines" if $lines > $FILE;
    push @grown, "$file: $lines lines" if $lines > ($LARGE{$file} // $FILE);
}
my ($largest) = sort { $folder{$b} <=> $folder{$a} } keys %folder;
my $share = 100 * $folder{$largest} / $product;

my $number = 0;

sub ok {
    my ($good, $sentence, @why) = @_;
    $number++;
    print $good ? '' : 'not ', "ok $number - $sentence\n", map { "# $_\n" } @why;
}

my $count = @functions;
printf "# functions: %d, median %d lines, nine in ten %d, longest %d (targets %d, %d, %d)\n", $count,
    $median, $ninetieth, $functions[-1]{lines}, $MEDIAN, $NINETIETH, $LONGEST;
printf "# product: %d lines in %d folders; the largest is agent/%s with %.1f %% (target %d %%)\n", $product,
    scalar(keys %folder), $largest, $share, $SHARE;
print '# files of the product over ', $FILE, ' lines: ', scalar(@large), " (target 0)\n", map { "#   $_\n" } @large;
ok($median <= $MEDIAN, "the median function has at most $MEDIAN lines", "$median of $count");
ok($ninetieth <= $NINETIETH, "nine in ten have at most $NINETIETH lines", $ninetieth);
ok(!@long, "none has more than $LONGEST_YET lines", map { "$_->{name}: $_->{lines} lines" } @long);
ok(!@grown, "no file has more than $FILE lines, a test's $TEST_FILE, or grows where it has", @grown);
ok($share <= $SHARE, "no folder has more than $SHARE % of the product's code",
    map { sprintf "agent/%s: %.1f %%", $_, 100 * $folder{$_} / $product }
    grep { 100 * $folder{$_} / $product > $SHARE } sort keys %folder);
print "1..$number\n";
