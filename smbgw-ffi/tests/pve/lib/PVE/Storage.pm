package PVE::Storage;

# Stand-in, for tests: loads the plugins, and asks them.

use strict;
use warnings;

use PVE::StandIn;

use constant APIVER => $PVE::StandIn::APIVER;
use constant APIAGE => $PVE::StandIn::APIAGE;

use PVE::Cluster qw(cfs_read_file cfs_write_file cfs_lock_file);
use PVE::INotify;
use PVE::JSONSchema;
use PVE::Storage::Plugin;
use PVE::Storage::DirPlugin;
use PVE::Storage::CIFSPlugin;
use PVE::Storage::RBDPlugin;
use PVE::Tools qw(dir_glob_foreach);

PVE::Storage::DirPlugin->register();
PVE::Storage::CIFSPlugin->register();
PVE::Storage::RBDPlugin->register();

for my $dir (split /:/, $ENV{PVE_STANDIN_CUSTOM} // '/usr/share/perl5/PVE/Storage/Custom') {
    dir_glob_foreach($dir, '.*\.pm', \&load_custom);
}

PVE::Storage::Plugin->init();

sub load_custom {
    my ($file) = @_;
    (my $module = "PVE::Storage::Custom::$file") =~ s/\.pm$//;
    eval {
        require "PVE/Storage/Custom/$file";
        die "not derived from PVE::Storage::Plugin\n" if !$module->isa('PVE::Storage::Plugin');
        die "does not provide an api() method\n" if !$module->can('api');
        my $version = $module->api();
        die "implements an API version newer than current ($version > " . APIVER . ")\n"
            if $version > APIVER;
        my $oldest = APIVER - APIAGE;
        die "API version too old, please update the plugin ($version < $oldest)\n"
            if $version < $oldest;
        $module->register();
        warn "Plugin \"$module\" is implementing an older storage API, an upgrade is recommended\n"
            if $version != APIVER;
        1;
    } or warn "Error loading storage plugin \"$module\": $@";
    return;
}

sub config { return cfs_read_file('storage.cfg') }

sub write_config {
    my ($cfg) = @_;
    return cfs_write_file('storage.cfg', $cfg);
}

sub lock_storage_config {
    my ($code, $what) = @_;
    cfs_lock_file('storage.cfg', undef, $code);
    die $what ? "$what: $@" : $@ if $@;
    return;
}

sub storage_config {
    my ($cfg, $id, $noerr) = @_;
    die "no storage ID specified\n" if !$id;
    my $scfg = $cfg->{ids}{$id};
    die "storage '$id' does not exist\n" if !$scfg && !$noerr;
    return $scfg;
}

sub storage_check_enabled {
    my ($cfg, $id, $node, $noerr) = @_;
    my $scfg = storage_config($cfg, $id);
    my $why;
    $node //= PVE::INotify::nodename();
    if ($scfg->{disable}) {
        $why = "storage '$id' is disabled\n";
    } elsif ($scfg->{nodes} && !$scfg->{nodes}{$node}) {
        $why = "storage '$id' is not available on node '$node'\n";
    }
    return $scfg if !$why;
    die $why if !$noerr;
    return undef;
}

sub activate_storage {
    my ($cfg, $id, $cache) = @_;
    $cache //= {};
    my $scfg = storage_check_enabled($cfg, $id);
    return if $cache->{activated}{$id};
    my $plugin = PVE::Storage::Plugin->lookup($scfg->{type});
    if (!eval { $plugin->check_connection($id, $scfg) }) {
        die "connection check for storage '$id' failed - $@\n" if $@;
        die "storage '$id' is not online\n";
    }
    die "activation failed on demand\n" if PVE::Cluster::fails('activate');
    $plugin->activate_storage($id, $scfg, $cache);
    $cache->{activated}{$id} = 1;
    return;
}

