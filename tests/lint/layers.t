#!/usr/bin/perl
# Arrows point one way (DESIGN.md, The way of the data): every #include of agent/ is read, and one
# that points upward or sideways fails.
use strict;
use warnings;
use File::Find;

# Whom each folder may know besides itself: a folder, or one header of a folder.
my %knows = (
    base     => [],
    netlink  => ['base'],
    settings => ['base'],
    state    => ['base', 'settings'],
    policy   => ['base', 'settings'],
    render   => ['base', 'settings', 'policy'],
    pki      => ['base'],
    probe    => ['base', 'settings', 'policy', 'pki'],
    domain   => ['base', 'netlink', 'settings', 'state', 'policy', 'render', 'pki', 'probe'],
    report   => ['base', 'domain/domain.h', 'domain/rows.h'],
    serve    => ['base', 'netlink', 'settings', 'state', 'policy', 'render', 'pki', 'probe',
                 'domain', 'report'],
    cli      => ['base', 'netlink', 'settings', 'state', 'policy', 'render', 'pki', 'probe',
                 'domain', 'report', 'serve'],
    'main.c' => ['base', 'cli'],
);

# A header of a library is read by those whose job it is.
my %readers = (
    'sqlite3'    => ['state'],
    'microhttpd' => ['serve'],
);

my %faults = map { $_ => [] } keys %knows;
my @files;
find(sub { push @files, $File::Find::name if /\.[ch]$/ && $File::Find::dir ne 'agent/deps' }, 'agent');

sub judge {
    my ($file, $from, $header, $line) = @_;
    my ($to) = split m{/}, $header;
    return "$file:$line: no such header: $header" unless -e "agent/$header";
    return if $to eq $from || grep { $_ eq $to || $_ eq $header } @{$knows{$from}};
    return "$file:$line: $from must not know $header";
}

for my $file (sort @files) {
    my ($from) = $file =~ m{^agent/([^/]+)};
    push @{$faults{$from}}, "$file: a folder that tests/lint/layers.t does not know"
        unless $knows{$from};
    open my $in, '<', $file or die "cannot read $file: $!\n";
    while (<$in>) {
        push @{$faults{$from}}, judge($file, $from, $1, $.) if /^\s*#\s*include\s+"([^"]+)"/;
        next unless /^\s*#\s*include\s+<([a-z0-9]+)/ && $readers{$1};
        push @{$faults{$from}}, "$file:$.: $from must not know $1"
            unless grep { $_ eq $from } @{$readers{$1}};
    }
    close $in;
}

my $number = 0;
for my $folder (sort keys %faults) {
    $number++;
    print @{$faults{$folder}} ? 'not ' : '', "ok $number - $folder knows only those below it\n";
    print "# $_\n" for @{$faults{$folder}};
}
print "1..$number\n";
