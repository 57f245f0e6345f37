package PVE::Storage::Custom::SMBGateway;

# Whatever is wrong with this file stops every storage of the node. So: at load there are only modules
# that Proxmox VE itself needs, and all else comes with `require` where it is used.

use strict;
use warnings;

use PVE::Storage::Plugin;

use base qw(PVE::Storage::Plugin);

our $VERSION = '0.1.0';

# The newest version of the storage API that this was tested with.
my $TESTED_API = 15;

# How long a change may take, in seconds. The hooks run under a lock whose alarm comes after 60, and what
# fails at the end of this time still has to be taken back.
my $TIME_FOR_CHANGE = 40;

# The host writes storage.cfg in no certain encoding, and reads octets: other characters would come back
# as something else.
my $PRINTABLE = '[ -~]+';

# Options of the host and of its own storages; those that a host does not have are left out.
my @OPTIONS_OF_HOST = qw(
    bwlimit content content-dirs create-subdirs disable format max-protected-backups nodes password
    preallocation prune-backups
);

# What describes the share that an add makes.
my @OPTIONS_OF_SHARE = qw(
    smbgw-comment smbgw-encrypt smbgw-groups smbgw-guest smbgw-min-protocol smbgw-read-only smbgw-users
);

sub api {
    my $of_host = PVE::Storage->can('APIVER');
    my $version = $of_host ? $of_host->() : $TESTED_API;
    return $version < $TESTED_API ? $version : $TESTED_API;
}

sub type { return 'smbgateway' }

sub plugindata {
    my ($class) = @_;
    my %content = map { $_ => 1 } qw(backup images import iso none rootdir snippets vztmpl);
    # Before 8.3 no directory has a place for it.
    delete $content{import} if !exists $class->get_vtype_subdirs()->{import};
    my %format  = map { $_ => 1 } qw(qcow2 raw subvol vmdk);
    return {
        'content'              => [ \%content, { backup => 1, iso => 1, vztmpl => 1 } ],
        'format'               => [ \%format, 'raw' ],
        'sensitive-properties' => { password => 1 },
    };
}

# One namespace for all storages: a name that somebody else has too ends every program of Proxmox VE.
sub properties {
    return {
        'smbgw-mode' => {
            description => 'Where the share runs. Only on the node itself so far.',
            type        => 'string',
            enum        => [qw(native lxc vm)],
            default     => 'native',
            optional    => 1,
        },
        'smbgw-share' => {
            description => 'The name of the share; that of the storage if not given.',
            type        => 'string',
            maxLength   => 80,
            pattern     => $PRINTABLE,
            optional    => 1,
        },
        'smbgw-quota' => {
            description => 'The size that the share may grow to, such as 100G.',
            type        => 'string',
            maxLength   => 32,
            optional    => 1,
        },
        'smbgw-users' => {
            description => 'Accounts of the node that may use the share.',
            type        => 'string',
            maxLength   => 4096,
            pattern     => $PRINTABLE,
            optional    => 1,
        },
        'smbgw-groups' => {
            description => 'Groups of the node whose members may use the share.',
            type        => 'string',
            maxLength   => 4096,
            pattern     => $PRINTABLE,
            optional    => 1,
        },
        'smbgw-guest' => {
            description => 'Everybody may use the share, without a password.',
            type        => 'boolean',
            default     => 0,
            optional    => 1,
        },
        'smbgw-read-only' => {
            description => 'Clients may only read.',
            type        => 'boolean',
            default     => 0,
            optional    => 1,
        },
        'smbgw-encrypt' => {
            description => 'Encryption between clients and the share.',
            type        => 'string',
            enum        => [qw(required desired off)],
            default     => 'desired',
            optional    => 1,
        },
        'smbgw-min-protocol' => {
            description => 'The oldest version of SMB that clients may speak.',
            type        => 'string',
            enum        => [qw(2.1 3.0 3.1.1)],
            default     => '3.0',
            optional    => 1,
        },
        'smbgw-comment' => {
            description => 'What clients show beside the name of the share.',
            type        => 'string',
            maxLength   => 256,
            pattern     => $PRINTABLE,
            optional    => 1,
        },
    };
}

sub options {
    my ($class) = @_;
    my %options = (path => { fixed => 1 }, 'smbgw-quota' => { optional => 1 });
    for my $name ('smbgw-mode', 'smbgw-share', @OPTIONS_OF_SHARE) {
        $options{$name} = { optional => 1, fixed => 1 };
    }
    # An option that no storage of this host declares would stop all of them. While the host asks for
    # this, all properties are declared, ours among them.
    my $declared = $class->private()->{propertyList} // {};
    my $complete = exists $declared->{'smbgw-quota'};
    for my $name (@OPTIONS_OF_HOST, 'username') {
        $options{$name} = { optional => 1 } if !$complete || exists $declared->{$name};
    }
    $options{username}->{fixed} = 1 if $options{username};
    return \%options;
}

