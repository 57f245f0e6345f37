#!/usr/bin/perl
# Stands in for `qm`, `pvesh`, `pvesm` and `ha-manager` of Proxmox VE 8 and 9: the options that are used, with the
# texts, forms and exit statuses of the real ones. Written from the documented behaviour (qm(1), pvesh(1),
# pvesm(1), ha-manager(1), the API viewer) and from the messages that the real ones print.
#
# Guests are files in /etc/pve/nodes/NODE/qemu-server, storages are in /etc/pve/storage.cfg, tasks in
# /run/pve-standin/tasks, running guests in /run/qemu-server. What a real node finds out by itself is in
# /run/pve-standin/node.json; faults are in faults.json beside it, and what was called is in calls. All of it is
# below the folder that this program's usr/sbin is in.
use strict;
use warnings;
use Fcntl qw(:flock);
use FindBin;
use JSON::PP;
use POSIX qw(setsid _exit);

my ($tool) = $0 =~ m{([^/]+)$};
my $root = $FindBin::Bin =~ s{/usr/sbin$}{}r;
my $own = "$root/run/pve-standin";
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $node = $json->decode(content("$own/node.json") // die "the stand-in has no node.json\n");
# What has real guests, where a test has some: a program with its first words.
my $machine = $json->decode(content("$own/machine.json") // 'null');
my $name = $node->{name};
my $guests = "$root/etc/pve/nodes/$name/qemu-server";

# --- Small things -------------------------------------------------------------------------------

sub content {
    my ($path) = @_;
    open(my $file, '<:raw', $path) or return undef;
    local $/;
    return scalar <$file> // '';
}

sub put {
    my ($path, $content) = @_;
    my ($folder) = $path =~ m{^(.*)/};
    folder($folder);
    open(my $file, '>:raw', "$path.$$") or die "unable to open file '$path.$$' - $!\n";
    print {$file} $content;
    close($file) or die "closing file '$path.$$' failed - $!\n";
    rename("$path.$$", $path) or die "rename '$path.$$' failed - $!\n";
}

sub folder {
    my ($path) = @_;
    return if $path eq '' || -d $path;
    my ($above) = $path =~ m{^(.*)/[^/]+$};
    folder($above);
    mkdir $path;
}

# Has $work run while nobody else has this lock.
sub locked {
    my ($lock, $seconds, $work) = @_;
    folder("$root/run/lock/qemu-server");
    my $path = "$root/run/lock/qemu-server/$lock.conf";
    open(my $file, '>>', $path) or die "can't open lock file '$path' - $!\n";
    my $end = time + $seconds;
    until (flock($file, LOCK_EX | LOCK_NB)) {
        die "can't lock file '/var/lock/qemu-server/$lock.conf' - got timeout\n" if time >= $end;
        select undef, undef, undef, 0.05;
    }
    my @result = $work->();
    close $file;
    return wantarray ? @result : $result[0];
}

# Of a complaint about options, as all commands of Proxmox VE have it.
sub wrong_option { my ($name) = @_; die "Unknown option: $name\n400 unable to parse option\n" }

sub wrong_value {
    my (%wrong) = @_;
    die "400 Parameter verification failed.\n" . join('', map { "$_: $wrong{$_}\n" } sort keys %wrong);
}

# Splits words into positional ones and options; which names there are is told by patterns, each with one for values.
sub options {
    my ($known, @words) = @_;
    my (@rest, %option);
    while (@words) {
        my $word = shift @words;
        if ($word eq '--') { push @rest, @words; last }
        if ($word !~ /^--?([\w-]+)(?:=(.*))?$/s) { push @rest, $word; next }
        my ($key, $value) = ($1, $2);
        my ($pattern) = grep { $key =~ /^(?:$_)$/ } keys %$known or wrong_option($key);
        if (!defined $value) {
            @words or die "Option $key requires an argument\n400 unable to parse option\n";
            $value = shift @words;
        }
        my $form = $known->{$pattern};
        wrong_value($key => "value does not match the regex pattern") if $value !~ /^(?:$form)$/s;
        wrong_value($key => 'duplicate parameter') if exists $option{$key};
        $option{$key} = $value;
    }
    return (\%option, @rest);
}

sub one_vmid {
    my ($vmid) = @_;
    die "400 not enough arguments\n" if !defined $vmid;
    wrong_value(vmid => "type check ('integer') failed - got '$vmid'") if $vmid !~ /^-?\d+$/;
    wrong_value(vmid => 'value must have a minimum value of 100') if $vmid < 100;
    wrong_value(vmid => 'value must have a maximum value of 999999999') if $vmid > 999_999_999;
    return $vmid;
}

# --- Faults -------------------------------------------------------------------------------------

# What is to become of this call: the first rule whose words it begins with and whose turn it is.
sub fault {
    my $said = join ' ', $tool, @ARGV;
    return locked('standin', 600, sub {
        open(my $calls, '>>', "$own/calls");
        print {$calls} $said =~ s/\n/\\n/gr, "\n";
        close $calls;
        my $rules = $json->decode(content("$own/faults.json") // '[]');
        my $found;
        for my $rule (@$rules) {
            next if index($said, $rule->{call}) != 0;
            $rule->{seen}++;
            $found //= $rule if $rule->{seen} == $rule->{nth};
        }
        put("$own/faults.json", $json->encode($rules)) if @$rules;
        return $found // {};
    });
}

# --- Configurations -----------------------------------------------------------------------------

# In a file the notes are comments before the options, with what has a meaning of its own in percents.
sub encoded { my ($text) = @_; $text =~ s/([\x00-\x1f%:\x7f-\xff])/sprintf('%%%02X', ord $1)/ger }
sub decoded { my ($text) = @_; $text =~ s/%([0-9a-fA-F]{2})/chr hex $1/ger }

sub has_config { my ($vmid) = @_; return -f "$guests/$vmid.conf" }

sub config {
    my ($vmid) = @_;
    my $text = content("$guests/$vmid.conf");
    defined $text or die "Configuration file 'nodes/$name/qemu-server/$vmid.conf' does not exist\n";
    my %config;
    for my $line (split /\n/, $text) {
        if ($line =~ /^#(.*)$/) { $config{description} .= decoded($1) . "\n" }
        elsif ($line =~ /^([a-z][a-z_\d]*):\s*(.*?)\s*$/) { $config{$1} = $2 }
    }
    return \%config;
}

sub write_config {
    my ($vmid, $config) = @_;
    my %left = %$config;
    my $notes = delete $left{description};
    my $text = '';
    if (defined $notes) { $text .= '#' . encoded($_) . "\n" for split /\n/, $notes, -1; $text =~ s/#\n\z// }
    $text .= "$_: $left{$_}\n" for sort keys %left;
    put("$guests/$vmid.conf", $text);
}

sub check_lock {
    my ($config) = @_;
    die "VM is locked ($config->{lock})\n" if $config->{lock};
}

# All guests of the cluster: of this node, and those that node.json has elsewhere.
sub all_guests {
    my @all = @{ $node->{guests} // [] };
    for my $file (glob "$guests/*.conf") {
        my ($vmid) = $file =~ m{/(\d+)\.conf$} or next;
        my $config = eval { config($vmid) } or next;
        push @all, {
            id => "qemu/$vmid", vmid => $vmid + 0, node => $name, type => 'qemu',
            name => $config->{name} // "VM $vmid", template => ($config->{template} // 0) + 0,
            status => running($vmid) ? 'running' : 'stopped',
            maxmem => ($config->{memory} // 512) * 1048576, maxcpu => ($config->{cores} // 1) + 0,
        };
    }
    return @all;
}

sub check_unused {
    my ($vmid, $what) = @_;
    for my $guest (all_guests()) {
        my $kind = $guest->{type} eq 'lxc' ? 'CT' : 'VM';
        die "$what$kind $vmid already exists on node '$guest->{node}'\n" if $guest->{vmid} == $vmid;
    }
}

# --- Storages -----------------------------------------------------------------------------------

sub storages {
    my (%all, $entry);
    for my $line (split /\n/, content("$root/etc/pve/storage.cfg") // '') {
        if ($line =~ /^(\w+):\s+(\S+)\s*$/) { $entry = $all{$2} = { storage => $2, type => $1 } }
        elsif ($entry && $line =~ /^\s+([\w-]+)\s*(.*)$/) { $entry->{$1} = $2 }
    }
    return \%all;
}

sub storage {
    my ($id) = @_;
    my $storage = storages()->{$id} or die "storage '$id' does not exist\n";
    die "storage '$id' is disabled\n" if $storage->{disable};
    return $storage;
}

sub keeps_files { $_[0]{type} =~ /^(?:dir|nfs|cifs|btrfs)$/ }

# Volumes of storages that are no folders are files all the same, in a folder of the stand-in.
sub place {
    my ($volume) = @_;
    my ($id, $rest) = split /:/, $volume, 2;
    my $storage = storage($id);
    if (keeps_files($storage)) {
        my $below = $rest =~ s{^\w+/}{}r;
        return "$root$storage->{path}/$rest" if $rest =~ m{^(?:snippets|iso|import)/};
        $below = $rest =~ m{^(\d+)/(.+)$} ? $rest : $below;
        # A linked volume is named by its base, too: BASE/ID/NAME.
        $below = $1 if $rest =~ m{^\d+/base-[^/]+/(\d+/.+)$};
        return "$root$storage->{path}/images/$below";
    }
    $rest =~ s{^.*/}{};
    return "$root/run/pve-standin/volumes/$id/$rest";
}

sub available { my ($id) = @_; return $node->{available}{$id} // 100 << 30 }

# The size of the disk in an image.
sub disk_size {
    my ($path) = @_;
    open(my $file, '<:raw', $path) or die "file '$path' does not exist\n";
    read $file, my $head, 32;
    return unpack 'Q>', substr $head, 24, 8 if length $head == 32 && substr($head, 0, 4) eq "QFI\xfb";
    return -s $file;
}

sub shown_size {
    my ($bytes) = @_;
    for my $unit (['G', 1 << 30], ['M', 1 << 20], ['K', 1 << 10]) {
        return $bytes / $unit->[1] . $unit->[0] if $bytes && $bytes % $unit->[1] == 0;
    }
    return $bytes;
}

# A new volume of a guest: its name and its path. Its room has to be there.
sub allocate {
    my ($id, $vmid, $bytes, $suffix, $kind, $base) = @_;
    my $storage = storage($id);
    my $content = $storage->{content} // '';
    die "storage '$id' does not support content-type 'images'\n" if $content !~ /\bimages\b/;
    die "unable to create image: qemu-img: No space left on device\n" if $bytes > available($id);
    my $number = 0;
    my ($volume, $path);
    do {
        my $plain = $kind eq 'cloudinit' ? "vm-$vmid-cloudinit" : "$kind-$vmid-disk-$number";
        $volume = keeps_files($storage) ? "$id:$vmid/$plain.$suffix" : "$id:$plain";
        $volume = "$id:$base/" . ($volume =~ s/^[^:]+://r) if $base;
        $path = place($volume);
        die "volume '$volume' already exists\n" if $kind eq 'cloudinit' && -e $path;
        $number++;
    } while -e $path;
    return ($volume, $path);
}

sub copy {
    my ($from, $to) = @_;
    my ($above) = $to =~ m{^(.*)/};
    folder($above);
    open(my $in, '<:raw', $from) or die "unable to open '$from' - $!\n";
    open(my $out, '>:raw', $to) or die "unable to create '$to' - $!\n";
    my $end = 0;
    while (read $in, my $block, 1 << 20) {
        $end += length $block;
        # Holes stay holes.
        if ($block =~ /[^\0]/) { print {$out} $block or die "error while writing: $!\n" }
        else { seek $out, length $block, 1 }
    }
    $out->flush;
    truncate $out, $end;
    close $out or die "error while writing: $!\n";
}

sub free_volume {
    my ($volume) = @_;
    my $path = place($volume);
    my ($above) = $path =~ m{^(.*)/};
    unlink $path;
    rmdir $above if $volume =~ m{/};
}

my $DISK = qr/(?:scsi|virtio|sata|ide)\d+/;

sub volume_of {
    my ($value) = @_;
    my ($volume) = $value =~ /^(?:file=)?([^,]+)/;
    return $volume =~ /:/ ? $volume : undef;
}

sub property { my ($value, $name) = @_; return $value =~ /(?:^|,)\Q$name\E=([^,]*)/ ? $1 : undef }

# Makes a disk as an option says it, and gives the option as the configuration keeps it.
sub disk {
    my ($vmid, $slot, $value, $made) = @_;
    my ($first, @more) = split /,/, $value;
    my $from = property($value, 'import-from');
    my $format = property($value, 'format');
    @more = grep { !/^(?:import-from|format)=/ } @more;
    my ($id, $what) = $first =~ /^(?:file=)?([^:]+):(.+)$/ or wrong_value($slot => "invalid format - no such volume");
    my ($volume, $path, $bytes);
    if ($what eq 'cloudinit') {
        $bytes = 4 << 20;
        ($volume, $path) = allocate($id, $vmid, $bytes, 'qcow2', 'cloudinit');
        put($path, '');
        push @more, 'media=cdrom';
        @more = grep { $_ ne 'discard=on' } @more;
    } elsif ($what =~ /^\d+(?:\.\d+)?$/) {
        my $storage = storage($id);
        wrong_value($slot => "invalid format '$format' on storage '$id'")
            if defined $format && $format eq 'qcow2' && !keeps_files($storage);
        if (defined $from) {
            wrong_value($slot => "'import-from' requires size 0") if $what ne '0';
            my $source = $from =~ m{^/} ? ($root eq '' ? $from : -e $from ? $from : "$root$from") : place($from);
            -f $source or die "cannot import from '$from' - volume_size_info on '$from' failed\n";
            $bytes = disk_size($source);
            # Kept in the format it has, so that nothing of QEMU is needed.
            my $suffix = disk_size($source) == -s $source ? 'raw' : 'qcow2';
            ($volume, $path) = allocate($id, $vmid, $bytes, $suffix, 'vm');
            push @$made, $volume;
            log_line("importing disk '$from' to VM $vmid ...");
            copy($source, $path);
        } else {
            $bytes = $what * (1 << 30);
            ($volume, $path) = allocate($id, $vmid, $bytes, $format // 'raw', 'vm');
            put($path, '');
            truncate $path, $bytes;
        }
    } else {
        $volume = "$id:$what";
        $path = place($volume);
        -e $path or die "volume '$volume' does not exist\n";
        $bytes = disk_size($path);
        return join ',', $volume, @more, 'size=' . shown_size($bytes);
    }
    push @$made, $volume if !grep { $_ eq $volume } @$made;
    log_line("$slot: successfully created disk '$volume,size=" . shown_size($bytes) . "'");
    return join ',', $volume, @more, 'size=' . shown_size($bytes);
}

# --- Tasks --------------------------------------------------------------------------------------

my $log;

sub log_line {
    my ($line) = @_;
    if ($log) { print {$log} "$line\n"; $log->flush }
    else { print "$line\n" }
}

sub upid_file { return "$own/tasks/$_[0]" }

# How a task stands: nothing while it works.
sub task_end {
    my ($upid) = @_;
    my $path = upid_file($upid);
    my $text = content($path) // die "unable to read tail (got 0 bytes)\n";
    return $1 if $text =~ /^TASK (OK)\n\z/m;
    return $1 if $text =~ /^TASK ERROR: (.+)\n\z/m;
    return $1 if $text =~ /^TASK (WARNINGS: \d+)\n\z/m;
    my $pid = content("$path.pid") // return undef;
    return kill(0, $pid + 0) ? undef : 'unexpected status';
}

# Has a process of its own do $work, as pvedaemon's workers do: it goes on when who began it is killed.
sub task {
    my ($kind, $id, $fault, $work) = @_;
    my $upid = sprintf 'UPID:%s:%08X:%08X:%08X:%s:%s:root@pam:', $name, $$, time % 0xffff_ffff, time, $kind, $id;
    my $path = upid_file($upid);
    put($path, '');
    my $pid = fork // die "fork failed - $!\n";
    if (!$pid) {
        setsid();
        open STDIN, '<', '/dev/null';
        open $log, '>>', $path;
        open STDOUT, '>&', $log;
        open STDERR, '>&', $log;
        put("$path.pid", "$$\n");
        my $ended = eval {
            die "$fault->{text}\n" if ($fault->{kind} // '') eq 'task';
            $work->();
            1;
        };
        my $error = $@ =~ s/\s+\z//r =~ s/\n/ /gr;
        log_line($ended ? 'TASK OK' : "TASK ERROR: $error");
        close $log;
        _exit($ended ? 0 : 255);
    }
    waitpid $pid, 0;
    my $end = task_end($upid) // 'unexpected status';
    my $said = content($path) =~ s/^TASK .*\n\z//mr;
    print $said;
    # Why it failed goes to the other stream.
    print STDERR "$end\n" if $end !~ /^(?:OK|WARNINGS)/;
    return ($upid, $end);
}

# A task that a command of `qm` ends with.
sub qm_task {
    my ($kind, $id, $fault, $work) = @_;
    my ($upid, $end) = task($kind, $id, $fault, $work);
    exit 255 if $end !~ /^(?:OK|WARNINGS: \d+)$/;
}

sub take_time { my ($fault) = @_; select undef, undef, undef, $fault->{seconds} if ($fault->{kind} // '') eq 'slow' }

# --- Running guests -----------------------------------------------------------------------------

# The file is QEMU's where there is one, which may have ended by itself, and says 0 where there is none.
sub running {
    my ($vmid) = @_;
    my ($pid) = (content("$root/run/qemu-server/$vmid.pid") // return 0) =~ /^(\d+)/;
    return !$pid || kill 0, $pid;
}

# Has the test's program do what a real guest is needed for, where it has given one.
sub machine {
    my ($verb, $vmid, @words) = @_;
    return 1 if !$machine;
    my %volumes;
    if ($verb eq 'start') {
        my $config = config($vmid);
        %volumes = map { $_ => eval { place($_) } }
            grep { defined } (map { volume_of($config->{$_}) } grep { /^$DISK$/ } keys %$config),
            ($config->{cicustom} // '') =~ /=([^,]+)/g;
    }
    local $ENV{STANDIN_VOLUMES} = $json->encode(\%volumes);
    return system(@$machine, $verb, $vmid, "$guests/$vmid.conf", @words) == 0;
}

# What `qm guest exec` finds, and the stand-in that enters a machine reads.
sub tell_inside {
    my ($vmid) = @_;
    my $state = 'stopped';
    if (running($vmid)) {
        my $has_agent = (config($vmid)->{agent} // '') =~ /^(?:enabled=)?1/;
        $state = !$has_agent ? 'without-agent' : content("$own/inside/$vmid") // 'agent-stopped';
    }
    put("$root/run/machines/qemu-server/$vmid", $state);
}

sub check_agent {
    my ($vmid) = @_;
    my $config = config($vmid);
    die "No QEMU guest agent configured\n" if !defined $config->{agent};
    die "VM $vmid is not running\n" if !running($vmid);
    my $answers = $machine ? machine('ping', $vmid) : -f "$own/agent/$vmid";
    die "QEMU guest agent is not running\n" if !$answers;
}

# --- qm -----------------------------------------------------------------------------------------

my $TEXT = qr/.*/s;
my $SIZE = qr/\d+/;
my %SETTING = (
    name => qr/[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?/, description => $TEXT, tags => qr/[a-z0-9_][a-z0-9_+.;-]*/,
    memory => $SIZE, balloon => $SIZE, cores => $SIZE, bios => qr/seabios|ovmf/, cpu => qr/[\w.-]+(?:,.*)?/,
    scsihw => qr/virtio-scsi-(?:pci|single)/, boot => qr/order=$DISK(?:;(?:$DISK|net\d))*/, ostype => qr/l26/,
    'net\d+' => qr/virtio(?:=[0-9A-F:]{17})?,bridge=[\w.-]+(?:,tag=\d+)?(?:,firewall=1)?/,
    'ipconfig\d+' => qr/(?:ip6?=[^,]+|gw6?=[^,]+)(?:,(?:ip6?|gw6?)=[^,]+)*/, cicustom => qr/\w+=[^,]+(?:,\w+=[^,]+)*/,
    ciuser => qr/\S+/, sshkeys => qr/.+/s, 'virtiofs\d' => qr/dirid=[\w-]+(?:,expose-(?:acl|xattr)=1)*/,
    agent => qr/enabled=[01].*/, serial0 => qr/socket/, vga => qr/serial0/, onboot => qr/[01]/,
    $DISK => qr/[^:]+:[^,]+(?:,.*)?/,
);

# Puts options into a configuration, making the disks that they ask for.
sub apply {
    my ($vmid, $config, $option, $made) = @_;
    for my $key (sort keys %$option) {
        my $value = $option->{$key};
        if ($key =~ /^$DISK$/) {
            $config->{$key} = disk($vmid, $key, $value, $made);
        } elsif ($key =~ /^net\d/) {
            my $mac = sprintf 'BC:24:11:%02X:%02X:%02X', map { int rand 256 } 1 .. 3;
            $config->{$key} = $value =~ s/^virtio,/virtio=$mac,/r;
        } elsif ($key eq 'sshkeys') {
            my $keys = content($value) // die "can't open '$value' - No such file or directory\n";
            $config->{$key} = $keys =~ s/([^A-Za-z0-9\-\._~])/sprintf '%%%02X', ord $1/ger;
        } elsif ($key eq 'cicustom') {
            for my $volume ($value =~ /=([^,]+)/g) {
                -f place($volume) or die "volume '$volume' does not exist\n";
            }
            $config->{$key} = $value;
        } else {
            $config->{$key} = $value;
        }
    }
}

sub create {
    my ($fault, @words) = @_;
    my ($option, $vmid, @more) = options(\%SETTING, @words);
    die "400 too many arguments\n" if @more;
    $vmid = one_vmid($vmid);
    locked('standin-ids', 600, sub {
        check_unused($vmid, "unable to create VM $vmid - ");
        write_config($vmid, { lock => 'create' });
    });
    qm_task('qmcreate', $vmid, $fault, sub {
        my @made;
        eval {
            take_time($fault);
            my %config = (meta => 'creation-qemu=9.2.0,ctime=' . time, vmgenid => unique(), smbios1 => 'uuid=' . unique());
            apply($vmid, \%config, $option, \@made);
            write_config($vmid, \%config);
            1;
        } or do {
            my $error = $@;
            free_volume($_) for @made;
            unlink "$guests/$vmid.conf";
            die "unable to create VM $vmid - $error";
        };
        tell_inside($vmid);
    });
}

sub unique {
    return sprintf '%04x%04x-%04x-4%03x-a%03x-%04x%04x%04x', (map { int rand 65536 } 1 .. 3), (map { int rand 4096 } 1 .. 2),
        map { int rand 65536 } 1 .. 3;
}

sub set {
    my ($fault, @words) = @_;
    my ($option, $vmid, @more) = options({ %SETTING, delete => qr/[a-z]+\d*(?:,[a-z]+\d*)*/ }, @words);
    die "400 too many arguments\n" if @more;
    $vmid = one_vmid($vmid);
    die "no options specified\n" if !%$option;
    my $delete = delete $option->{delete};
    locked("lock-$vmid", 10, sub {
        my $config = config($vmid);
        check_lock($config);
        take_time($fault);
        my @made;
        eval {
            apply($vmid, $config, $option, \@made);
            1;
        } or do {
            my $error = $@;
            free_volume($_) for @made;
            die $error;
        };
        for my $key (split /,/, $delete // '') {
            my $value = delete $config->{$key};
            my $volume = $key =~ /^$DISK$/ && defined $value ? volume_of($value) : undef;
            next if !$volume;
            if ($value =~ /cloudinit/) { free_volume($volume); next }
            my $number = 0;
            $number++ while $config->{"unused$number"};
            $config->{"unused$number"} = $volume;
        }
        write_config($vmid, $config);
        tell_inside($vmid);
        print "update VM $vmid:", map({ " -$_ " . ($_ eq 'sshkeys' ? $config->{$_} : $option->{$_}) } sort keys %$option), "\n";
    });
}

sub clone {
    my ($fault, @words) = @_;
    my %known = (name => $SETTING{name}, description => $TEXT, full => qr/[01]/, storage => qr/[\w.-]+/);
    my ($option, $vmid, $new, @more) = options(\%known, @words);
    die "400 too many arguments\n" if @more;
    ($vmid, $new) = (one_vmid($vmid), one_vmid($new));
    my $from = config($vmid);
    check_lock($from);
    my $full = $option->{full} // !$from->{template};
    die "Linked clone feature is not supported for drives of VM $vmid (no template)\n" if !$full && !$from->{template};
    die "parameter 'storage' not allowed for linked clones\n" if !$full && defined $option->{storage};
    storage($option->{storage}) if defined $option->{storage};
    locked('standin-ids', 600, sub {
        check_unused($new, "unable to create VM $new: ");
        write_config($new, { lock => 'clone' });
    });
    qm_task('qmclone', $vmid, $fault, sub {
        my @made;
        eval {
            take_time($fault);
            my %config = map { $_ => $from->{$_} } grep { !/^(?:template|lock|snapshot|parent|description|meta)$/ } keys %$from;
            $config{description} = $from->{description} if defined $from->{description};
            for my $slot (sort grep { /^$DISK$/ } keys %config) {
                my ($volume, @rest) = split /,/, $config{$slot};
                $volume =~ /:/ or next;
                my ($id, $old) = split /:/, $volume, 2;
                my $path = place($volume);
                -e $path or die "clone failed: volume '$volume' does not exist\n";
                my ($suffix) = $path =~ /\.(\w+)$/;
                my ($made, $to);
                if ($old =~ /cloudinit/) {
                    ($made, $to) = allocate($full ? $option->{storage} // $id : $id, $new, 4 << 20, 'qcow2', 'cloudinit');
                    put($to, '');
                } elsif ($full) {
                    log_line("create full clone of drive $slot ($volume)");
                    ($made, $to) = allocate($option->{storage} // $id, $new, disk_size($path), $suffix // 'raw', 'vm');
                    push @made, $made;
                    copy($path, $to);
                } else {
                    my $type = storage($id)->{type};
                    die "Linked clone feature is not supported for drive '$slot'\n"
                        if $type eq 'lvm' || ($type =~ /^(?:dir|nfs|cifs)$/ && ($suffix // '') ne 'qcow2');
                    log_line("create linked clone of drive $slot ($volume)");
                    ($made, $to) = allocate($id, $new, 0, $suffix // 'raw', 'vm', $old);
                    push @made, $made;
                    link_to($path, $to);
                }
                push @made, $made if !grep { $_ eq $made } @made;
                $config{$slot} = join ',', $made, @rest;
            }
            $config{name} = $option->{name} // "Copy-of-VM-" . ($from->{name} // $vmid);
            $config{description} = $option->{description} if defined $option->{description};
            $config{vmgenid} = unique();
            $config{smbios1} = 'uuid=' . unique();
            for my $card (grep { /^net\d+$/ } keys %config) {
                my $mac = sprintf 'BC:24:11:%02X:%02X:%02X', map { int rand 256 } 1 .. 3;
                $config{$card} =~ s/^(\w+)=[0-9A-F:]{17}/$1=$mac/;
            }
            write_config($new, \%config);
            1;
        } or do {
            my $error = $@;
            free_volume($_) for @made;
            unlink "$guests/$new.conf";
            die "clone failed: $error" =~ s/^clone failed: clone failed: /clone failed: /r;
        };
        tell_inside($new);
    });
}

# A layer over a base, where QEMU is there to make one and the base has a format with layers; else a copy.
sub link_to {
    my ($base, $to) = @_;
    my ($image) = grep { -x } '/usr/bin/qemu-img';
    my ($above) = $to =~ m{^(.*)/};
    folder($above);
    open(my $file, '<:raw', $base);
    read $file, my $magic, 4;
    if ($image && $magic eq "QFI\xfb") {
        return if system("$image create -q -f qcow2 -F qcow2 -b '$base' '$to' >/dev/null") == 0;
        die "unable to create image: 'qemu-img' failed\n";
    }
    copy($base, $to);
}

sub make_template {
    my ($vmid) = @_;
    my $config = config($vmid);
    check_lock($config);
    die "you can't convert a VM to template if VM is running\n" if running($vmid);
    die "you can't convert a template to a template\n" if $config->{template};
    for my $slot (sort grep { /^$DISK$/ } keys %$config) {
        my $volume = volume_of($config->{$slot}) // next;
        next if $volume =~ /cloudinit/;
        my $base = $volume =~ s/vm-$vmid-/base-$vmid-/r;
        rename place($volume), place($base) or die "rename of '$volume' failed - $!\n";
        $config->{$slot} =~ s/vm-$vmid-/base-$vmid-/;
    }
    $config->{template} = 1;
    write_config($vmid, $config);
}

sub resize {
    my ($vmid, $option) = @_;
    my ($slot, $size) = @$option{qw(disk size)};
    my $config = config($vmid);
    check_lock($config);
    my $value = $config->{$slot} // die "disk '$slot' does not exist\n";
    my $path = place(volume_of($value));
    my ($plus, $count, $unit) = $size =~ /^(\+?)(\d+(?:\.\d+)?)([KMGT]?)$/ or wrong_value(size => "value does not match the regex pattern");
    my %shift = ('' => 0, K => 10, M => 20, G => 30, T => 40);
    my $old = $value =~ /size=(\d+(?:\.\d+)?)([KMGT]?)/ ? $1 * (1 << $shift{$2}) : disk_size($path);
    my $bytes = ($plus ? $old : 0) + $count * (1 << $shift{$unit});
    die "shrinking disks is not supported\n" if $bytes < $old;
    die "unable to resize: No space left on device\n" if $bytes - $old > available((split /:/, $value)[0]);
    if (disk_size($path) == -s $path) { truncate $path, $bytes }
    elsif (!$machine || !running($vmid)) { system("/usr/bin/qemu-img resize -q '$path' $bytes >/dev/null") == 0 or die "qemu-img resize failed\n" }
    !running($vmid) || machine('resize', $vmid, $slot, $bytes)
        or die "VM $vmid qmp command 'block_resize' failed\n";
    $config->{$slot} = ($value =~ s/,size=[^,]*//r) . ',size=' . shown_size($bytes);
    write_config($vmid, $config);
}

sub destroy {
    my ($fault, @words) = @_;
    my ($option, $vmid) = options({ purge => qr/[01]/ }, @words);
    $vmid = one_vmid($vmid);
    my $config = config($vmid);
    check_lock($config);
    my $services = ha_services();
    die "unable to remove VM $vmid - used in HA resources and purge parameter not set.\n" if $services->{"vm:$vmid"} && !$option->{purge};
    die "VM $vmid is running - destroy failed\n" if running($vmid);
    for my $slot (grep { /^(?:$DISK|unused\d+)$/ } keys %$config) {
        my $volume = volume_of($config->{$slot}) // next;
        my ($base) = $volume =~ /(base-$vmid-[^,\/]+)/ or next;
        for my $other (glob "$guests/*.conf") {
            next if $other =~ m{/$vmid\.conf$};
            die "base volume '$volume' is still in use by linked cloned\n" if (content($other) // '') =~ /\Q$base\E\//;
        }
    }
    qm_task('qmdestroy', $vmid, $fault, sub {
        take_time($fault);
        for my $slot (grep { /^(?:$DISK|unused\d+)$/ } keys %$config) {
            my $volume = volume_of($config->{$slot}) // next;
            free_volume($volume) if $volume =~ /(?:vm|base)-$vmid-/;
        }
        delete $services->{"vm:$vmid"};
        write_services($services);
        unlink "$guests/$vmid.conf", "$root/run/machines/qemu-server/$vmid";
    });
}

sub start {
    my ($fault, @words) = @_;
    my (undef, $vmid) = options({}, @words);
    $vmid = one_vmid($vmid);
    my $config = config($vmid);
    check_lock($config);
    return ha_request('start', $vmid, $fault, 'started') if is_managed($vmid);
    die "VM $vmid already running\n" if running($vmid);
    qm_task('qmstart', $vmid, $fault, sub {
        die "you can't start a vm if it's a template\n" if $config->{template};
        take_time($fault);
        for my $slot (sort grep { /^$DISK$/ } keys %$config) {
            my $volume = volume_of($config->{$slot}) // next;
            -e place($volume) or die "volume '$volume' does not exist\n";
        }
        for my $number (0 .. 9) {
            my $shared = $config->{"virtiofs$number"} // next;
            my $id = property($shared, 'dirid');
            my ($mapping) = grep { $_->{id} eq $id } @{ $node->{mappings} // [] };
            die "Directory ID $id does not exist\n" if !$mapping;
        }
        begins_running($vmid);
    });
}

sub begins_running {
    my ($vmid) = @_;
    # As QEMU leaves it where it is killed.
    unlink "$root/run/qemu-server/$vmid.pid";
    machine('start', $vmid) or die "start failed: QEMU exited with code 1\n";
    put("$root/run/qemu-server/$vmid.pid", "0\n") if !-e "$root/run/qemu-server/$vmid.pid";
    tell_inside($vmid);
}

sub ends_running {
    my ($vmid) = @_;
    unlink "$root/run/qemu-server/$vmid.pid";
    tell_inside($vmid);
}

sub stop {
    my ($fault, @words) = @_;
    my (undef, $vmid) = options({}, @words);
    $vmid = one_vmid($vmid);
    check_lock(config($vmid));
    return ha_request('stop', $vmid, $fault, 'stopped', 1) if is_managed($vmid);
    qm_task('qmstop', $vmid, $fault, sub {
        take_time($fault);
        return log_line("VM $vmid not running") if !running($vmid);
        machine('stop', $vmid) or die "VM quit/powerdown failed\n";
        ends_running($vmid);
    });
}

sub shut_down {
    my ($fault, @words) = @_;
    my ($option, $vmid) = options({ timeout => qr/\d+/ }, @words);
    $vmid = one_vmid($vmid);
    check_lock(config($vmid));
    return ha_request('stop', $vmid, $fault, 'stopped') if is_managed($vmid);
    qm_task('qmshutdown', $vmid, $fault, sub {
        take_time($fault);
        return log_line("VM $vmid not running") if !running($vmid);
        machine('shutdown', $vmid, $option->{timeout} // 60) or die "VM quit/powerdown failed - got timeout\n";
        ends_running($vmid);
    });
}

sub unlock {
    my (undef, $vmid) = options({}, @_);
    $vmid = one_vmid($vmid);
    locked("lock-$vmid", 10, sub {
        my $config = config($vmid);
        delete $config->{lock};
        write_config($vmid, $config);
    });
}

sub guest {
    my ($what, @words) = @_;
    if ($what eq 'exec') {
        my ($vmid) = @words;
        config(one_vmid($vmid));
        if ($machine) {
            check_agent($vmid);
            shift @words;
            exec { $machine->[0] } @$machine, 'exec', $vmid, "$guests/$vmid.conf", @words;
        }
        tell_inside($vmid);
        # `qm guest exec` is the same here and where no configuration is.
        exec { $^X } $^X, "$own/qm", 'guest', 'exec', @words;
    }
    my ($vmid, $command) = @words;
    $vmid = one_vmid($vmid);
    $what eq 'cmd' && ($command // '') =~ /^(?:ping|network-get-interfaces)$/ or wrong_value(command => "value '$command' does not have a value in the enumeration");
    check_agent($vmid);
    return if $command eq 'ping';
    return machine('interfaces', $vmid) if $machine;
    print JSON::PP->new->utf8->canonical->pretty->encode($json->decode(content("$own/agent/$vmid")));
}

# --- High availability --------------------------------------------------------------------------

sub ha_services { return $json->decode(content("$root/etc/pve/ha/standin.json") // '{}') }
sub write_services { my ($services) = @_; put("$root/etc/pve/ha/standin.json", $json->encode($services)) }

sub is_managed {
    my ($vmid) = @_;
    my $service = ha_services()->{"vm:$vmid"} or return 0;
    return $service->{state} ne 'ignored';
}

# `qm` only asks high availability for what it keeps, and does not wait for it.
sub ha_request {
    my ($what, $vmid, $fault, $state, $at_once) = @_;
    qm_task("ha$what", $vmid, $fault, sub {
        take_time($fault);
        log_line("Requesting HA $what for VM $vmid");
        my $services = ha_services();
        $services->{"vm:$vmid"}{state} = $state;
        write_services($services);
        ha_act($vmid, $at_once);
    });
}

# The resource manager, which comes to it a moment later. It has a guest end by itself, and switches it off where it
# does not in time.
sub ha_act {
    my ($vmid, $at_once) = @_;
    return if fork // die "fork failed - $!\n";
    setsid();
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    select undef, undef, undef, 0.3;
    eval {
        locked("ha-$vmid", 60, sub {
            my $service = ha_services()->{"vm:$vmid"} or return;
            my $wanted = $service->{state};
            if ($wanted eq 'started' && has_config($vmid) && !running($vmid)) {
                begins_running($vmid);
            } elsif ($wanted =~ /^(?:stopped|disabled)$/ && running($vmid)) {
                ($at_once || !machine('shutdown', $vmid, 60)) and machine('stop', $vmid);
                ends_running($vmid);
            }
        });
    };
    _exit(0);
}

sub ha_manager {
    my ($verb, @words) = @_;
    if ($verb eq 'crm-command') {
        my ($command, $sid, $timeout, @more) = @words;
        die "ERROR: unknown command 'ha-manager crm-command $command'\n" if $command ne 'stop';
        die "400 not enough arguments\n" if !defined $timeout;
        wrong_value(timeout => "type check ('integer') failed - got '$timeout'") if $timeout !~ /^\d+$/;
        my $services = ha_services();
        my ($vmid) = ($sid // '') =~ /^vm:(\d+)$/ or wrong_value(sid => 'value does not look like a valid ha resource id');
        die "no such resource '$sid'\n" if !$services->{$sid};
        $services->{$sid}{state} = 'stopped';
        write_services($services);
        return ha_act($vmid, $timeout == 0);
    }
    my ($option, $sid) = options({ state => qr/started|stopped|ignored|disabled/ }, @words);
    wrong_value(sid => 'value does not look like a valid ha resource id') if ($sid // '') !~ /^vm:(\d+)$/;
    my $vmid = $1;
    my $services = ha_services();
    if ($verb eq 'add') {
        die "resource ID '$sid' already defined\n" if $services->{$sid};
        config($vmid);
        $services->{$sid} = { sid => $sid, type => 'vm', state => $option->{state} // 'started' };
    } else {
        die "no such resource '$sid'\n" if !$services->{$sid};
        if ($verb eq 'remove') { delete $services->{$sid} }
        else { $services->{$sid}{state} = $option->{state} if $option->{state} }
    }
    write_services($services);
    ha_act($vmid);
}

# --- pvesh --------------------------------------------------------------------------------------

my @GET = (
    [qr{/version}, sub { { version => $node->{version} // '8.4.1', release => '8.4', repoid => 'standin' } }],
    [qr{/cluster/status}, sub {
        [{ id => "node/$name", name => $name, type => 'node', local => 1, online => 1, nodeid => 0, ip => '192.0.2.1', level => '' }]
    }],
    [qr{/cluster/nextid}, sub {
        my %taken = map { $_->{vmid} => 1 } all_guests();
        my $next = 100;
        $next++ while $taken{$next};
        return "$next";
    }],
    [qr{/cluster/resources}, sub { [all_guests()] }, { type => qr/vm/ }],
    [qr{/cluster/mapping/dir}, sub { $node->{mappings} // [] }],
    [qr{/cluster/ha/resources}, sub { my $all = ha_services(); [map { $all->{$_} } sort keys %$all] }],
    [qr{/nodes/NODE/status}, sub {
        {
            memory => { total => $node->{memory}, used => $node->{memory_used}, free => 0 },
            cpuinfo => { cpus => $node->{processors}, sockets => 1 }, uptime => 5,
        }
    }],
    [qr{/nodes/NODE/network}, sub { $node->{bridges} // [] }, { type => qr/any_bridge/ }],
    [qr{/nodes/NODE/storage}, sub {
        my $all = storages();
        return [map {
            my $at = available($_->{storage});
            +{ %$_{qw(storage type content)}, active => 1, enabled => $_->{disable} ? 0 : 1, shared => ($_->{shared} // 0) + 0, avail => $at, total => 2 * $at }
        } map { $all->{$_} } sort keys %$all];
    }],
    [qr{/nodes/NODE/qemu/(\d+)/config}, sub {
        my $config = config($_[0]);
        require Digest::SHA;
        return { %$config, digest => Digest::SHA::sha1_hex(content("$guests/$_[0].conf")) };
    }],
    [qr{/nodes/NODE/qemu/(\d+)/status/current}, sub {
        my $config = config($_[0]);
        my $services = ha_services();
        my $status = running($_[0]) ? 'running' : 'stopped';
        return {
            vmid => $_[0] + 0, name => $config->{name}, status => $status, qmpstatus => $status, uptime => running($_[0]) ? 5 : 0,
            ha => { managed => $services->{"vm:$_[0]"} ? 1 : 0 }, ($config->{lock} ? (lock => $config->{lock}) : ()),
        };
    }],
    [qr{/nodes/NODE/tasks}, sub {
        my $option = $_[-1];
        my @tasks;
        for my $path (glob "$own/tasks/UPID:*") {
            my ($upid) = $path =~ m{(UPID:.*:)$} or next;
            my (@part) = split /:/, $upid;
            next if $option->{vmid} && $part[6] ne $option->{vmid};
            next if $option->{typefilter} && $part[5] ne $option->{typefilter};
            my $end = task_end($upid);
            next if defined $end ? ($option->{source} // 'archive') eq 'active' : ($option->{source} // '') ne 'active';
            my %task = (upid => $upid, node => $name, type => $part[5], id => $part[6], user => 'root@pam');
            push @tasks, { %task, starttime => hex $part[4], defined $end ? (status => $end, endtime => time) : () };
        }
        @tasks = sort { $b->{starttime} <=> $a->{starttime} || $b->{upid} cmp $a->{upid} } @tasks;
        splice @tasks, $option->{limit} // 50 if @tasks > ($option->{limit} // 50);
        return \@tasks;
    }, { source => qr/active|archive/, vmid => qr/\d+/, typefilter => qr/\w+/, limit => qr/\d+/ }],
    [qr{/nodes/NODE/tasks/(UPID:[^/]+)/status}, sub {
        my $end = task_end($_[0]);
        return { upid => $_[0], node => $name, defined $end ? (status => 'stopped', exitstatus => $end) : (status => 'running') };
    }],
    [qr{/nodes/NODE/tasks/(UPID:[^/]+)/log}, sub {
        my $number = 0;
        return [map { { n => ++$number, t => $_ } } split /\n/, content(upid_file($_[0])) // ''];
    }, { limit => qr/\d+/ }],
);
my @DO = (
    [create => qr{/nodes/NODE/qemu/(\d+)/template}, 'qmtemplate', sub { make_template($_[0]) }],
    [set => qr{/nodes/NODE/qemu/(\d+)/resize}, 'resize', sub { resize(@_) }, { disk => $DISK, size => qr/\+?\d+(?:\.\d+)?[KMGT]?/ }],
);

sub pvesh {
    my ($fault, $verb, $path, @words) = @_;
    my %output = ('output-format' => qr/json/);
    $path =~ s{^/nodes/(\Q$name\E|localhost)(?=/)}{/nodes/NODE};
    die "no such cluster node '$1'\n" if $path =~ m{^/nodes/([^/]+)} && $1 ne 'NODE';
    if ($verb eq 'get') {
        for my $entry (@GET) {
            my @part = $path =~ /^$entry->[0]$/ or next;
            my ($option) = options({ %output, %{ $entry->[2] // {} } }, @words);
            # A pattern without a part matches as 1.
            my $result = $entry->[1]->((defined $1 ? @part : ()), $option);
            print $json->encode($result), "\n";
            return;
        }
    }
    for my $entry (@DO) {
        my ($wanted, $pattern, $kind, $work, $known) = @$entry;
        next if $verb ne $wanted || $path !~ /^$pattern$/;
        my $vmid = $1;
        my ($option) = options({ %output, %{ $known // {} } }, @words);
        my $config = config($vmid);
        check_lock($config);
        my ($upid) = task($kind, $vmid, $fault, sub { take_time($fault); $work->($vmid, $option) });
        print $json->encode($upid), "\n";
        return;
    }
    print STDERR "No '$verb' handler defined for '$path'\n";
    exit 1;
}

sub pvesm {
    my ($verb, $volume) = @_;
    ($verb // '') eq 'path' or die "ERROR: unknown command 'pvesm $verb'\n";
    ($volume // '') =~ /^[A-Za-z][\w.-]*:.+$/ or die "unable to parse volume ID '$volume'\n";
    my $path = place($volume);
    print $path =~ s/^\Q$root\E//r, "\n";
}

# --- The call -----------------------------------------------------------------------------------

sub call {
    my ($fault) = @_;
    my ($verb, @words) = @ARGV;
    $verb //= '';
    my %plain = (
        qm => {
            create => sub { create($fault, @words) }, set => sub { set($fault, @words) },
            clone => sub { clone($fault, @words) }, destroy => sub { destroy($fault, @words) },
            start => sub { start($fault, @words) }, stop => sub { stop($fault, @words) },
            shutdown => sub { shut_down($fault, @words) }, unlock => sub { unlock(@words) },
            guest => sub { guest(@words) },
            cloudinit => sub {
                my ($update, $vmid) = @words;
                $update eq 'update' or die "ERROR: unknown command 'qm cloudinit $update'\n";
                my $config = config(one_vmid($vmid));
                grep { /cloudinit/ } values %$config or die "No CloudInit drive found in configuration!\n";
            },
        },
        pvesh => { map { my $one = $_; $one => sub { pvesh($fault, $one, @words) } } qw(get create set) },
        pvesm => { path => sub { pvesm('path', @words) } },
        'ha-manager' => { map { my $one = $_; $one => sub { ha_manager($one, @words) } } qw(add set remove crm-command) },
    );
    my $run = $plain{$tool}{$verb} or die "ERROR: unknown command '$tool $verb'\n";
    $run->();
}

$SIG{__WARN__} = sub { print STDERR @_ };
$| = 1;
my $fault = fault();
my $kind = $fault->{kind} // '';
if ($kind eq 'refuse') {
    print STDERR "$fault->{text}\n";
    exit 255;
}
eval { call($fault); 1 } or do {
    print STDERR $@;
    # What Perl dies with is errno as it happens to be: ENOENT, ESPIPE, or 255 where it is 0.
    exit($@ =~ /^Configuration file / ? 2 : $@ =~ /agent is not running/ ? 29 : 255);
};
if ($kind eq 'lost') {
    print STDERR "$fault->{text}\n";
    exit 255;
}
