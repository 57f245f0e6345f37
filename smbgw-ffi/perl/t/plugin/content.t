#!/usr/bin/perl

# ISOs, backups, snippets and images are in the share, and clients get at what they may get at.

use strict;
use warnings;
use utf8;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use SMBGateway::Node qw(needs_host pvesm run_program smbclient write_file);

needs_host();
require PVE::Storage;

my $BACKUP = 'vzdump-qemu-100-2026_01_02-03_04_05.vma.zst';
my $ALICE  = 'alice%Tr0ub4dor&3';

my $added = pvesm('add', 'smbgateway', 'media', '--smbgw-quota', '128M', '--username', 'alice',
    '--password', 'Tr0ub4dor&3', '--content', 'iso,vztmpl,backup,snippets,images,rootdir,import');
is_deeply([ @$added{qw(status err)} ], [ 0, q{} ], 'add') or diag($added->{err});
my $path = '/srv/smb/media';

# Clients put ISOs and templates there, and see nothing of the rest.
for my $open (qw(template/iso template/cache)) {
    is(smbclient('media', $ALICE, "put /etc/hostname $open/x")->{status}, 0, "clients write to $open");
    unlink "$path/$open/x";
}
for my $closed (qw(dump images snippets private import)) {
    like(smbclient('media', $ALICE, "put /etc/hostname $closed/x")->{out}, qr/NT_STATUS_ACCESS_DENIED/,
        "clients do not write to $closed");
    like(smbclient('media', $ALICE, "ls $closed/*")->{out}, qr/NT_STATUS_ACCESS_DENIED/,
        "nor see what is in $closed");
}

write_file("$path/template/iso/debian.iso",           'iso');
write_file("$path/template/cache/debian.tar.zst",     'template');
write_file("$path/dump/$BACKUP",                      'backup');
write_file("$path/snippets/hook.pl",                  'snippet');
my %out = map { $_ => pvesm('list', 'media', '--content', $_)->{out} } qw(iso vztmpl backup snippets);
like($out{iso},      qr{^media:iso/debian\.iso }m,          'an ISO');
like($out{vztmpl},   qr{^media:vztmpl/debian\.tar\.zst }m,  'a template');
like($out{backup},   qr{^media:backup/\Q$BACKUP\E }m,       'a backup');
like($out{snippets}, qr{^media:snippets/hook\.pl }m,        'a snippet');
is(pvesm('path', "media:backup/$BACKUP")->{out}, "$path/dump/$BACKUP\n", 'the path of a backup');

# Disks.
for my $format (qw(raw qcow2)) {
    my $made = pvesm('alloc', 'media', 100, q{}, '8M', '--format', $format);
    is($made->{status}, 0, "$format: made") or diag($made->{err});
    my ($volid) = $made->{out} =~ m/'(.*)'/;
    like(pvesm('list', 'media', '--content', 'images')->{out}, qr/^\Q$volid\E\s+$format\s+images\s+8388608$/m,
        "$format: listed");
    my $file = pvesm('path', $volid)->{out} =~ s/\n//r;
    ok(-f $file, "$format: is there");
    is(pvesm('free', $volid)->{status}, 0, "$format: freed");
    ok(!-e $file, "$format: is gone");
}
my $large = pvesm('alloc', 'media', 100, q{}, '8M', '--format', 'raw');
is(run_program('dd', 'if=/dev/zero', "of=$path/images/100/vm-100-disk-0.raw", 'bs=1M', 'count=160',
        'oflag=sync')->{status}, 1, 'the quota holds for disks too');
is(pvesm('free', 'media:100/vm-100-disk-0.raw')->{status}, 0, 'and a full share can be emptied');

