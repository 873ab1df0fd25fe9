#!/usr/bin/perl
# A process that stores revision after revision is killed at any moment: what it acknowledged is
# there, nothing is half there, and the chain of events verifies.
use strict;
use warnings;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Time::HiRes qw(sleep);

my $holdfast = $ENV{HOLDFAST} // 'build/holdfast';
my $root = tempdir(CLEANUP => 1);
my $kills = 15;
my $looks = 50;
my $seed = 20240229;
my $seconds_at_most = 0.02; # about as long as one of them takes to store
my $last = 0; # the number that was acknowledged
my @faults;
my $count = 0;

sub ok {
    my ($ok, $name) = @_;
    $count++;
    print $ok ? "ok $count - $name\n" : "not ok $count - $name\n";
}

sub run {
    my $output = qx($holdfast @_ --root $root 2>&1);
    return ($? >> 8, $output);
}

# A process group of its own, so that a kill reaches the one that is just storing.
sub storing {
    my ($from) = @_;
    my $pid = open my $acknowledged, '-|';
    defined $pid or die "cannot fork: $!\n";
    return ($pid, $acknowledged) if $pid;
    setpgrp;
    exec 'sh', '-c', 'n=$1; while n=$((n + 1)); do
        "$0" --root "$2" set web.max_sessions=$n global.login_banner=$n >/dev/null 2>&1 || exit 1
        echo $n
    done', $holdfast, $from, $root;
}

# Some are acknowledged, then the kill comes at any moment of one that is not.
sub acknowledge {
    my ($acknowledged, $wanted) = @_;
    while ($wanted-- > 0) {
        my $line = <$acknowledged> // return push @faults, "nothing more is stored after $last";
        $last = $1 if $line =~ /^(\d+)$/;
    }
}

# At least what was acknowledged, and `most`, where it is known.
sub look {
    my ($most) = @_;
    my ($code, $output) = run('get', 'web.max_sessions', 'global.login_banner');
    my ($sessions) = $output =~ /^web\.max_sessions = (\d+)$/m;
    my ($banner) = $output =~ /^global\.login_banner = "?(\d*)"?$/m;
    return push @faults, "cannot be read: $output" if $code || !defined $sessions;
    push @faults, "half a revision: $output" if $sessions ne ($banner || 0);
    push @faults, "$sessions where $last was acknowledged" if $sessions < $last;
    push @faults, "$sessions where $last was the last" if defined $most && $sessions > $most;
    $last = $sessions;
    ($code, $output) = run('events', '--verify');
    push @faults, "the chain is broken: $output" if $code;
}

make_path("$root/etc/holdfast");
open my $role, '>', "$root/etc/holdfast/role" or die "$!\n";
print $role "management\n";
close $role;
srand $seed;
run('set', 'net.ipv6_dad=no');
for (1 .. $kills) {
    my ($pid, $acknowledged) = storing($last);
    acknowledge($acknowledged, 1 + int rand 3);
    sleep rand $seconds_at_most;
    kill 'KILL', -$pid;
    while (my $line = <$acknowledged>) {
        $last = $1 if $line =~ /^(\d+)$/;
    }
    close $acknowledged;
    look($last + 1);
}
print "# $_\n" for @faults;
ok(!@faults, "$kills kills lost no acknowledged revision and left none half (seed $seed)");
ok($last >= $kills, "revisions were stored between them ($last)");

@faults = ();
my ($pid, $acknowledged) = storing($last);
look() for 1 .. $looks;
kill 'KILL', -$pid;
close $acknowledged;
print "# $_\n" for @faults;
ok(!@faults, "$looks readers beside writers that come and go each read one revision");
print "1..$count\n";
