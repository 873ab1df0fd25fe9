#!/usr/bin/perl
# Functions are short and files are small, so that each is read in one go.
use strict;
use warnings;

my ($MEDIAN, $NINETIETH, $LONGEST, $FILE) = (17, 60, 80, 700);

my @functions;
open my $tags, '-|', 'ctags', '-x', '--_xformat=%{line} %{end} %N %F', '--fields=+ne',
    '--kinds-C=f', '--languages=C', '-R', 'agent' or die "cannot run ctags: $!\n";
while (<$tags>) {
    my ($from, $to, $name, $file) = split;
    push @functions, {lines => $to - $from + 1, name => "$file: $name"};
}
close $tags or die "ctags failed\n";
@functions = sort { $a->{lines} <=> $b->{lines} } @functions;
my @long = grep { $_->{lines} > $LONGEST } @functions;
my $median = $functions[$#functions / 2]{lines};
my $ninetieth = $functions[$#functions * 0.9]{lines};

my @large;
for my $file (glob('agent/*/*.[ch] agent/*.[ch] tests/*/*')) {
    next unless -f $file;
    open my $in, '<', $file or die "cannot read $file: $!\n";
    my $lines = () = <$in>;
    push @large, "$file: $lines lines" if $lines > $FILE;
    close $in;
}

my $number = 0;

sub ok {
    my ($good, $sentence, @why) = @_;
    $number++;
    print $good ? '' : 'not ', "ok $number - $sentence\n", map { "# $_\n" } @why;
}

my $count = @functions;
ok($median <= $MEDIAN, "the median function has at most $MEDIAN lines", "$median of $count");
ok($ninetieth <= $NINETIETH, "nine in ten have at most $NINETIETH lines", $ninetieth);
ok(!@long, "none has more than $LONGEST lines", map { "$_->{name}: $_->{lines} lines" } @long);
ok(!@large, "no file has more than $FILE lines", @large);
print "1..$number\n";
