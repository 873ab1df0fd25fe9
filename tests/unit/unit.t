#!/usr/bin/perl
# Runs every unit test program of one variant (sanitized unless UNIT_VARIANT says another), two at a
# time, and passes their results on as one TAP stream, in the programs' order.
use strict;
use warnings;

my $build = $ENV{BUILD} // 'build';
my $AT_A_TIME = 2;
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

# Starts a program and returns its result's file: two run at a time, and are reported in their order.
sub start {
    my ($program) = @_;
    open my $out, '+>', undef or die "cannot open a file: $!\n";
    my $pid = fork // die "cannot fork: $!\n";
    return ($pid, $out) if $pid;
    open STDOUT, '>&', $out or exit 126;
    open STDERR, '>&', $out or exit 126;
    exec @wrapper, $program or exit 127;
}

sub report {
    my ($program, $status, $out) = @_;
    my ($module) = $program =~ m{([^/]+)_test$};
    my ($planned, $seen) = (0, 0);
    seek $out, 0, 0;
    while (my $line = <$out>) {
        $planned += $1 if $line =~ /^1\.\.(\d+)/;
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            $seen++;
            result(!$1, "$module: $2");
        } else {
            print "# $line";
        }
    }
    my $whole = $status == 0 && $planned == $seen && $planned > 0;
    result($whole, "$module: ran to its end ($seen of $planned, status $status)");
}

my (%running, @ended);
my ($begun, $reported) = (0, 0);
while ($reported < @programs) {
    while ($begun < @programs && keys %running < $AT_A_TIME) {
        my ($pid, $out) = start($programs[$begun]);
        $running{$pid} = [$begun++, $out];
    }
    my $pid = waitpid -1, 0;
    my $one = delete $running{$pid} or next;
    $ended[$one->[0]] = [$?, $one->[1]];
    while ($reported < @programs && $ended[$reported]) {
        report($programs[$reported], @{$ended[$reported]});
        $ended[$reported++] = [];
    }
}
print "1..$count\n";
