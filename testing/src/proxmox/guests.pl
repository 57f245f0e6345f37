#!/usr/bin/perl
# Real guests for the stand-in of Proxmox VE: what a configuration says, under QEMU without acceleration. Sockets and
# files have the names that Proxmox VE has for them. It is called as `machines_are` describes, and by QEMU with the
# name of a tap device, as Proxmox VE's pve-bridge is.
#
# /run/pve-standin/guests.json says how guests start: {"genisoimage": PROGRAM} and, where they have no boot loader,
# {"kernel", "initrd", "append"}.
use strict;
use warnings;
use IO::Socket::UNIX;
use JSON::PP;
use MIME::Base64;
use Time::HiRes qw(sleep time);

my $own = '/run/pve-standin';
my $run = '/var/run/qemu-server';
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# How long the agent may take to say that it is there, as Proxmox VE has it.
my $PING = 3;
# How long a program of a guest is waited for at one time.
my $BETWEEN_LOOKS = 0.05;

sub content {
    my ($path) = @_;
    open(my $file, '<:raw', $path) or return undef;
    local $/;
    return scalar <$file> // '';
}

sub run {
    my (@words) = @_;
    system(@words) == 0 or die "`@words` failed\n";
}

sub property { my ($value, $name) = @_; return $value =~ /(?:^|,)\Q$name\E=([^,]*)/ ? $1 : undef }

sub config {
    my ($path) = @_;
    my $text = content($path) // die "there is no $path\n";
    return { $text =~ /^([a-z][a-z_\d]*):[ ]*(.*?)\s*$/mg };
}

# --- Starting -----------------------------------------------------------------------------------

