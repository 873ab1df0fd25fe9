#!/usr/bin/perl
# Runs every unit test program of one variant (sanitized unless told otherwise) and passes its
# results on as one TAP stream.
use strict;
use warnings;

my $build = $ENV{BUILD} // 'build';
my $variant = $ENV{UNIT_VARIANT} // 'sanitized';
my @wrapper = split ' ', $ENV{UNIT_WRAPPER} // '';
$ENV{CMOCKA_MESSAGE_OUTPUT} = 'TAP';
$ENV{ASAN_OPTIONS} = 'detect_leaks=1:strict_string_checks=1';
$ENV{UBSAN_OPTIONS} = 'print_stacktrace=1';
$ENV{UNIT_DATA} = 'tests/unit/data';

my @programs = map { s{^tests/unit/(.*)\.c$}{$build/$variant/$1}r } sort glob 'tests/unit/*_test.c';
my $count = 0;

sub result {
    my ($ok, $name) = @_;
    $count++;
    print $ok ? "ok $count - $name\n" : "not ok $count - $name\n";
}

for my $program (@programs) {
    my ($module) = $program =~ m{([^/]+)_test$};
    my ($planned, $seen) = (0, 0);
    my $pid = open my $out, '-|';
    defined $pid or die "cannot fork: $!\n";
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec @wrapper, $program or exit 127;
    }
    while (my $line = <$out>) {
        $planned += $1 if $line =~ /^1\.\.(\d+)/;
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            $seen++;
            result(!$1, "$module: $2");
        } else {
            print "# $line";
        }
    }
    close $out;
    my $sound = $? == 0 && $planned == $seen && $planned > 0;
    result($sound, "$module: ran to its end ($seen of $planned, status $?)");
}
print "1..$count\n";
