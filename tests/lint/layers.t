#!/usr/bin/perl
# Arrows point one way (DESIGN.md, The way of the data). This reads every #include of agent/:
# - a folder knows only those below it;
# - within a folder the files make no circle, where X.c and X.h are one unit if X.c includes X.h;
# - a header whose first comment says "Private to FILES" is included by these files alone: names of
#   .c or .h files of its folder, or "agent/FOLDER" for all of them;
# - a library's headers are read by those whose job it is.
use strict;
use warnings;
use File::Find;

# The layout from the ground up. Whom each folder may know besides itself: a folder, or one header.
my @LAYERS = (
    base     => [],
    netlink  => [qw(base)],
    settings => [qw(base)],
    state    => [qw(base settings)],
    policy   => [qw(base settings)],
    firewall => [qw(base netlink settings policy)],
    render   => [qw(base settings policy)],
    pki      => [qw(base)],
    tls      => [qw(base policy pki)],
    probe    => [qw(base settings policy pki)],
    domain   => [qw(base netlink settings policy firewall render pki probe)],
    report   => [qw(base domain/domain.h domain/checks.h)],
    process  => [qw(base)],
    node     => [qw(base settings state policy pki domain report process/users.h)],
    snapshot => [qw(base settings policy firewall domain report node)],
    endpoint => [qw(base settings policy firewall/network.h pki tls report/traffic.h process snapshot)],
    control  => [qw(base settings state pki domain/domain.h firewall report process node)],
    daemon   => [qw(base netlink settings state policy render pki probe domain report process node
                    snapshot endpoint control tls/tls_offer.h)],
    cli      => [qw(base settings state render pki probe firewall domain report node snapshot control
                    daemon)],
    'main.c' => [qw(base process cli)],
);

# Who may read which library: a folder, or a file.
my %READERS = (
    bearssl    => [qw(pki/curves.c pki/selftest_bearssl.c probe/proof_bearssl.c tls/tls_bearssl.c)],
    mbedtls    => [qw(pki tls probe/proof_mbedtls.c domain/managed_file.c endpoint/fields.c
                      snapshot/snapshot.c state/digest.h)],
    microhttpd => [qw(endpoint/http.c endpoint/responses.c endpoint/responses.h)],
    psa        => [qw(pki/random.c probe/proof_mbedtls.c tls/tls_mbedtls_server.c)],
    sqlite3    => [qw(state)],
);

# Circles that stand still: a .c that uses files which need the types of its own header. Each arrow
# goes when those types get a header of their own; one that is gone must leave this list.
my %STILL = map { $_ => 0 } (
    'policy/policy -> policy/listeners',
    'settings/settings -> settings/value',     'state/database -> state/head',
    'state/database -> state/state',
);

my %knows = @LAYERS;
my (%faults, %text, %includes, %reads);

sub fault {
    my ($kind, $why) = @_;
    push @{$faults{$kind}}, $why;
}

sub folder {
    my ($file) = @_;
    return $file =~ m{^([^/]+)} ? $1 : '';
}

# True where the list has the file or its folder.
sub lists {
    my ($file, @list) = @_;
    return scalar grep { $_ eq $file || $_ eq folder($file) } @list;
}

sub read_file {
    my ($file) = @_;
    open my $in, '<', "agent/$file" or die "cannot read agent/$file: $!\n";
    $text{$file} = do { local $/; <$in> };
    close $in;
    push @{$includes{$file}}, $1 while $text{$file} =~ /^\s*#\s*include\s+"([^"]+)"/mg;
    push @{$reads{$file}}, $1 while $text{$file} =~ /^\s*#\s*include\s+<(\w+)/mg;
}

# --- between folders ---

sub judge_layers {
    my $below = {};
    while (my ($folder, $may) = splice(@LAYERS, 0, 2)) {
        $below->{folder($_)} or fault('layers', "the table: $folder stands before $_") for @$may;
        $below->{$folder} = 1;
    }
    for my $file (sort keys %text) {
        my $from = folder($file);
        fault('layers', "$file: a folder that the table does not know") unless $knows{$from};
        for my $header (@{$includes{$file}}) {
            if (!-e "agent/$header") {
                fault('layers', "$file: no such header: $header");
            } elsif (folder($header) ne $from && !lists($header, @{$knows{$from} || []})) {
                fault('layers', "$file: $from must not know $header");
            }
        }
    }
}

# --- within a folder ---

sub unit {
    my ($file) = @_;
    my ($stem, $end) = $file =~ /^(.*)\.(\w+)$/;
    return $stem if $end eq 'h' || grep { $_ eq "$stem.h" } @{$includes{$file}};
    return $file;
}

sub judge_circles {
    my %next;
    for my $file (sort keys %text) {
        for my $header (@{$includes{$file}}) {
            next if $header =~ /\.def$/ || folder($header) ne folder($file);
            my ($from, $to) = (unit($file), unit($header));
            next if $from eq $to;
            if (exists $STILL{"$from -> $to"}) {
                $STILL{"$from -> $to"}++;
            } else {
                $next{$from}{$to} = $file;
            }
        }
    }
    fault('circles', "$_: listed and gone") for sort grep { !$STILL{$_} } keys %STILL;
    my %done;
    my $walk;
    $walk = sub {
        my ($unit, @way) = @_;
        for my $i (0 .. $#way) {
            next unless $way[$i] eq $unit;
            fault('circles', join(' -> ', @way[$i .. $#way], $unit));
            return;
        }
        return if $done{$unit};
        $walk->($_, @way, $unit) for sort keys %{$next{$unit} || {}};
        $done{$unit} = 1;
    };
    $walk->($_) for sort keys %next;
}

# --- private headers ---

sub judge_private {
    for my $header (sort grep { /\.h$/ } keys %text) {
        my ($comment) = $text{$header} =~ m{^\s*/\*(.*?)\*/}s or next;
        $comment =~ s/\s*\n\s*\*?\s*/ /g;
        my ($list) = $comment =~ /Private to (.*?)(?:\.\s|\.$|;|\s*$)/ or next;
        my @friends = $list =~ m{agent/\w+|\w+\.[ch]\b}g;
        fault('private', "$header: private to whom? $list") unless @friends;
        for my $file (sort keys %text) {
            next unless grep { $_ eq $header } @{$includes{$file}};
            my ($name) = $file =~ m{([^/]+)$};
            my $is_friend = grep { $_ eq 'agent/' . folder($file)
                || (folder($file) eq folder($header) && $_ eq $name) } @friends;
            fault('private', "$file: $header is private to $list")
                unless $is_friend || unit($file) eq unit($header);
        }
    }
}

# --- libraries ---

sub judge_libraries {
    for my $file (sort keys %text) {
        for my $library (@{$reads{$file}}) {
            next unless $READERS{$library};
            fault('libraries', "$file: must not know $library")
                unless lists($file, @{$READERS{$library}});
        }
    }
}

find({no_chdir => 1, wanted => sub { read_file($1) if m{^agent/(?!deps/)(.*\.[ch])$} }}, 'agent');
judge_layers();
judge_circles();
judge_private();
judge_libraries();

my $number = 0;
for my $test ([layers => 'a folder knows only those below it'],
              [circles => 'within a folder no files make a circle'],
              [private => 'a private header is included by those that it names'],
              [libraries => 'a library is read by those whose job it is']) {
    my ($kind, $sentence) = @$test;
    my @list = @{$faults{$kind} || []};
    $number++;
    print @list ? 'not ' : '', "ok $number - $sentence\n";
    print "# $_\n" for @list;
}
print "1..$number\n";
