#!/usr/bin/perl
# Every file of a node lies below --root: a path of it comes from base/file_path.c, which resolves
# the links in it. This reads agent/ for calls that take a path otherwise.
use strict;
use warnings;
use File::Find;

# Calls that take a path and are not base/file's: each stands here with the files that may make it.
my $CALLS = join '|', qw(open openat creat fopen freopen opendir scandir glob realpath stat lstat
    fstatat statx statfs statvfs access faccessat readlink readlinkat unlink unlinkat remove rename
    renameat mkdir mkdirat mkdtemp mkstemp mkostemp mknod mkfifo rmdir chmod fchmodat chown lchown
    fchownat symlink link truncate utimensat inotify_add_watch chdir chroot execve execv);
my %MAY = (
    'agent/base/file.c'         => 'the helpers themselves',
    'agent/base/file_path.c'    => 'the helpers themselves',
    'agent/state/database.c'    => 'paths made of state_path',
    'agent/state/files.c'       => 'paths made of state_path',
    'agent/state/head.c'        => 'paths made of state_path',
    'agent/state/latches.c'     => 'paths made of state_path',
    'agent/domain/managed_file.c' => 'the path of its caller, through no link',
    'agent/base/unix_socket.c' => 'the path of its caller, which bind(2) does not follow',
    'agent/cli/input.c'         => 'a file that the user names',
);
my %MAY_CALL = ( # a file, and what in it: those of the running program or kernel, and resolved ones
    'agent/cli/command.c'     => ['open("/dev/null"'],
    'agent/domain/files.c'    => ['unlink(path)'],
    'agent/domain/fips.c'     => ['access(path'],
    'agent/domain/platform.c' => ['statvfs(rule->path'],
    'agent/domain/processes.c' => ['opendir("/proc"', 'stat(path'],
    'agent/domain/sysctl_places.c' => ['open(path'],
    'agent/probe/served.c'    => ['unlink(path)'],
    'agent/control/caller.c'      => ['lstat(path'],
    'agent/control/server.c'      => ['unlink(control->path)', 'lchown(control->path'],
    'agent/daemon/fingerprint.c' => ['unlink(path)'],
    'agent/daemon/file_watch.c' => ['inotify_add_watch(fd, path, events)'],
    'agent/control/password_set.c' => ['open(path'],
    'agent/node/last_known.c' => ['lstat(path'],
    'agent/node/load.c'      => ['access(node->state_path', 'access(folder', 'stat(folder'],
    'agent/node/system.c'    => ['access(KEY_OF_', 'stat("/proc/self/ns/pid"', 'statfs(path',
                                  'readlink("/proc/1/exe"'],
    'agent/process/helper.c'    => ['open("/proc/self/exe"'],
    'agent/process/sandbox.c'   => ['open("/dev/null"', 'mkdtemp(folder)', 'chdir(folder)',
                                  'chdir("/")', 'chroot(".")', 'rmdir(folder)'],
);
# A path whose last link is left as it is goes only to calls that do not follow it there.
my %KEEPS_LINK = map { $_ => 1 } qw(file_path file_path_keeping file_target file_replace
    file_replace_volatile file_replace_alike file_read_own unlink lstat unix_socket_listen sizeof
    managed_file_look managed_file_look_folder managed_file_repair_folder managed_file_write write_file remove_file look_at_path
    file_replace_with);
my %KEEPS_LINK_THERE = ('agent/daemon/file_watch.c' => ['inotify_add_watch']); # IN_DONT_FOLLOW
# What belongs to the kernel or the machine and not to the node's files, with --root too.
my %OF_THE_MACHINE = map { $_ => 1 } ('agent/firewall/foreign.c', 'agent/domain/processes.c',
    'agent/node/system.c', 'agent/process/users.c');

my (@raw, @followed, @glued, @literal, %used);

# The C files' text without comments and, for names, their functions: a line that begins a body is
# "{" at its start.
sub functions {
    my ($text) = @_;
    my @found;
    while ($text =~ /^[^\s#][^\n]*?\b(\w+)\([^;{}]*?\)\n\{\n(.*?)^\}/msg) {
        push @found, [$1, $2];
    }
    return @found;
}

# A function in which a path comes from file_path, and the calls that it is given to.
sub followed {
    my ($file, $name, $body) = @_;
    my @faults;
    my %kept = map { $_ => 1 } @{$KEEPS_LINK_THERE{$file} || []};
    for my $variable ($body =~ /\bfile_path(?:_keeping)?\(([\w>.-]+),/g) {
        while ($body =~ /\b(\w+)\(([^()]*(?:\([^()]*\)[^()]*)*)\)/g) {
            my ($call, $arguments) = ($1, $2);
            next unless $arguments =~ /(?<![\w.>-])\Q$variable\E(?![\w\[])/;
            next if $KEEPS_LINK{$call} || $kept{$call} || $call =~ /^(?:if|for|while|return)$/;
            push @faults, "$file: $name gives a path of file_path to $call, which follows links";
        }
    }
    return @faults;
}

sub judge {
    my ($file) = @_;
    open my $in, '<', $file or die "cannot read $file: $!\n";
    my $text = do { local $/; <$in> };
    close $in;
    $text =~ s{/\*.*?\*/}{ }gs;
    while ($text =~ /(?<![\w.>])(?=((?:$CALLS)\([^;\n]*))\w/g) {
        my $call = $1;
        next if $MAY{$file} && ++$used{$file};
        my ($known) = grep { index($call, $_) == 0 } @{$MAY_CALL{$file} || []};
        push @raw, "$file: $call" unless $known;
        $used{"$file $known"} = 1 if $known;
    }
    return if $file eq 'agent/base/file_path.c';
    push @glued, "$file: $1" while $text =~ /((?:snprintf|buf_printf)\([^;]*\broot\b[^;]*);/g;
    push @followed, followed($file, @$_) for functions($text);
    return if $OF_THE_MACHINE{$file};
    push @literal, "$file: $1"
        while $text =~ /\b(file_(?:read|poke|replace)\w*\("[^;]*|get(?:pw|gr)\w+\([^;]*)/g;
}

find(sub { push @ARGV, $File::Find::name if /\.c$/ && $File::Find::dir ne 'agent/deps' }, 'agent');
judge($_) for sort @ARGV;
my @unused = grep { !$used{$_} } (sort(keys %MAY), map { my $f = $_; map { "$f $_" } @{$MAY_CALL{$f}} }
    sort keys %MAY_CALL);

my $number = 0;
for my $check (['every call that takes a path is listed here with its reason', @raw],
               ['nothing is listed that no file does any more', @unused],
               ['a path that may end in a link goes to calls alone that do not follow it', @followed],
               ['no path is glued to a root by hand', @glued],
               ['no file of the node is named without a root', @literal]) {
    my ($name, @faults) = @$check;
    $number++;
    print @faults ? 'not ' : '', "ok $number - $name\n";
    print "# $_\n" for @faults;
}
print "1..$number\n";