# Notes and protection of backups.
my $cfg    = PVE::Storage::config();
my $scfg   = $cfg->{ids}{media};
my $class  = PVE::Storage::Plugin->lookup('smbgateway');
my $volume = "backup/$BACKUP";
is($class->get_volume_attribute($scfg, 'media', $volume, 'notes'), q{}, 'no notes');
$class->update_volume_attribute($scfg, 'media', $volume, 'notes', "für alle\nFälle");
is($class->get_volume_attribute($scfg, 'media', $volume, 'notes'), "für alle\nFälle", 'notes');
is($class->get_volume_notes($scfg, 'media', $volume), "für alle\nFälle", 'notes, the old way');
$class->update_volume_notes($scfg, 'media', $volume, q{});
is($class->get_volume_notes($scfg, 'media', $volume), q{}, 'notes removed, the old way');
is($class->get_volume_attribute($scfg, 'media', $volume, 'protected'), 0, 'not protected');
$class->update_volume_attribute($scfg, 'media', $volume, 'protected', 1);
is($class->get_volume_attribute($scfg, 'media', $volume, 'protected'), 1, 'protected');
ok(!defined $class->get_volume_attribute($scfg, 'media', 'iso/debian.iso', 'notes'), 'an ISO has none');
is($class->get_identity($scfg, 'media'), 'smbgateway:gw:media', 'the identity');

# What the node trusts must not be what clients wrote. They can rename what is in the share.
sub refused {
    my ($what, $saying) = @_;
    my $ran = pvesm('list', 'media');
    is($ran->{status}, 255, "$what: refused");
    like($ran->{err}, $saying, "$what: why");
    return;
}
is(smbclient('media', $ALICE, 'rename snippets mine')->{status}, 0, 'a client moves a directory away');
is(smbclient('media', $ALICE, 'mkdir snippets')->{status}, 0, 'and puts one of its own there');
refused('a directory of a client', qr/snippets' does not belong to root.*chown root:root/);
rmdir "$path/snippets" or die "$!\n";
symlink '/root', "$path/snippets" or die "$!\n";
refused('a link to elsewhere', qr{leads out of '/srv/smb/media'});
unlink "$path/snippets";
rename "$path/mine", "$path/snippets";
rename "$path/template", "$path/mine";
mkdir '/srv/outside';
symlink '/srv/outside', "$path/template" or die "$!\n";
refused('a link in the way', qr{leads out of '/srv/smb/media'});
is_deeply([ glob '/srv/outside/*' ], [], 'a link in the way: nothing is made behind it');
unlink "$path/template";
rename "$path/mine", "$path/template";
chmod oct('770'), "$path/images";
refused('a directory that clients may write', qr/images' can be written by others than root.*chmod 700/);
chmod oct('700'), "$path/images";
is(pvesm('list', 'media')->{status}, 0, 'all is well again');

# The disks of containers are among those of machines.
is(pvesm('set', 'media', '--content', 'rootdir')->{status}, 0, 'for containers alone');
chmod oct('770'), "$path/images";
refused('disks of containers that clients may write', qr/images' can be written by others than root/);
rmdir "$path/images" or die "$!\n";
is(pvesm('list', 'media')->{status}, 0, 'for containers alone: what is missing is made');
is((stat "$path/images")[2] & oct '777', oct '700', 'for containers alone: disks for root alone');
pvesm('set', 'media', '--content', 'iso,vztmpl,backup,snippets,images,rootdir,import');

# Other directories, and none.
is(pvesm('set', 'media', '--content-dirs', 'iso=images')->{status}, 0, 'two contents in one directory');
refused('two contents in one directory', qr/for both/);
pvesm('set', 'media', '--content-dirs', 'iso=cds,backup=safe/dumps');
is(pvesm('list', 'media')->{status}, 0, 'other directories');
ok(-d "$path/cds" && -d "$path/safe/dumps", 'are made');
is((stat "$path/safe/dumps")[2] & oct '777', oct '700', 'that of backups for root alone');
pvesm('set', 'media', '--content-dirs', 'iso=cds2', '--create-subdirs', '0');
is(pvesm('list', 'media')->{status}, 0, 'no directories asked for');
ok(!-e "$path/cds2", 'none is made');

done_testing();