sub deactivate_storage {
    my ($cfg, $id) = @_;
    my $scfg = storage_config($cfg, $id);
    return PVE::Storage::Plugin->lookup($scfg->{type})->deactivate_storage($id, $scfg, {});
}

# What pvestatd does every ten seconds. Nothing catches what dies outside the two evals.
sub storage_info {
    my ($cfg, $content, $with_format) = @_;
    my $ids = $cfg->{ids};
    my (%info, %cache);
    for my $id (keys %$ids) {
        my $enabled = defined storage_check_enabled($cfg, $id, undef, 1);
        $info{$id} = {
            type => $ids->{$id}{type},
            total => 0, avail => 0, used => 0, active => 0,
            shared => $ids->{$id}{shared} ? 1 : 0,
            content => PVE::Storage::Plugin::content_hash_to_string($ids->{$id}{content}),
            enabled => $enabled ? 1 : 0,
        };
    }
    for my $id (keys %$ids) {
        my $entry = $info{$id};
        next if !$entry->{enabled};
        my $scfg = $ids->{$id};
        my $plugin = PVE::Storage::Plugin->lookup($scfg->{type});
        if ($with_format && (my $format = $plugin->plugindata()->{format})) {
            $entry->{format} = [ { %{ $format->[0] } }, $scfg->{format} || $format->[1] ];
        }
        eval { activate_storage($cfg, $id, \%cache); 1 } or do {
            warn $@;
            next;
        };
        my ($total, $avail, $used, $active) = eval { $plugin->status($id, $scfg, \%cache) };
        warn $@ if $@;
        next if !$active;
        @$entry{qw(total avail used active)} = (int $total, int $avail, int $used, $active);
    }
    return \%info;
}

sub volume_list {
    my ($cfg, $id, $vmid, $content) = @_;
    my $scfg = storage_config($cfg, $id);
    my @types = $content // qw(rootdir images vztmpl iso backup snippets import);
    @types = grep { $scfg->{content}{$_} } @types;
    activate_storage($cfg, $id);
    my $plugin = PVE::Storage::Plugin->lookup($scfg->{type});
    my $volumes = $plugin->list_volumes($id, $scfg, $vmid, \@types);
    return [ sort { $a->{volid} cmp $b->{volid} } @$volumes ];
}

sub parse_volume_id {
    my ($volid) = @_;
    return ($1, $2) if $volid =~ m/^([a-z][a-z0-9\-\_\.]*[a-z0-9]):(.+)$/i;
    die "unable to parse volume ID '$volid'\n";
}

sub path {
    my ($cfg, $volid) = @_;
    my ($id, $volname) = parse_volume_id($volid);
    my $scfg = storage_config($cfg, $id);
    my ($path) = PVE::Storage::Plugin->lookup($scfg->{type})->path($scfg, $volname, $id);
    return $path;
}

sub vdisk_alloc {
    my ($cfg, $id, $vmid, $format, $name, $kib) = @_;
    my $scfg = storage_config($cfg, $id);
    activate_storage($cfg, $id);
    my $plugin = PVE::Storage::Plugin->lookup($scfg->{type});
    $format ||= PVE::Storage::Plugin::default_format($scfg);
    my $umask = umask(umask | 0037);
    my $volname = eval { $plugin->alloc_image($id, $scfg, $vmid, $format, $name, $kib) };
    my $error = $@;
    umask $umask;
    die $error if !defined $volname;
    return "$id:$volname";
}

sub vdisk_free {
    my ($cfg, $volid) = @_;
    my ($id, $volname) = parse_volume_id($volid);
    my $scfg = storage_config($cfg, $id);
    activate_storage($cfg, $id);
    my $plugin = PVE::Storage::Plugin->lookup($scfg->{type});
    my $format = ($plugin->parse_volname($volname))[6];
    return $plugin->free_image($id, $scfg, $volname, 0, $format);
}

sub protection_file_path { return "$_[0].protected" }

1;
