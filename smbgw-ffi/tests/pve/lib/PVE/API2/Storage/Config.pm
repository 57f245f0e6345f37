package PVE::API2::Storage::Config;

# Stand-in, for tests: what `pvesm add`, `set` and `remove` come to.

use strict;
use warnings;

use PVE::JSONSchema;
use PVE::Storage;
use PVE::Storage::Plugin;
use PVE::Tools qw(extract_param extract_sensitive_params split_list);

# The check of parameters before anything is done.
sub validate {
    my ($param, $known) = @_;
    my %errors;
    for my $name (grep { !$known->{$_}{optional} && !defined $param->{$_} } keys %$known) {
        $errors{$name} = 'property is missing and it is not optional';
    }
    for my $name (sort keys %$param) {
        my $schema = $known->{$name} // { type => 'string', optional => 1 };
        $errors{$name} = 'property is not defined in schema and the schema does not allow '
            . 'additional properties'
            if !$known->{$name};
        PVE::JSONSchema::check_prop($param->{$name}, $schema, $name, \%errors);
        my $given = $param->{$name};
        $param->{$name} = PVE::JSONSchema::parse_boolean($given)
            if ($schema->{type} // '') eq 'boolean' && !$errors{$name};
    }
    return if !%errors;
    die join '', "400 Parameter verification failed.\n", map { "$_: $errors{$_}\n" } sort keys %errors;
}

sub create {
    my ($class, $param) = @_;
    validate($param, PVE::Storage::Plugin->createSchema());
    my $type = extract_param($param, 'type');
    my $id = extract_param($param, 'storage');
    delete $param->{nodes} if !$param->{nodes};
    my $sensitive
        = extract_sensitive_params($param, PVE::Storage::Plugin::sensitive_properties($type), []);
    my $plugin = PVE::Storage::Plugin->lookup($type);
    my $opts = $plugin->check_config($id, $param, 1, 1);
    my $answer;
    PVE::Storage::lock_storage_config(
        sub {
            my $cfg = PVE::Storage::config();
            die "storage ID '$id' already defined\n"
                if PVE::Storage::storage_config($cfg, $id, 1);
            $cfg->{ids}{$id} = $opts;
            $answer = $plugin->on_add_hook($id, $opts, %$sensitive);
            eval {
                PVE::Storage::activate_storage($cfg, $id)
                    if PVE::Storage::storage_check_enabled($cfg, $id, undef, 1);
                1;
            } or do {
                my $error = $@;
                eval { $plugin->on_delete_hook($id, $opts); 1 } or warn "$@\n";
                die $error;
            };
            PVE::Storage::write_config($cfg);
        },
        'create storage failed',
    );
    return { storage => $id, type => $type, $answer ? (config => $answer) : () };
}

sub update {
    my ($class, $param) = @_;
    validate($param, PVE::Storage::Plugin->updateSchema());
    my $id = extract_param($param, 'storage');
    my $delete = extract_param($param, 'delete');
    $delete = [ split_list($delete) ] if $delete;
    my $answer;
    PVE::Storage::lock_storage_config(
        sub {
            my $cfg = PVE::Storage::config();
            my $scfg = PVE::Storage::storage_config($cfg, $id);
            my $type = $scfg->{type};
            my $sensitive = extract_sensitive_params($param,
                PVE::Storage::Plugin::sensitive_properties($type), $delete);
            my $plugin = PVE::Storage::Plugin->lookup($type);
            my $opts = $plugin->check_config($id, $param, 0, 1);
            my $options = $plugin->private()->{options}{$type};
            for my $name (@{ $delete // [] }) {
                my $option = $options->{$name} or die "no such option '$name'\n";
                die "unable to delete required option '$name'\n" if !$option->{optional};
                die "unable to delete fixed option '$name'\n" if $option->{fixed};
                die "cannot set and delete property '$name' at the same time!\n"
                    if defined $opts->{$name};
            }
            if (PVE::Storage::APIVER() < 13 || $plugin->can('api') && $plugin->api() < 13) {
                $answer = $plugin->on_update_hook($id, $opts, %$sensitive);
            } else {
                $answer = $plugin->on_update_hook_full($id, $scfg, $opts, $delete, $sensitive);
            }
            delete @$scfg{ @{ $delete // [] } };
            $scfg->{$_} = $opts->{$_} for keys %$opts;
            PVE::Storage::write_config($cfg);
        },
        'update storage failed',
    );
    return { storage => $id, $answer ? (config => $answer) : () };
}

sub remove {
    my ($class, $param) = @_;
    my $id = $param->{storage};
    PVE::Storage::lock_storage_config(
        sub {
            my $cfg = PVE::Storage::config();
            my $scfg = PVE::Storage::storage_config($cfg, $id);
            PVE::Storage::Plugin->lookup($scfg->{type})->on_delete_hook($id, $scfg);
            delete $cfg->{ids}{$id};
            PVE::Storage::write_config($cfg);
        },
        'delete storage failed',
    );
    return;
}

1;
