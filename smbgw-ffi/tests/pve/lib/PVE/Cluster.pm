package PVE::Cluster;

# Stand-in, for tests: files below /etc/pve, and the lock of one.

use strict;
use warnings;

use base qw(Exporter);
use Fcntl qw(:flock);
use PVE::INotify;
use PVE::Tools;

our @EXPORT_OK = qw(cfs_register_file cfs_read_file cfs_write_file cfs_lock_file);

my $DIR = '/etc/pve';
my %known;

sub cfs_register_file {
    my ($name, $parser, $writer) = @_;
    die "file '$name' already registered\n" if $known{$name};
    $known{$name} = { parser => $parser, writer => $writer };
    return;
}

sub cfs_read_file {
    my ($name) = @_;
    my $file = $known{$name} or die "unknown file '$name'";
    my $text = -e "$DIR/$name" ? PVE::Tools::file_get_contents("$DIR/$name") : undef;
    return $file->{parser}->("$DIR/$name", $text);
}

sub cfs_write_file {
    my ($name, $content) = @_;
    my $file = $known{$name} or die "unknown file '$name'";
    my $text = $file->{writer}->("$DIR/$name", $content);
    die "writing '$name' failed: Permission denied (no quorum?)\n" if fails('write');
    return PVE::Tools::file_set_contents("$DIR/$name", $text, 0640);
}

# Runs the code under the lock, and under an alarm; what goes wrong is in $@. What the code says comes out
# as it is.
sub cfs_lock_file {
    my ($name, $timeout, $code, @param) = @_;
    (my $id = "file-$name") =~ s/[.\/]/_/g;
    my ($result, $has_lock);
    my $before = alarm 0;
    eval {
        mkdir "$DIR/priv";
        mkdir "$DIR/priv/lock";
        open(my $lock, '>>', "$DIR/priv/lock/$id") or die "can't create lock: $!\n";
        {
            local $SIG{ALRM} = sub { die "got lock request timeout\n" };
            alarm($timeout // 10);
            flock($lock, LOCK_EX) or die "cfs lock update failed - $!\n";
            alarm 0;
        }
        local $SIG{ALRM} = sub { die "'$id'-locked command timed out - aborting\n" };
        alarm($ENV{PVE_STANDIN_ALARM} // 60);
        $has_lock = 1;
        $result = $code->(@param);
        alarm 0;
    };
    my $error = $@;
    alarm 0;
    alarm $before;
    if ($error) {
        $@ = $has_lock ? $error : "cfs-lock '$id' error: $error";
        return undef;
    }
    $@ = undef;
    return $result;
}

sub get_nodelist { return [ PVE::INotify::nodename() ] }

sub get_vmlist { return { ids => {} } }

# Whether a test wants $what to fail.
sub fails {
    my ($what) = @_;
    return scalar grep { $_ eq $what } split /,/, $ENV{PVE_STANDIN_FAIL} // '';
}

1;
