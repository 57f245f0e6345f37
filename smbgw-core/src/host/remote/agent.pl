# Carries out what smbgw asks for on the machine that this program was sent to. It needs the Perl that every
# Debian has (perl-base), leaves nothing behind, and ends with its standard input.
#
# A message is a length of four bytes (big-endian) and so many bytes, which are fields of the same form. A
# request names what to do; an answer begins with `ok`, `error` (errno, text) or `broken` (text).
use strict;
use Config;
use Errno ();
use Fcntl qw(:DEFAULT :flock :mode);
use POSIX ();

my $once = shift(@ARGV) eq 'once';
my @tool_path = qw(/usr/sbin /usr/bin /sbin /bin);

# System calls that Perl has no words for (asm/unistd_64.h, asm-generic/unistd.h, asm/unistd_32.h).
my @names = qw(fsync statx fsetxattr fgetxattr flistxattr fremovexattr prctl memfd_create);
my @generic = (82, 291, 7, 10, 13, 16, 167, 279);
my @i386 = (118, 383, 228, 231, 234, 237, 172, 356);
my %numbers = (
    x86_64 => [74, 332, 190, 193, 196, 199, 157, 319],
    aarch64 => \@generic, riscv64 => \@generic,
    map({ $_ => \@i386 } qw(i386 i486 i586 i686)),
);
my ($machine) = $Config{archname} =~ /^(\w+)-linux-gnu(?:-|$)/;
my $known = $numbers{$machine // ''};
if (!$known) {
    print STDERR "smbgw knows no system calls of $Config{archname}\n";
    exit 3;
}
my %call;
@call{@names} = @$known;
my $PIDFD_OPEN = 434;
my $O_PATH = 010000000;

sub fail { die [$! + 0, ''] }
sub fail_with { $! = shift; fail() }
sub refuse { die [0, shift] }

# ---- messages

sub take {
    my ($wanted) = @_;
    my $bytes = '';
    while (length $bytes < $wanted) {
        my $got = sysread STDIN, $bytes, $wanted - length $bytes, length $bytes;
        exit 0 if defined $got && !$got;
        exit 1 if !defined $got && !$!{EINTR};
    }
    return $bytes;
}

sub put_all {
    my ($to, $bytes) = @_;
    my $done = 0;
    while ($done < length $bytes) {
        my $put = syswrite $to, $bytes, length($bytes) - $done, $done;
        next if !defined $put && $!{EINTR};
        return 0 if !defined $put;
        $done += $put;
    }
    return 1;
}

sub answer {
    my $message = pack 'N/a*', pack '(N/a*)*', @_;
    # Not every byte passes through the guest agent and what prints its answer.
    $message = unpack 'H*', $message if $once;
    put_all(\*STDOUT, $message) or exit 1;
}

# Seconds of a clock that nobody sets.
sub clock { return (POSIX::times())[0] / POSIX::sysconf(POSIX::_SC_CLK_TCK()) }

# ---- files

sub opened {
    my ($path, $flags, $mode) = @_;
    sysopen(my $file, $path, $flags, $mode // 0) or return undef;
    return $file;
}

sub itself { return opened($_[0], O_RDONLY | O_NOFOLLOW | O_NONBLOCK) // fail() }

sub synchronise { syscall($call{fsync}, fileno $_[0]) == 0 or fail() }

sub synchronise_dir {
    my $dir = opened('.', O_RDONLY | O_DIRECTORY) // fail();
    # pmxcfs has no way to do that.
    syscall($call{fsync}, fileno $dir) == 0 or $!{EINVAL} or $!{ENOSYS} or $!{EOPNOTSUPP} or fail();
}

sub status {
    my ($path) = @_;
    my $found = "\0" x 256;
    if (syscall($call{statx}, -100, $path, 0x100, 0x7ff, $found) != 0) {
        return () if $!{ENOENT} || $!{ENOTDIR};
        fail();
    }
    my ($uid, $gid, $mode, $inode, $size, $sec, $nsec, $major, $minor) =
        unpack 'x20 L L S x2 Q Q x48 q L x28 L L', $found;
    my $target = '';
    $target = readlink($path) // fail() if S_ISLNK($mode);
    return ($mode, $uid, $gid, $size, $major, $minor, $inode, $sec, $nsec, $target);
}

sub content_of {
    my ($file, $limit) = @_;
    my @found = stat $file or fail();
    refuse('it is not a regular file') unless S_ISREG($found[2]);
    my $content = '';
    while (length $content <= $limit) {
        my $got = sysread $file, $content, 1 << 20, length $content;
        next if !defined $got && $!{EINTR};
        fail() if !defined $got;
        return $content if !$got;
    }
    refuse("it is larger than $limit bytes");
}

sub content_at {
    my ($path, $limit) = @_;
    my $file = opened($path, O_RDONLY | O_NONBLOCK);
    return content_of($file, $limit) if $file;
    return undef if $!{ENOENT} || $!{ENOTDIR};
    fail();
}

sub names_in {
    my ($path) = @_;
    my $dir;
    if (!opendir $dir, $path) {
        return () if $!{ENOENT};
        fail();
    }
    return grep { $_ ne '.' && $_ ne '..' } readdir $dir;
}

# $path, or where the symbolic link there finally leads to.
sub resolved {
    my ($path) = @_;
    return $path unless -l $path;
    my $there = opened($path, $O_PATH) // fail();
    return readlink('/proc/self/fd/' . fileno $there) // fail();
}

# Goes into the directory that $path is in and gives the last name; nothing where there is no such directory.
sub go_to_parent {
    my ($path) = @_;
    my ($dir, $name) = $path =~ m{^(.*/)([^/]+)$}s or fail_with(Errno::EINVAL());
    return $name if chdir $dir;
    return undef if $!{ENOENT};
    fail();
}

sub parent_of { return go_to_parent($_[0]) // fail_with(Errno::ENOENT()) }

sub temporary_for { return ".$_[0].smbgw-new" }

sub taken_away {
    my ($name) = @_;
    return 1 if unlink $name;
    return 0 if $!{ENOENT};
    fail();
}

# pmxcfs decides owner and mode by path and refuses to change them.
sub tolerated { return $!{EPERM} || $!{EOPNOTSUPP} || $!{ENOSYS} }

sub attribute {
    my ($file, $name) = @_;
    my $value = "\0" x (64 << 10);
    my $length = syscall $call{fgetxattr}, fileno $file, $name, $value, length $value;
    return substr $value, 0, $length if $length >= 0;
    return undef if $!{ENODATA};
    fail();
}

sub copy_attributes {
    my ($from, $to) = @_;
    my @found = stat $from or fail();
    chown($found[4], $found[5], $to) or tolerated() or fail();
    chmod($found[2] & 07777, $to) or tolerated() or fail();
    my $names = "\0" x (64 << 10);
    my $length = syscall $call{flistxattr}, fileno $from, $names, length $names;
    if ($length < 0) {
        return if $!{EOPNOTSUPP} || $!{ENOSYS};
        fail();
    }
    for my $name (split /\0/, substr $names, 0, $length) {
        my $value = attribute($from, $name) // next;
        syscall($call{fsetxattr}, fileno $to, $name, $value, length $value, 0) == 0
            or tolerated() or fail();
    }
}

sub replace {
    my ($path, $mode, $limit, $content) = @_;
    my $name = parent_of(resolved($path));
    my $temporary = temporary_for($name);
    taken_away($temporary);
    my $old = opened($name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    fail() if !$old && !$!{ENOENT};
    return 'unchanged' if $old && content_of($old, $limit) eq $content;
    my $flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    my $new = opened($temporary, $flags, 0600) // fail();
    my $written = eval {
        put_all($new, $content) or fail();
        if ($old) { copy_attributes($old, $new) }
        else { chmod($mode, $new) or fail() }
        synchronise($new);
        rename($temporary, $name) or fail();
        1;
    };
    if (!$written) {
        my $why = $@;
        unlink $temporary;
        die $why;
    }
    synchronise_dir();
    return $old ? 'updated' : 'created';
}

sub append {
    my ($path, $mode, $line) = @_;
    my $name = parent_of($path);
    my $flags = O_WRONLY | O_APPEND | O_NOFOLLOW;
    my $is_new = 0;
    my $file = opened($name, $flags);
    if (!$file) {
        fail() unless $!{ENOENT};
        $file = opened($name, $flags | O_CREAT | O_EXCL, $mode) // fail();
        $is_new = 1;
    }
    my $length = (stat $file)[7];
    if (!eval { put_all($file, "$line\n") or fail(); synchronise($file); 1 }) {
        my $why = $@;
        truncate $file, $length;
        die $why;
    }
    synchronise_dir() if $is_new;
}

sub make_dir {
    my ($path, $mode) = @_;
    my $name = parent_of($path);
    if (mkdir $name, $mode) {
        # The umask has taken bits away.
        chmod($mode, itself($name)) or fail();
        synchronise_dir();
        return 'created';
    }
    fail() unless $!{EEXIST};
    fail_with(Errno::EEXIST()) unless S_ISDIR((status($name))[0] // 0);
    return 'unchanged';
}

sub remove_dir {
    my ($path) = @_;
    my @found = status($path) or return 'unchanged';
    my $name = parent_of($path);
    if (rmdir $name) {
        synchronise_dir();
        return 'removed';
    }
    # One that something is mounted at is busy, and not for us to remove.
    return 'unchanged' if $!{ENOENT} || $!{ENOTEMPTY} || $!{EEXIST} || $!{EBUSY};
    fail();
}

sub empty_below {
    my ($dir, $device, $end) = @_;
    my $removed = 0;
    chdir $dir or fail();
    for my $name (names_in('.')) {
        fail_with(Errno::ETIMEDOUT()) if clock() >= $end;
        my @found = lstat $name or fail();
        if (S_ISDIR($found[2])) {
            fail_with(Errno::EXDEV()) if $found[0] != $device;
            my $below = opened($name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) // fail();
            empty_below($below, $device, $end);
            chdir $dir or fail();
            rmdir $name or fail();
        } else {
            unlink $name or fail();
        }
        $removed = 1;
    }
    return $removed;
}

# ---- commands

sub tool {
    my ($name) = @_;
    for my $dir (@tool_path) { return "$dir/$name" if -x "$dir/$name" && !-d _ }
    return undef;
}

# A file without a name, so that a program may open it as /proc/self/fd/0.
sub memory_file {
    my ($content) = @_;
    my $name = 'smbgw-stdin';
    my $number = syscall $call{memfd_create}, $name, 1;
    fail() if $number < 0;
    open(my $file, '+<&=', $number) or fail();
    put_all($file, $content) or fail();
    sysseek $file, 0, 0 or fail();
    return $file;
}

sub become {
    my ($input, $output, $errors, $report, $program, @arguments) = @_;
    my $parent = getppid;
    POSIX::setpgid(0, 0);
    # The kernel ends it with this program.
    syscall $call{prctl}, 1, 9, 0, 0, 0;
    POSIX::_exit(127) if getppid != $parent;
    POSIX::dup2(fileno $input, 0);
    POSIX::dup2(fileno $output, 1);
    POSIX::dup2(fileno $errors, 2);
    %ENV = (PATH => join(':', @tool_path), LC_ALL => 'C', HOME => '/');
    chdir '/';
    exec { $program } $program, @arguments;
    put_all($report, $! + 0);
    POSIX::_exit(127);
}

sub run {
    my ($kind, $program, $milliseconds, $limit, $content, @arguments) = @_;
    my $end = clock() + $milliseconds / 1000;
    if ($kind eq 'tool') { $program = tool($program) // return 'missing' }
    my $input = $content eq '' ? opened('/dev/null', O_RDONLY) // fail() : memory_file($content);
    my ($output, $errors, $report, @far);
    for my $near (\$output, \$errors, \$report) {
        pipe $$near, my $far or fail();
        push @far, $far;
    }
    my $pid = fork // fail();
    become($input, @far, $program, @arguments) if !$pid;
    @far = ();
    # What went wrong before the program began; nothing, as soon as it has begun.
    sysread $report, my $problem, 16;
    if ($problem) {
        waitpid $pid, 0;
        return ('not-started', $problem);
    }
    my $process = syscall $PIDFD_OPEN, $pid, 0;
    my @streams = map { { pipe => $_, content => '' } } $output, $errors;
    fcntl $_->{pipe}, F_SETFL, O_NONBLOCK for @streams;
    my $how = follow($pid, $process, $end, $limit, @streams);
    if ($how ne 'exited') {
        kill 'KILL', -$pid;
        waitpid $pid, 0;
    }
    my $status = $?;
    POSIX::close($process) if $process >= 0;
    exit 0 if $how eq 'left';
    return $how eq 'exited' ? ($how, $status, map { $_->{content} } @streams) : $how;
}

# Until the program has ended; what it left running may hold the pipes open.
sub follow {
    my ($pid, $process, $end, $limit, @streams) = @_;
    for (;;) {
        my $ready = '';
        vec($ready, fileno $_->{pipe}, 1) = 1 for grep { $_->{pipe} } @streams;
        vec($ready, $process, 1) = 1 if $process >= 0;
        vec($ready, 0, 1) = 1 unless $once;
        my $left = $end - clock();
        $left = 0 if $left < 0;
        $left = 0.02 if $process < 0 && $left > 0.02;
        my $number = select $ready, undef, undef, $left;
        my $ended = waitpid($pid, POSIX::WNOHANG()) == $pid;
        my $status = $?;
        for my $stream (grep { $_->{pipe} } @streams) {
            while (length $stream->{content} <= $limit) {
                my $got = sysread $stream->{pipe}, $stream->{content}, 1 << 16, length $stream->{content};
                last if !defined $got;
                if (!$got) { delete $stream->{pipe}; last }
            }
            return 'too-much' if length $stream->{content} > $limit;
        }
        if ($ended) { $? = $status; return 'exited' }
        # Nothing is said while this works: the one who asked has gone.
        return 'left' if !$once && $number > 0 && vec $ready, 0, 1;
        return 'timed-out' if clock() >= $end;
    }
}

# ---- locks, which are held until this program ends

my @held;

sub lock_file {
    my ($dir, $name, $text, $milliseconds) = @_;
    my $end = clock() + $milliseconds / 1000;
    my $above = '';
    for my $part (grep { $_ ne '' } split m{/}, $dir) {
        $above .= "/$part";
        make_dir($above, 0755) unless -e $above;
    }
    chdir $dir or fail();
    my $file = opened($name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600) // fail();
    until (flock $file, LOCK_EX | LOCK_NB) {
        next if $!{EINTR};
        fail() unless $!{EWOULDBLOCK};
        if (clock() >= $end) {
            sysread $file, my $holder, 200;
            return ('held', $holder // '');
        }
        my $ready = '';
        vec($ready, 0, 1) = 1;
        exit 0 if select($ready, undef, undef, 0.01) > 0;
    }
    truncate $file, 0 or fail();
    put_all($file, $text) or fail();
    push @held, $file;
    return 'taken';
}

# ---- what can be asked for

sub optional { return defined $_[0] ? ('some', $_[0]) : 'none' }

my %does = (
    tool => sub { optional(tool(@_)) },
    run => \&run,
    now => sub { time },
    read => sub { optional(content_at(@_)) },
    read_files => sub {
        my ($path, $suffix, $limit) = @_;
        my @found;
        my $length = 0;
        for my $name (grep { !/^\./ && /\Q$suffix\E\z/ } names_in($path)) {
            my $content = content_at("$path/$name", $limit) // next;
            refuse("its files have more than $limit bytes") if ($length += length $content) > $limit;
            push @found, $name, $content;
        }
        return @found;
    },
    status => sub { status(@_) },
    list => sub { names_in(@_) },
    write => \&replace,
    append => sub { append(@_); () },
    remove => sub {
        my ($path) = @_;
        my $target = go_to_parent(resolved($path));
        taken_away(temporary_for($target)) if defined $target;
        my $name = go_to_parent($path) // return 'unchanged';
        return 'unchanged' unless taken_away($name);
        synchronise_dir();
        return 'removed';
    },
    remove_temporary => sub {
        my $name = go_to_parent(resolved($_[0])) // return 'unchanged';
        return taken_away(temporary_for($name)) ? 'removed' : 'unchanged';
    },
    create_dir => \&make_dir,
    remove_dir => \&remove_dir,
    empty_dir => sub {
        my ($path, $milliseconds) = @_;
        my $end = clock() + $milliseconds / 1000;
        my $dir = opened($path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!$dir) {
            return 'unchanged' if $!{ENOENT};
            fail();
        }
        return empty_below($dir, (stat $dir)[0], $end) ? 'removed' : 'unchanged';
    },
    set_owner => sub {
        my ($path, $uid, $gid) = @_;
        my $file = itself($path);
        my @found = stat $file or fail();
        return 'unchanged' if $found[4] == $uid && $found[5] == $gid;
        chown($uid, $gid, $file) or fail();
        return 'updated';
    },
    set_mode => sub {
        my ($path, $mode) = @_;
        my $file = itself($path);
        my @found = stat $file or fail();
        return 'unchanged' if ($found[2] & 07777) == $mode;
        chmod($mode, $file) or fail();
        return 'updated';
    },
    xattr => sub {
        my ($path, $name) = @_;
        return optional(attribute(itself($path), $name));
    },
    set_xattr => sub {
        my ($path, $name, @value) = @_;
        my $file = itself($path);
        my $before = attribute($file, $name);
        return 'unchanged' if @value ? defined $before && $before eq $value[0] : !defined $before;
        my $result = @value
            ? syscall($call{fsetxattr}, fileno $file, $name, $value[0], length $value[0], 0)
            : syscall($call{fremovexattr}, fileno $file, $name);
        fail() if $result != 0;
        return 'updated';
    },
    lock => \&lock_file,
);

binmode STDIN;
binmode STDOUT;
$SIG{$_} = 'DEFAULT' for qw(CHLD PIPE);
chdir '/';
put_all(\*STDOUT, "\nsmbgw-agent-1\n") or exit 1;
answer('ok', $>);
for (;;) {
    my ($what, @arguments) = unpack '(N/a*)*', take(unpack 'N', take(4));
    my $work = $does{$what};
    my @result = eval { ('ok', $work ? $work->(@arguments) : refuse("`$what` is not known")) };
    if (my $why = $@) { @result = ref $why ? ('error', @$why) : ('broken', $why) }
    chdir '/';
    answer(@result);
    exit 0 if $once;
}