# This also runs, with `type` among the values, for each reading of storage.cfg. A section that is refused
# there stops `pvesm status` and each change of the file for all storages. So what is wrong is left out
# then, and what a new storage needs is checked by its hook.
sub check_config {
    my ($class, $storeid, $config, $create, $skip_schema) = @_;
    if ($create && !defined $config->{path}) {
        my $share = $config->{'smbgw-share'} // $storeid;
        $config->{path} = '/srv/smb/' . lc $share;
    }
    my $is_reading = $create && defined $config->{type};
    return $class->SUPER::check_config($storeid, $config, $create, $skip_schema) if !$is_reading;
    my $settings = eval { $class->SUPER::check_config($storeid, $config, $create, $skip_schema) };
    return $settings if $settings;
    $settings = { type => $config->{type}, path => $config->{path} };
    for my $name (sort grep { !exists $settings->{$_} } keys %$config) {
        my %with = (%$config{qw(type path)}, $name => $config->{$name});
        my $one  = eval { $class->SUPER::check_config($storeid, \%with, $create, $skip_schema) };
        if ($one) {
            $settings->{$name} = $one->{$name};
        } else {
            warn "storage '$storeid': '$name' is left out: $@";
        }
    }
    return $settings;
}

sub on_add_hook {
    my ($class, $storeid, $scfg, %sensitive) = @_;
    require PVE::Storage::Custom::SMBGateway::Life;
    PVE::Storage::Custom::SMBGateway::Life::add($storeid, $scfg, $sensitive{password},
        $TIME_FOR_CHANGE);
    return;
}

# Before version 13 of the API: without the settings that there are, and those that go.
sub on_update_hook {
    my ($class, $storeid, $update, %sensitive) = @_;
    my $scfg = PVE::Storage::config()->{ids}->{$storeid} // {};
    return $class->on_update_hook_full($storeid, $scfg, $update, undef, \%sensitive);
}

