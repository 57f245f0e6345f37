package PVE::Storage::Plugin;

# Stand-in, for tests: what every storage does unless its plugin says otherwise, which is to be a
# directory.

use strict;
use warnings;

use Cwd qw(abs_path);
use Encode qw(decode);
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use JSON::PP qw(decode_json);

use PVE::Cluster qw(cfs_register_file);
use PVE::JSONSchema qw(get_standard_option);
use PVE::StandIn;
use PVE::Tools qw(run_command split_list);

use base qw(PVE::SectionConfig);

our @SHARED_STORAGE = qw(cifs rbd);

cfs_register_file('storage.cfg',
    sub { __PACKAGE__->parse_config(@_) },
    sub { __PACKAGE__->write_config(@_) });

PVE::JSONSchema::register_format('pve-storage-path', sub {
    my ($path) = @_;
    die "value does not look like a valid absolute path\n" if $path !~ m{^/[^;\(\)]+};
    return $path;
});
PVE::JSONSchema::register_format('pve-storage-content', sub {
    my ($word) = @_;
    return $word if $word eq 'import' || valid_content_types('dir')->{$word};
    die "invalid content type '$word'\n";
});
PVE::JSONSchema::register_format('pve-dir-override', sub {
    my ($text) = @_;
    return $text if $text =~ m/^[a-z]+=[^.]*(?:\.?[^.]+)+$/;
    die "invalid override '$text'\n";
});

my $data = {
    propertyList => {
        type => { description => 'Storage type.' },
        storage => get_standard_option('pve-storage-id'),
        nodes => get_standard_option('pve-node-list', { optional => 1 }),
        content => { type => 'string', format => 'pve-storage-content-list', optional => 1 },
        disable => { type => 'boolean', optional => 1 },
        'prune-backups' => { type => 'string', optional => 1 },
        'max-protected-backups' => { type => 'integer', minimum => -1, optional => 1 },
        shared => { type => 'boolean', optional => 1 },
        subdir => { type => 'string', format => 'pve-storage-path', optional => 1 },
        format => { type => 'string', enum => [qw(raw qcow2 subvol vmdk)], optional => 1 },
        preallocation =>
            { type => 'string', enum => [qw(off metadata falloc full)], optional => 1 },
        'content-dirs' => { type => 'string', format => 'pve-dir-override-list', optional => 1 },
        options => { type => 'string', optional => 1 },
        port => { type => 'integer', minimum => 1, optional => 1 },
    },
};

sub private { return $data }

sub valid_content_types {
    my ($type) = @_;
    my $plugindata = $data->{plugindata}{$type} or return {};
    return $plugindata->{content}->[0];
}

sub sensitive_properties {
    my ($type) = @_;
    # Before version 11 the list was fixed.
    my $own = $PVE::StandIn::APIVER >= 11 && $data->{plugindata}{$type}{'sensitive-properties'};
    return [ sort keys %$own ] if $own;
    return [qw(encryption-key keyring master-pubkey password)];
}

sub content_hash_to_string {
    my ($content) = @_;
    return join ',', sort grep { $content->{$_} } keys %$content;
}

sub default_format {
    my ($scfg) = @_;
    my $formats = $data->{plugindata}{ $scfg->{type} }{format};
    return wantarray ? ('raw', ['raw']) : 'raw' if !defined $formats;
    my $default = $scfg->{format} || $formats->[1];
    return wantarray ? ($default, [ sort keys %{ $formats->[0] } ]) : $default;
}

sub parse_section_header {
    my ($class, $line) = @_;
    my ($type, $id, undef, $config) = $class->SUPER::parse_section_header($line) or return;
    eval { PVE::JSONSchema::parse_storage_id($id) };
    return (lc $type, $id, $@ || undef, $config);
}

