package SMBGateway::Node;

# A node of Proxmox VE as far as the tests of the plugin need one: the stand-in, and its commands.

use strict;
use warnings;

use base qw(Exporter);
use Cwd qw(realpath);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IPC::Open3 qw(open3);
use Test::More;

our @EXPORT_OK = qw(content_of in_child needs_host perl pvesm run_program shares smbclient stand_in
    storage_cfg there_is_nothing_of write_file);

my $FFI = realpath(dirname(__FILE__) . '/../../../../..');

# The stand-in is found by programs that a test starts, and by the test itself.
my @LIB = ("$FFI/perl/lib", "$FFI/tests/pve/lib");

sub stand_in {
    ## no critic (RequireLocalizedPunctuationVars)
    require lib;
    lib->import(@LIB);
    $ENV{PERL5LIB} = join q{:}, @LIB;
    $ENV{PVE_STANDIN_CUSTOM} //= "$FFI/perl/lib/PVE/Storage/Custom";
    return "$FFI";
}

# These change accounts, /etc and /srv, so they run in a host of their own alone.
sub needs_host {
    if (!$ENV{SMBGW_INSIDE} || !defined $ENV{SMBGW_LIBRARY}) {
        plan(skip_all => 'SKIPPED: this needs a host of its own; `cargo test -p smbgw-ffi --test host_plugin`'
                . ' runs it');
    }
    stand_in();
    make_path('/etc/pve/priv', '/var/lib/vz');
    write_file('/etc/samba/smb.conf', "[global]\n\tdisable spoolss = yes\n\tload printers = no\n");
    return;
}

# What a program did: status, standard output, standard error.
sub run_program {
    my (@argv) = @_;
    utf8::encode($_) for @argv;
    my %ran = (argv => "@argv");
    # Without a name: /tmp is that of all hosts.
    open my $stderr, '+>', undef or die "a temporary file: $!\n";
    my $pid = open3('</dev/null', my $stdout, '>&' . fileno $stderr, @argv);
    $ran{out} = do { local $/ = undef; <$stdout> } // q{};
    waitpid $pid, 0;
    $ran{status} = $? & 127 ? -($? & 127) : $? >> 8;
    seek $stderr, 0, 0;
    $ran{err} = do { local $/ = undef; <$stderr> } // q{};
    close $stderr or die "a temporary file: $!\n";
    return \%ran;
}

sub pvesm {
    my (@arguments) = @_;
    return run_program($^X, '-w', "$FFI/tests/pve/bin/pvesm", @arguments);
}

# Perl in a process of its own, with the stand-in.
sub perl {
    my (@arguments) = @_;
    return run_program($^X, '-w', (map {"-I$_"} @LIB), @arguments);
}

sub smbclient {
    my ($share, $user, $commands) = @_;
    my @who = defined $user ? ('-U', $user) : '-N';
    return run_program('smbclient', "//127.0.0.1/$share", @who, '-c', $commands);
}

sub shares {
    require PVE::SMBGateway;
    return map { $_->{spec}{name} } @{ PVE::SMBGateway->call('share.list', {}) };
}

sub storage_cfg { return content_of('/etc/pve/storage.cfg') // q{} }

sub content_of {
    my ($path) = @_;
    open my $file, '<', $path or return;
    local $/ = undef;
    my $content = <$file>;
    close $file or die "$path: $!\n";
    return $content;
}

sub write_file {
    my ($path, $content) = @_;
    make_path(dirname($path));
    open my $file, '>', $path or die "$path: $!\n";
    print {$file} $content;
    close $file or die "$path: $!\n";
    return;
}

sub there_is_nothing_of {
    my ($id, $what) = @_;
    unlike(storage_cfg(), qr/: \Q$id\E$/m, "$what: storage.cfg");
    is_deeply([ grep { lc eq lc $id } shares() ], [], "$what: the share");
    is_deeply([ glob "/etc/pve/priv/storage/$id.*" ], [], "$what: private files");
    ok(!-e "/srv/smb/$id", "$what: the directory");
    return;
}

# Runs the code in a child, and gives how that ended: as `$?`.
sub in_child {
    my ($code) = @_;
    my $child = fork // die "fork: $!\n";
    if (!$child) {
        my $done = eval { $code->(); 1 };
        diag($@) if !$done;
        require POSIX;
        POSIX::_exit($done ? 0 : 1);
    }
    waitpid $child, 0;
    return $?;
}

1;
