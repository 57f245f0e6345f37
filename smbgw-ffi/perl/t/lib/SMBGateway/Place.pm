package SMBGateway::Place;

# Where the tests of this folder work, and what they look at there.

use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempdir);
use Test::More;

our @EXPORT_OK = qw(children descriptors died in_child memory on_a_host own_host threads tree);

# An empty tree that a request names as its root.
sub tree {
    return tempdir('smbgw-perl-XXXXXX', TMPDIR => 1, CLEANUP => 1);
}

# Whether this is a host that was made for the tests.
sub own_host {
    return $ENV{SMBGW_INSIDE} ? 1 : 0;
}

# Skips the whole file where it would change the machine of whoever runs it.
sub on_a_host {
    plan skip_all => 'makes accounts and shares: cargo test --test host_perl runs it in a host of its own'
        if !own_host();
    return;
}

# What a call died with.
sub died {
    my ($call) = @_;
    my $lives = eval { $call->(); 1 };
    return $lives ? undef : $@;
}

# What a child process prints, and how it ended. The child ends as the workers of pvedaemon do.
sub in_child {
    my ($work) = @_;
    my $pid = open(my $from_child, '-|') // die "fork: $!\n";
    if (!$pid) {
        my $lives = eval { print $work->(); 1 };
        print "died: $@" if !$lives;
        STDOUT->flush;
        require POSIX;
        POSIX::_exit($lives ? 0 : 1);
    }
    my $said = do { local $/ = undef; <$from_child> };
    close $from_child;
    return ($said, $?);
}

# The memory that this process has in use, in KiB.
sub memory { return _of_status('VmRSS') }

sub threads { return _of_status('Threads') }

sub descriptors {
    opendir my $directory, '/proc/self/fd' or die "/proc/self/fd: $!\n";
    my @open = grep { m/\A\d+\z/ } readdir $directory;
    closedir $directory;
    return scalar @open;
}

# Whether there is a child, even one that has ended.
sub children {
    require POSIX;
    local ($!, $?);
    return waitpid(-1, POSIX::WNOHANG()) >= 0 ? 1 : 0;
}

sub _of_status {
    my ($field) = @_;
    open my $file, '<', '/proc/self/status' or die "/proc/self/status: $!\n";
    my ($value) = map { m/\A\Q$field\E:\s+(\d+)/ ? $1 : () } <$file>;
    close $file;
    return $value;
}

1;
