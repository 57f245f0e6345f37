#!/usr/bin/perl

# Nothing of a password stays in the memory of the process, but what its own variables have.

use strict;
use warnings;
no warnings 'portable';

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use SMBGateway::Place qw(died in_child tree);

plan skip_all => 'only root may look into the memory of another process' if $> != 0;

my $tree   = tree();
my $folder = tempdir(CLEANUP => 1);
my $parent = $$;

# Makes a secret that this process has never seen: letters in a file, with $rare among them. It is long, because
# what is freed of a short one is soon in use for something else.
sub made {
    my ($name, $rare) = @_;
    my ($said, $status) = in_child(sub {
        open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
        read $random, my $octets, 1500;
        close $random;
        my $secret = unpack 'H*', $octets;
        substr $secret, 20, 0, $rare;
        open my $file, '>:raw', "$folder/$name" or die "$name: $!\n";
        print {$file} $secret;
        close $file or die "$name: $!\n";
        return 'made';
    });
    die "$said\n" if $status;
    return;
}

# How often this process has the end of the secret in its memory, as a child sees it: memory that is freed loses
# its first bytes by that.
sub found {
    my ($name) = @_;
    my ($said, $status) = in_child(sub {
        open my $file, '<:raw', "$folder/$name" or die "$name: $!\n";
        seek $file, -20, 2;
        read $file, my $secret, 20;
        close $file;
        open my $maps, '<', "/proc/$parent/maps" or die "maps: $!\n";
        open my $memory, '<:raw', "/proc/$parent/mem" or die "mem: $!\n";
        my ($count, $looked) = (0, 0);
        while (my $line = <$maps>) {
            my ($from, $to) = $line =~ m/\A([0-9a-f]+)-([0-9a-f]+) rw/ or next;
            my ($start, $length) = (hex $from, hex($to) - hex $from);
            sysseek $memory, $start, 0 or next;
            my $read = sysread $memory, my $piece, $length or next;
            $looked += $read;
            $count++ while $piece =~ m/\Q$secret\E/g;
        }
        close $memory;
        close $maps;
        die "the memory cannot be read\n" if $looked < 1_000_000;
        return $count;
    });
    die "$said\n" if $status;
    return $said;
}

# Reads the secret into the variable, past the buffers of Perl.
sub get {
    my ($name, $variable) = @_;
    open my $file, '<:raw', "$folder/$name" or die "$name: $!\n";
    sysread $file, ${$variable}, 4000 or die "$name: $!\n";
    close $file;
    return;
}

sub wipe {
    my ($variable) = @_;
    my $length = length ${$variable};
    substr ${$variable}, 0, $length, 'x' x $length;
    return;
}

# Calls what takes passwords, which fails for another reason and so uses them no further.
sub call {
    my ($password) = @_;
    my $error = died(sub {
        PVE::SMBGateway->share_create(
            name => 'a/b', users => ['alice'], create_users => 1, root => $tree, passwords => { alice => $password });
    });
    is(ref $error && $error->code, 'share.refused', 'the call was made');
    return;
}

# What is made here to encode a password is overwritten; that it is not found below could be luck.
{
    my @handed_over;
    my $secrets_add = \&PVE::SMBGateway::Library::secrets_add;
    no warnings 'redefine';
    local *PVE::SMBGateway::Library::secrets_add = sub {
        my (@arguments) = @_;
        push @handed_over, [ $arguments[2], "${ $arguments[2] }" ];
        return $secrets_add->(@arguments);
    };
    my $octets = 'octets';
    for my $case ([ \$octets, 'octets' ], [ 'text', 'text' ], [ "\xfc", "\xc3\xbc" ], [ "\x{263a}", "\xe2\x98\xba" ]) {
        my ($password, $expected) = @{$case};
        @handed_over = ();
        call($password);
        my ($given, $was) = @{ $handed_over[0] };
        is($was, $expected, 'the library gets octets');
        is(${$given}, "\0" x length $expected, 'and they are overwritten');
    }
    is($octets, 'octets', 'what is the caller\'s is not');
}

# So that everything is loaded.
call('first');

# That the search finds what is there.
{
    made('seen', q{});
    get('seen', \my $text);
    cmp_ok(found('seen'), '>=', 1, 'a secret in a variable is found');
    wipe(\$text);
    is(found('seen'), 0, 'and is not when the variable is wiped');
}

for my $rare (q{}, "\xfc") {
    my $kind = length $rare ? 'with a letter beyond ASCII' : 'in ASCII';

    made('octets', $rare);
    get('octets', \my $octets);
    call(\$octets);
    wipe(\$octets);
    is(found('octets'), 0, "a reference to octets, $kind");

    made('text', $rare);
    my %passwords;
    get('text', \$passwords{alice});
    my $error = died(sub {
        PVE::SMBGateway->share_create(name => 'a/b', root => $tree, passwords => \%passwords);
    });
    is(ref $error && $error->code, 'share.refused', 'the call was made');
    wipe(\$passwords{alice});
    is(found('text'), 0, "a text, $kind");

    made('file', $rare);
    open my $file, '<:raw', "$folder/file" or die "file: $!\n";
    call($file);
    close $file;
    is(found('file'), 0, "a file, $kind");
}

done_testing();