sub decode_value {
    my ($class, $type, $name, $value) = @_;
    my $plugindata = $data->{plugindata}{$type};
    if ($name eq 'content') {
        my $valid = $plugindata->{content}->[0];
        my %content;
        for my $word (split_list($value)) {
            if ($valid->{$word}) {
                $content{$word} = 1;
            } else {
                warn "storage does not support content type '$word'\n";
            }
        }
        die "unable to combine 'none' with other content types\n"
            if $content{none} && keys %content > 1;
        die "storage does not support content type 'none'\n" if !%content && !$valid->{none};
        return \%content;
    }
    if ($name eq 'nodes') {
        return { map { $_ => 1 } grep { PVE::JSONSchema::pve_verify_node_name($_) }
                split_list($value) };
    }
    if ($name eq 'content-dirs') {
        return { map { split /=/, $_, 2 } split_list($value) };
    }
    return $value;
}

sub encode_value {
    my ($class, $type, $name, $value) = @_;
    return join ',', sort keys %$value if $name eq 'nodes';
    return content_hash_to_string($value) || 'none' if $name eq 'content';
    return join ',', map { "$_=$value->{$_}" } sort keys %$value if $name eq 'content-dirs';
    return $value;
}

sub parse_config {
    my ($class, @file) = @_;
    my $cfg = $class->SUPER::parse_config(@file);
    my $ids = $cfg->{ids};
    $ids->{local} //= {
        type => 'dir',
        path => '/var/lib/vz',
        content => { map { $_ => 1 } qw(backup images iso rootdir snippets vztmpl) },
    };
    for my $id (keys %$ids) {
        my $scfg = $ids->{$id};
        my $plugindata = $data->{plugindata}{ $scfg->{type} };
        # A list of words where a hash is meant ends here, for all storages.
        $scfg->{content} //= { %{ $plugindata->{content}->[1] } } if $plugindata->{content};
        $scfg->{shared} = 1 if grep { $_ eq $scfg->{type} } @SHARED_STORAGE;
    }
    return $cfg;
}

# Hooks: under the lock, before the file is written.

sub on_add_hook { return undef }

sub on_update_hook { return undef }

sub on_delete_hook { return undef }

if ($PVE::StandIn::APIVER >= 13) {
    no strict 'refs';
    *{ __PACKAGE__ . '::on_update_hook_full' } = sub {
        my ($class, $id, $scfg, $update, $delete, $sensitive) = @_;
        return $class->on_update_hook($id, $update, %$sensitive);
    };
}

# Volumes: files below the directory.

my %SUBDIR = (
    images => 'images',
    rootdir => 'private',
    iso => 'template/iso',
    vztmpl => 'template/cache',
    backup => 'dump',
    snippets => 'snippets',
    # Directories have had no place for it before 8.3, which has the same version of the API as 8.2.
    $PVE::StandIn::APIVER > 10 ? (import => 'import') : (),
);

sub get_vtype_subdirs { return \%SUBDIR }

