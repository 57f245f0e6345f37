package PVE::Tools;

# Stand-in, for tests: files, commands and lists.

use strict;
use warnings;

use base qw(Exporter);
use Fcntl qw(:DEFAULT);
use POSIX ();

our @EXPORT_OK = qw(run_command file_set_contents file_get_contents file_read_firstline
    dir_glob_foreach split_list extract_param extract_sensitive_params);

sub split_list {
    my ($text) = @_;
    return grep { length } split /[,;\s\0]+/, $text // '';
}

sub extract_param {
    my ($param, $name) = @_;
    return delete $param->{$name};
}

# What is sensitive leaves the parameters; a deleted one comes as undef.
sub extract_sensitive_params {
    my ($param, $names, $deleted) = @_;
    my %deleted = map { $_ => 1 } @{ $deleted // [] };
    my %sensitive;
    for my $name (@$names) {
        my $value = extract_param($param, $name);
        if (defined $value) {
            $sensitive{$name} = $value;
        } elsif ($deleted{$name}) {
            $sensitive{$name} = undef;
        }
    }
    return \%sensitive;
}

sub file_set_contents {
    my ($file, $content, $mode) = @_;
    my $new = "$file.tmp.$$";
    sysopen(my $handle, $new, O_WRONLY | O_CREAT | O_EXCL, $mode // 0644)
        or die "unable to open file '$new' - $!\n";
    my $written = print {$handle} $content;
    if (!$written || !close $handle || !rename $new, $file) {
        my $why = $!;
        unlink $new;
        die "close (rename) atomic file '$file' failed: $why\n";
    }
    return;
}

sub file_get_contents {
    my ($file) = @_;
    open(my $handle, '<', $file) or die "can't open '$file' - $!\n";
    local $/ = undef;
    return scalar(<$handle>) // '';
}

sub file_read_firstline {
    my ($file) = @_;
    open(my $handle, '<', $file) or return undef;
    my $line = <$handle>;
    chomp $line if defined $line;
    return $line;
}

sub dir_glob_foreach {
    my ($dir, $pattern, $code) = @_;
    opendir(my $handle, $dir) or return;
    my @names = sort readdir $handle;
    for my $name (@names) {
        # Matched, and so untainted.
        $code->($1) if $name =~ m/^($pattern)$/;
    }
    return;
}

# argv only; the real one knows much more.
sub run_command {
    my ($argv, %how) = @_;
    open(my $output, '-|', @$argv) or die "command '@$argv' failed: $!\n";
    while (defined(my $line = <$output>)) {
        chomp $line;
        $how{outfunc} ? $how{outfunc}->($line) : print "$line\n";
    }
    return 0 if close $output;
    my $status = $? >> 8;
    return $status if $how{noerr};
    my $what = $how{errmsg} ? "$how{errmsg}: " : '';
    die "${what}command '@$argv' failed: exit code $status\n";
}

sub run_fork_with_timeout {
    my ($timeout, $code) = @_;
    pipe(my $read, my $write) or die "pipe: $!\n";
    my $child = fork // die "fork: $!\n";
    if (!$child) {
        close $read;
        syswrite $write, $code->() ? '1' : '0';
        POSIX::_exit(0);
    }
    close $write;
    my $answer;
    my $in_time = eval {
        local $SIG{ALRM} = sub { die "timeout\n" };
        alarm $timeout;
        sysread $read, $answer, 1;
        alarm 0;
        1;
    };
    kill 'KILL', $child if !$in_time;
    waitpid $child, 0;
    return $answer;
}

1;