sub on_update_hook_full {
    my ($class, $storeid, $scfg, $update, $delete, $sensitive) = @_;
    require PVE::Storage::Custom::SMBGateway::Life;
    PVE::Storage::Custom::SMBGateway::Life::update($storeid, $scfg, $update, $delete // [],
        $sensitive // {}, $TIME_FOR_CHANGE);
    return;
}

sub on_delete_hook {
    my ($class, $storeid, $scfg) = @_;
    require PVE::Storage::Custom::SMBGateway::Life;
    PVE::Storage::Custom::SMBGateway::Life::remove($storeid, $scfg, $TIME_FOR_CHANGE);
    return;
}

# Called every few seconds for each storage. Nothing here forks, talks to a daemon or opens a
# connection; the library is asked once for all storages that share a cache.
sub activate_storage {
    my ($class, $storeid, $scfg, $cache) = @_;
    require PVE::Storage::Custom::SMBGateway::Look;
    require PVE::Storage::Custom::SMBGateway::Content;
    my $ready = PVE::Storage::Custom::SMBGateway::Look::ready($storeid, $scfg, $cache);
    PVE::Storage::Custom::SMBGateway::Content::prepare($class, $storeid, $scfg, $ready);
    return;
}

sub deactivate_storage { return }

sub status {
    my ($class, $storeid, $scfg, $cache) = @_;
    # Kept from the caller: this is asked for all storages in turn.
    local ($@, $!, $?) = (q{}, 0, 0);
    my @numbers = eval {
        local $SIG{__DIE__} = 'DEFAULT';
        require PVE::Storage::Custom::SMBGateway::Look;
        PVE::Storage::Custom::SMBGateway::Look::numbers($scfg, $storeid, $cache);
    };
    return @numbers ? (@numbers, 1) : (0, 0, 0, 0);
}

# What tells two storages apart, whatever they are called (version 14 of the API).
sub get_identity {
    my ($class, $scfg, $storeid) = @_;
    require PVE::INotify;
    my $share = lc($scfg->{'smbgw-share'} // $storeid);
    return join q{:}, $class->type(), PVE::INotify::nodename(), $share;
}

# Notes and protection of backups, as every directory has them.

sub get_volume_attribute {
    my (@given) = @_;
    require PVE::Storage::DirPlugin;
    return PVE::Storage::DirPlugin::get_volume_attribute(@given);
}

sub update_volume_attribute {
    my (@given) = @_;
    require PVE::Storage::DirPlugin;
    return PVE::Storage::DirPlugin::update_volume_attribute(@given);
}

sub get_volume_notes {
    my ($class, $scfg, $storeid, $volname) = @_;
    return $class->get_volume_attribute($scfg, $storeid, $volname, 'notes');
}

sub update_volume_notes {
    my ($class, $scfg, $storeid, $volname, $notes) = @_;
    return $class->update_volume_attribute($scfg, $storeid, $volname, 'notes', $notes);
}

sub get_import_metadata {
    my ($class, @given) = @_;
    require PVE::Storage::DirPlugin;
    # Before 8.3 no directory has any.
    my $of_directory = PVE::Storage::DirPlugin->can('get_import_metadata')
        or die "this version of Proxmox VE imports nothing from directories\n";
    return $class->$of_directory(@given);
}

# Names that people have patched around in an older plugin.

sub _monitor_quota       { my (@given) = @_; return _as_before('_monitor_quota',       @given) }
sub _join_ad_domain      { my (@given) = @_; return _as_before('_join_ad_domain',      @given) }
sub _setup_ctdb_cluster  { my (@given) = @_; return _as_before('_setup_ctdb_cluster',  @given) }

sub _as_before {
    my ($name, @given) = @_;
    require PVE::SMBGateway::Deprecated;
    my $function = PVE::SMBGateway::Deprecated->can($name)
        or die "PVE::SMBGateway::Deprecated has no $name\n";
    return $function->(@given);
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::Storage::Custom::SMBGateway - storages of Proxmox VE that are SMB shares with a quota

=head1 SYNOPSIS

    pvesm add smbgateway media --smbgw-quota 100G --smbgw-users alice,bob --content iso,backup
    pvesm set media --smbgw-quota 200G
    pvesm remove media

=head1 DESCRIPTION

A storage of type C<smbgateway> is a directory of this node that is shared over SMB and whose size
the kernel limits. Adding it makes the share, or takes one that is there with the same path. Its
numbers are those of the quota. Removing it withdraws the share that adding made. Files stay.

F<docs/proxmox.md> is the page for administrators.

=head1 OPTIONS

=over

=item path

The directory; F</srv/smb/NAME> if not given.

=item smbgw-share

The name of the share; that of the storage if not given.

=item smbgw-quota

The size that the share may grow to, such as C<100G>. The only one of these that can be changed later.

=item smbgw-users, smbgw-groups

Accounts and groups of the node that may use the share, divided by commas.

=item username, password

One account more that may use the share. It is made, with this password, if it is not there. The
password is kept in F</etc/pve/priv/storage/ID.pw>.

=item smbgw-guest, smbgw-read-only, smbgw-encrypt, smbgw-min-protocol, smbgw-comment

As the options of C<pve-smbgateway create>.

=item smbgw-mode

C<native>: the share runs on the node itself. C<lxc> and C<vm> are not there yet.

=back

Those of every directory are there too: C<content>, C<content-dirs>, C<create-subdirs>, C<nodes>,
C<disable>, C<format>, C<preallocation>, C<prune-backups>, C<max-protected-backups>, C<bwlimit>.

=head1 METHODS

All are called by Proxmox VE; see F<PVE/Storage/Plugin.pm> there.

=head2 api

The newest version of the storage API that was tested, or that of the host where it is older.

=head2 type

C<smbgateway>.

=head2 plugindata

Content and formats that are possible, and the name of the secret.

=head2 properties

The options that no other type has.

=head2 options

All that a storage of this type can have, as far as the host knows it.

=head2 check_config

Fills in the path of a new storage.

=head2 on_add_hook

Makes the share or takes the one that is there. What fails leaves nothing.

=head2 on_update_hook

Gives the share another quota, before version 13 of the API.

=head2 on_update_hook_full

Gives the share another quota.

=head2 on_delete_hook

Withdraws the share that was made by adding the storage.

=head2 activate_storage

Checks that the share is on this node, and makes the directories of the content. Dies where not.

=head2 deactivate_storage

Does nothing.

=head2 status

Total, available and used bytes of the quota and 1; or four zeros, where the share is missing, its
file system is not mounted or the library cannot be loaded. Never dies.

=head2 get_identity

The node and the share.

=head2 get_volume_attribute

Notes and protection of a backup.

=head2 update_volume_attribute

Sets them.

=head2 get_volume_notes

Notes of a backup, as hosts of earlier days ask for them.

=head2 update_volume_notes

Sets them.

=head2 get_import_metadata

What is in an appliance that is to be imported.

=head1 LICENSE

AGPL-3.0-or-later

=cut