sub get_subdir {
    my ($class, $scfg, $vtype) = @_;
    my $path = $scfg->{path} or die "storage definition has no path\n";
    die "unknown vtype '$vtype'\n" if !exists $SUBDIR{$vtype};
    return $path . '/' . ($scfg->{'content-dirs'}{$vtype} // $SUBDIR{$vtype});
}

sub parse_name_dir {
    my ($name) = @_;
    return ($1, $3, $2) if $name =~ m!^((base-)?[^/\s]+\.(raw|qcow2|vmdk|subvol))$!;
    die "unable to parse volume filename '$name'\n";
}

sub parse_volname {
    my ($class, $volname) = @_;
    if ($volname =~ m!^(\d+)/(\S+)$! && $2 !~ m!/!) {
        my ($vmid, $name) = ($1, $2);
        my (undef, $format, $base) = parse_name_dir($name);
        return ('images', $name, $vmid, undef, undef, $base, $format);
    }
    return ('iso', $1, undef, undef, undef, undef, 'raw')
        if $volname =~ m!^iso/([^/]+\.(?:iso|img))$!i;
    return ('vztmpl', $1, undef, undef, undef, undef, 'raw')
        if $volname =~ m!^vztmpl/([^/]+\.tar\.(?:gz|xz|zst|bz2))$!i;
    if ($volname =~ m!^backup/([^/]+\.(?:tgz|(?:tar|vma)(?:\.(?:gz|lzo|zst|bz2))?))$!) {
        my $name = $1;
        my $vmid = $name =~ m/^vzdump-(?:openvz|lxc|qemu)-(\d+)-.+/ ? $1 : undef;
        return ('backup', $name, $vmid, undef, undef, undef, 'raw');
    }
    return ('snippets', $1, undef, undef, undef, undef, 'raw')
        if $volname =~ m!^snippets/([^/]+)$!;
    die "unable to parse directory volume name '$volname'\n";
}

sub filesystem_path {
    my ($class, $scfg, $volname, $snapshot) = @_;
    my ($vtype, $name, $vmid, undef, undef, undef, $format) = $class->parse_volname($volname);
    die "can't snapshot this image format\n" if defined $snapshot && $format ne 'qcow2';
    my $dir = $class->get_subdir($scfg, $vtype);
    $dir .= "/$vmid" if $vtype eq 'images';
    return wantarray ? ("$dir/$name", $vmid, $vtype) : "$dir/$name";
}

sub path {
    my ($class, $scfg, $volname, $id, $snapshot) = @_;
    return $class->filesystem_path($scfg, $volname, $snapshot);
}

sub find_free_diskname {
    my ($class, $id, $scfg, $vmid, $format, $suffix) = @_;
    my %taken = map { $_->{volid} => 1 } @{ $class->list_images($id, $scfg, $vmid) };
    for my $number (0 .. 1023) {
        my $name = "vm-$vmid-disk-$number" . ($suffix ? ".$format" : '');
        return $name if !$taken{"$id:$vmid/$name"};
    }
    die "unable to allocate an image name for VM $vmid in storage '$id'\n";
}

sub alloc_image {
    my ($class, $id, $scfg, $vmid, $format, $name, $kib) = @_;
    my $dir = $class->get_subdir($scfg, 'images') . "/$vmid";
    make_path($dir);
    $name ||= $class->find_free_diskname($id, $scfg, $vmid, $format, 1);
    my (undef, $named) = parse_name_dir($name);
    die "illegal name '$name' - wrong extension for format ('$named != '$format')\n"
        if $named ne $format;
    my $path = "$dir/$name";
    die "disk image '$path' already exists\n" if -e $path;
    my $made = eval {
        run_command(['qemu-img', 'create', '-q', '-f', $format, $path, "${kib}K"],
            errmsg => 'unable to create image');
        1;
    };
    if (!$made) {
        my $error = $@;
        unlink $path;
        rmdir $dir;
        die $error;
    }
    return "$vmid/$name";
}

sub free_image {
    my ($class, $id, $scfg, $volname, $base, $format) = @_;
    die "cannot remove protected volume '$volname' on '$id'\n"
        if $class->get_volume_attribute($scfg, $id, $volname, 'protected');
    my $path = $class->filesystem_path($scfg, $volname);
    if (($format // '') eq 'subvol') {
        remove_tree($path);
    } elsif (!-f $path) {
        warn "disk image '$path' does not exist\n";
        return undef;
    } else {
        unlink $path or die "unlink '$path' failed - $!\n";
    }
    rmdir dirname($path);
    return undef;
}

sub file_size_info {
    my ($path, $timeout, $format) = @_;
    my @stat = stat $path or return undef;
    return wantarray ? (0, 'subvol', 0, undef, $stat[10]) : 0 if -d _;
    my $json = '';
    run_command(['qemu-img', 'info', '--output=json', '-f', $format, $path],
        outfunc => sub { $json .= $_[0] });
    my $info = decode_json($json);
    my @found = @$info{qw(virtual-size format actual-size backing-filename)};
    return wantarray ? (@found, $stat[10]) : $found[0];
}

sub volume_size_info {
    my ($class, $scfg, $id, $volname, $timeout) = @_;
    my $format = ($class->parse_volname($volname))[6];
    return file_size_info(scalar $class->filesystem_path($scfg, $volname), $timeout, $format);
}

sub get_volume_attribute { return }

sub update_volume_attribute {
    my ($class, $scfg, $id, $volname, $attribute) = @_;
    die "attribute '$attribute' is not supported for storage type '$scfg->{type}'\n";
}

sub list_images {
    my ($class, $id, $scfg, $vmid) = @_;
    my $dir = $class->get_subdir($scfg, 'images');
    my (undef, $formats) = default_format($scfg);
    my $suffix = join '|', @$formats;
    my @images;
    for my $file (glob "\Q$dir\E/[0-9]*/*") {
        next if $file !~ m!/(\d+)/([^/]+\.($suffix))$!;
        my ($owner, $name, $format) = ($1, $2, $3);
        next if defined $vmid && $owner ne $vmid;
        my ($size, undef, $used, $parent, $ctime) = file_size_info($file, undef, $format);
        push @images, {
            volid => "$id:$owner/$name", format => $format, vmid => $owner,
            size => $size, used => $used, parent => $parent, ctime => $ctime,
        };
    }
    return \@images;
}

my %LISTED = (
    iso => [ qr/\.(?:iso|img)$/i, 'iso' ],
    vztmpl => [ qr/\.tar\.(?:gz|xz|zst|bz2)$/i, 'tgz' ],
    backup => [ qr/\.(?:tgz|(?:tar|vma)(?:\.(?:gz|lzo|zst|bz2))?)$/, 'vma' ],
    snippets => [ qr/./, 'snippet' ],
    import => [ qr/\.(?:ova|ovf|qcow2|raw|vmdk)$/, 'import' ],
);

sub list_volumes {
    my ($class, $id, $scfg, $vmid, $types) = @_;
    my @volumes;
    for my $type (@$types) {
        if ($type eq 'images' || $type eq 'rootdir') {
            next if $type eq 'rootdir';
            push @volumes, map { { %$_, content => $type } }
                @{ $class->list_images($id, $scfg, $vmid) };
            next;
        }
        my ($pattern, $format) = @{ $LISTED{$type} };
        my $dir = $class->get_subdir($scfg, $type);
        for my $file (glob "\Q$dir\E/*") {
            my $name = basename($file);
            next if !-f $file || $name !~ $pattern;
            next if defined $vmid && $name !~ m/-$vmid-/;
            my $volume = {
                volid => "$id:$type/$name", format => $format, content => $type,
                size => -s _, ctime => (stat _)[10],
            };
            if (-f "$file.notes") {
                $volume->{notes} = decode('UTF-8', PVE::Tools::file_read_firstline("$file.notes"));
            }
            $volume->{protected} = 1 if -e "$file.protected";
            push @volumes, $volume;
        }
    }
    return \@volumes;
}

# The storage as a whole.

sub status {
    my ($class, $id, $scfg) = @_;
    my $path = $scfg->{path} or die "storage definition has no path\n";
    my @lines;
    run_command(['df', '-P', '-B1', $path], outfunc => sub { push @lines, $_[0] }, noerr => 1);
    my @field = split ' ', $lines[1] // '';
    return undef if @field < 4;
    return (@field[ 1, 3, 2 ], 1);
}

sub activate_storage {
    my ($class, $id, $scfg) = @_;
    my $path = $scfg->{path} or die "storage definition has no path\n";
    PVE::Tools::run_fork_with_timeout(2, sub { -d $path })
        or die "unable to activate storage '$id' - "
        . "directory '$path' does not exist or is unreachable\n";
    my $content = $scfg->{content} or return;
    if ($scfg->{'create-subdirs'} // 1) {
        make_path($class->get_subdir($scfg, $_)) for grep { $SUBDIR{$_} } sort keys %$content;
    }
    my %seen;
    for my $type (grep { $SUBDIR{$_} } sort keys %$content) {
        my $dir = abs_path($class->get_subdir($scfg, $type)) // next;
        die "storage '$id' uses directory $dir for multiple content types\n" if $seen{$dir}++;
    }
    return;
}

sub deactivate_storage { return }

sub check_connection { return 1 }

sub activate_volume {
    my ($class, $id, $scfg, $volname, $snapshot) = @_;
    my $path = $class->filesystem_path($scfg, $volname, $snapshot);
    die "volume '$id:$volname' does not exist\n" if !-e $path;
    return;
}

sub deactivate_volume { return }

1;
