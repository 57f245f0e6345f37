package PVE::Storage::DirPlugin;

# Stand-in, for tests: a directory, with notes and protection of backups.

use strict;
use warnings;

use Encode qw(decode encode);
use Errno qw(ENOENT);
use PVE::JSONSchema qw(get_standard_option);
use PVE::Storage::Plugin;
use PVE::Tools;

use base qw(PVE::Storage::Plugin);

sub type { return 'dir' }

sub plugindata {
    return {
        content => [
            { map { $_ => 1 } qw(images rootdir vztmpl iso backup snippets none),
                $PVE::StandIn::APIVER > 10 ? 'import' : () },
            { images => 1, rootdir => 1 },
        ],
        format => [ { raw => 1, qcow2 => 1, vmdk => 1, subvol => 1 }, 'raw' ],
    };
}

sub properties {
    return {
        path => { type => 'string', format => 'pve-storage-path' },
        mkdir => { type => 'boolean' },
        'create-base-path' => { type => 'boolean' },
        'create-subdirs' => { type => 'boolean' },
        is_mountpoint => { type => 'string' },
        bwlimit => get_standard_option('bwlimit'),
    };
}

sub options {
    return {
        path => { fixed => 1 },
        map { $_ => { optional => 1 } }
            qw(content-dirs nodes shared disable prune-backups max-protected-backups content format
            mkdir create-base-path create-subdirs is_mountpoint bwlimit preallocation),
    };
}

sub get_volume_attribute {
    my ($class, $scfg, $id, $volname, $attribute) = @_;
    my ($vtype) = $class->parse_volname($volname);
    return if $vtype ne 'backup';
    my $path = $class->filesystem_path($scfg, $volname);
    return -e "$path.protected" ? 1 : 0 if $attribute eq 'protected';
    return if $attribute ne 'notes';
    return -f "$path.notes" ? decode('UTF-8', PVE::Tools::file_get_contents("$path.notes")) : '';
}

sub update_volume_attribute {
    my ($class, $scfg, $id, $volname, $attribute, $value) = @_;
    my ($vtype) = $class->parse_volname($volname);
    die "only backups support attribute '$attribute'\n" if $vtype ne 'backup';
    my $path = $class->filesystem_path($scfg, $volname);
    my %content = (notes => encode('UTF-8', $value // ''), protected => '');
    die "attribute '$attribute' is not supported for storage type '$scfg->{type}'\n"
        if !exists $content{$attribute};
    if ($value) {
        PVE::Tools::file_set_contents("$path.$attribute", $content{$attribute});
    } else {
        unlink "$path.$attribute" or $! == ENOENT or die "could not delete: $!\n";
    }
    return;
}

if ($PVE::StandIn::APIVER > 10) {
    no strict 'refs';
    *{ __PACKAGE__ . '::get_import_metadata' } = sub { die "not supported by the stand-in\n" };
}

1;