# The disk of cloud-init, as Proxmox VE makes it whenever a guest starts: of the documents that are given.
sub make_seed {
    my ($config, $volumes, $program, $image) = @_;
    my $folder = "$own/seed-$$";
    mkdir $folder, 0700 or die "making $folder failed - $!\n";
    my %name = (user => 'user-data', meta => 'meta-data', network => 'network-config', vendor => 'vendor-data');
    for my $kind (sort keys %name) {
        my $volume = property($config->{cicustom} // '', $kind);
        # Proxmox VE would make those that are missing; here all are given but the last.
        die "there is no document `$kind`\n" if !$volume && $kind ne 'vendor';
        my $text = $volume ? content($volumes->{$volume}) // die "volume '$volume' does not exist\n" : '';
        open(my $file, '>:raw', "$folder/$name{$kind}") or die "making a document failed - $!\n";
        print {$file} $text;
        close $file;
    }
    run($program, '-quiet', '-iso-level', '3', '-R', '-V', 'cidata', '-o', $image, $folder);
    unlink glob "$folder/*";
    rmdir $folder;
}

sub disk_words {
    my ($slot, $value, $config, $volumes, $how) = @_;
    my ($volume) = $value =~ /^(?:file=)?([^,]+)/;
    my $path = $volumes->{$volume} // die "volume '$volume' does not exist\n";
    my $drive = "if=none,id=drive-$slot,file=$path";
    if ($slot =~ /^ide(\d)$/) {
        my ($bus, $unit) = (int $1 / 2, $1 % 2);
        $value =~ /media=cdrom/ or die "disks on IDE are not started here\n";
        make_seed($config, $volumes, $how->{genisoimage}, $path) if $volume =~ /cloudinit/;
        return ('-drive', "$drive,media=cdrom,format=raw,readonly=on",
            '-device', "ide-cd,bus=ide.$bus,unit=$unit,drive=drive-$slot,id=$slot");
    }
    $slot =~ /^virtio/ or die "only disks on virtio are started here, and not $slot\n";
    open(my $file, '<:raw', $path) or die "volume '$volume' does not exist\n";
    read $file, my $magic, 4;
    my $format = $magic eq "QFI\xfb" ? 'qcow2' : 'raw';
    my $discard = (property($value, 'discard') // '') eq 'on' ? ',discard=unmap' : '';
    my $serial = property($value, 'serial');
    my $device = "virtio-blk-pci,drive=drive-$slot,id=$slot" . (defined $serial ? ",serial=$serial" : '');
    my ($first) = ($config->{boot} // '') =~ /order=([^;]+)/;
    $device .= ',bootindex=100' if ($first // '') eq $slot;
    return ('-drive', "$drive,format=$format,cache=unsafe$discard", '-device', $device);
}

sub card_words {
    my ($vmid, $number, $value) = @_;
    my $mac = property($value, 'virtio') // die "net$number has no address\n";
    die "the kernel here has no bridges with VLANs\n" if defined property($value, 'tag');
    my $tap = "tap${vmid}i$number";
    return ('-netdev', "type=tap,id=net$number,ifname=$tap,script=$own/guests.pl,downscript=no",
        '-device', "virtio-net-pci,mac=$mac,netdev=net$number,id=net$number,romfile=");
}

sub start {
    my ($vmid, $config) = @_;
    my $how = $json->decode(content("$own/guests.json") // die "there is no guests.json\n");
    my $volumes = $json->decode($ENV{STANDIN_VOLUMES} // die "it is not said where volumes are\n");
    my $socket = sub { my ($id, $name) = @_; "socket,id=$id,path=$run/$vmid.$name,server=on,wait=off" };
    mkdir $_ for $run, "$own/console";
    my @words = (
        'qemu-system-x86_64', '-name', $config->{name} // "vm$vmid",
        '-pidfile', "$run/$vmid.pid", '-daemonize',
        '-chardev', $socket->('qmp', 'qmp'), '-mon', 'chardev=qmp,mode=control',
        '-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'qemu64',
        # Firmware on the console: what -nographic does, which only Proxmox VE's own QEMU takes here.
        '-machine', 'pc,graphics=off', '-nodefaults', '-display', 'none', '-vga', 'none',
        '-smp', $config->{cores} // 1, '-m', $config->{memory} // 512,
    );
    push @words, '-device', 'virtio-balloon-pci' if ($config->{balloon} // 1) != 0;
    if (($config->{serial0} // '') eq 'socket') {
        push @words, '-chardev', $socket->('serial0', 'serial0') . ",logfile=$own/console/$vmid,logappend=on",
            '-device', 'isa-serial,chardev=serial0';
    }
    if (($config->{agent} // '') =~ /^(?:enabled=)?1/) {
        push @words, '-chardev', $socket->('qga0', 'qga'), '-device', 'virtio-serial,id=qga0',
            '-device', 'virtserialport,chardev=qga0,name=org.qemu.guest_agent.0';
    }
    my @slots = grep { /^(?:virtio|ide|scsi|sata)\d/ } sort keys %$config;
    push @words, map { disk_words($_, $config->{$_}, $config, $volumes, $how) } @slots;
    push @words, map { /^net(\d+)$/ ? card_words($vmid, $1, $config->{$_}) : () } sort keys %$config;
    if (defined $how->{kernel}) { push @words, map { ("-$_", $how->{$_}) } qw(kernel initrd append) }
    return if system(@words) == 0;
    # It has said itself what is wrong.
    unlink sockets($vmid);
    exit 1;
}

# Plugs a tap device into its bridge: what QEMU has made is gone when it ends.
sub plug {
    my ($tap, $vmid, $number) = @_;
    my ($path) = glob "/etc/pve/nodes/*/qemu-server/$vmid.conf" or die "there is no guest $vmid\n";
    my $value = config($path)->{"net$number"} // die "guest $vmid has no net$number\n";
    my $bridge = property($value, 'bridge');
    # Not by sysfs, which shows the network of the machine.
    `ip -o link show dev $bridge type bridge` or die "bridge '$bridge' does not exist\n";
    run('ip', 'link', 'set', $tap, 'up', 'promisc', 'on', 'master', $bridge);
}

# --- Ending -------------------------------------------------------------------------------------

sub sockets { my ($vmid) = @_; return map { "$run/$vmid.$_" } qw(qmp qga serial0) }

sub pid { my ($vmid) = @_; return (content("$run/$vmid.pid") // '') =~ /^(\d+)/ ? $1 : undef }

sub await_end {
    my ($pid, $end) = @_;
    while (kill 0, $pid) {
        return 0 if time > $end;
        sleep $BETWEEN_LOOKS;
    }
    return 1;
}

sub stop {
    my ($vmid) = @_;
    my $pid = pid($vmid) // return;
    eval { my $monitor = monitor($vmid); say_to($monitor, { execute => 'quit' }); 1 };
    # One that does not listen is ended as Proxmox VE ends it.
    await_end($pid, time + 10) or kill 'KILL', $pid;
    await_end($pid, time + 10) or die "process $pid does not end\n";
    unlink sockets($vmid), "$run/$vmid.pid";
}

sub shut_down {
    my ($vmid, $config, $timeout) = @_;
    my $pid = pid($vmid) // return;
    my $end = time + ($timeout // 60);
    if (eval { ping($vmid); 1 }) {
        # It says nothing where it obeys.
        my $agent = agent($vmid, $PING);
        say_to($agent, { execute => 'guest-shutdown', arguments => { mode => 'powerdown' } });
        # A connection that is closed at once could take back what was said.
        sleep 0.2;
    } else {
        my $monitor = monitor($vmid);
        ask($monitor, { execute => 'system_powerdown' }, $PING);
    }
    await_end($pid, $end) or exit 1;
}

# --- Talking ------------------------------------------------------------------------------------

sub connected {
    my ($vmid, $name) = @_;
    my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "$run/$vmid.$name");
    return $socket // die "unable to connect to VM $vmid $name socket - $!\n";
}

sub say_to {
    my ($socket, $what) = @_;
    local $SIG{PIPE} = 'IGNORE';
    print {$socket} $json->encode($what), "\n" or die "VM $ARGV[1] qmp command failed - client closed connection\n";
    $socket->flush;
}

# The next line that is said before a time is over.
sub line {
    my ($socket, $end) = @_;
    my $line = ${*$socket}{standin_rest} // '';
    until ($line =~ /\n/) {
        my $left = $end - time;
        vec(my $wanted = '', fileno $socket, 1) = 1;
        $left > 0 && select($wanted, undef, undef, $left) or die "got timeout\n";
        sysread $socket, $line, 65536, length $line or die "VM $ARGV[1] qmp command failed - client closed connection\n";
    }
    ($line, ${*$socket}{standin_rest}) = $line =~ /^([^\n]*)\n(.*)\z/s;
    return $line;
}

sub ask {
    my ($socket, $what, $seconds) = @_;
    say_to($socket, $what);
    my $end = time + $seconds;
    while (1) {
        my $said = $json->decode(line($socket, $end));
        next if $said->{event};
        die "Agent error: $said->{error}{desc}\n" if $said->{error};
        return $said->{return};
    }
}

sub monitor {
    my ($vmid) = @_;
    my $socket = connected($vmid, 'qmp');
    line($socket, time + $PING);
    ask($socket, { execute => 'qmp_capabilities' }, $PING);
    return $socket;
}

# A connection on which nothing is left of one before.
sub agent {
    my ($vmid, $seconds) = @_;
    my $socket = connected($vmid, 'qga');
    my $number = int(time * 1000) % 1_000_000_000 + $$;
    print {$socket} "\xff";
    say_to($socket, { execute => 'guest-sync-delimited', arguments => { id => $number } });
    my $end = time + $seconds;
    while (1) {
        my ($said) = line($socket, $end) =~ /\xff([^\xff]*)\z/ or next;
        my $answer = eval { $json->decode($said) } // next;
        return $socket if ($answer->{return} // '') eq $number;
    }
}

sub ping { my ($vmid) = @_; ask(agent($vmid, $PING), { execute => 'guest-ping' }, $PING) }

sub execute {
    my ($vmid, @words) = @_;
    my %option = (timeout => 30);
    while (@words && $words[0] =~ /^--(.+)/) {
        shift @words;
        last if $1 eq '';
        $option{$1} = shift @words;
    }
    shift @words if @words && $words[0] eq '--';
    my $input = '';
    if ($option{'pass-stdin'}) {
        local $/;
        $input = <STDIN> // '';
        die "'input-data' (STDIN) is limited to 1 MiB, aborting\n" if length $input > 1 << 20;
    }
    my $agent = agent($vmid, $PING);
    my ($program, @arguments) = @words;
    my %arguments = (path => $program, arg => \@arguments, 'capture-output' => JSON::PP::true);
    $arguments{'input-data'} = encode_base64($input, '') if $option{'pass-stdin'};
    my $begun = ask($agent, { execute => 'guest-exec', arguments => \%arguments }, 10);
    my $end = time + $option{timeout};
    my %told = (pid => $begun->{pid});
    while (time < $end || !$option{timeout}) {
        my $status = ask($agent, { execute => 'guest-exec-status', arguments => { pid => $begun->{pid} } }, 60);
        if ($status->{exited}) {
            %told = map { $_ => ref $status->{$_} ? $status->{$_} ? 1 : 0 : $status->{$_} } keys %$status;
            $told{$_} = decode_base64($told{$_}) for grep { exists $told{$_} } qw(out-data err-data);
            last;
        }
        sleep $BETWEEN_LOOKS;
    }
    print STDERR "timeout reached, returning pid\n" if !$told{exited};
    print $json->pretty->encode(\%told);
}

if (@ARGV == 1 && $ARGV[0] =~ /^tap(\d+)i(\d+)$/) {
    plug($ARGV[0], $1, $2);
    exit 0;
}
my ($verb, $vmid, $path, @words) = @ARGV;
my %verbs = (
    start => sub { start($vmid, config($path)) },
    stop => sub { stop($vmid) },
    shutdown => sub { shut_down($vmid, config($path), @words) },
    resize => sub {
        my ($slot, $bytes) = @words;
        my %disk = (device => "drive-$slot", size => $bytes + 0);
        ask(monitor($vmid), { execute => 'block_resize', arguments => \%disk }, 30);
    },
    # A guest whose agent is silent is nothing to complain of.
    ping => sub { eval { ping($vmid); 1 } or exit 1 },
    interfaces => sub {
        my $told = ask(agent($vmid, $PING), { execute => 'guest-network-get-interfaces' }, 10);
        print $json->pretty->encode($told);
    },
    exec => sub { execute($vmid, @words) },
);
my $work = $verbs{$verb} or die "there is no verb `$verb`\n";
eval { $work->(); 1 } or do {
    print STDERR $@;
    exit 255;
};
