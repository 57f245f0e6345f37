package PVE::JSONSchema;

# Stand-in, for tests: as much of schemas as options of storages use.

use strict;
use warnings;

use base qw(Exporter);

our @EXPORT_OK = qw(get_standard_option register_standard_option register_format);

my (%format, %standard);

sub register_format {
    my ($name, $code, $other) = @_;
    die "format '$name' already registered\n" if $format{$name};
    $format{$name} = ref $code eq 'CODE' ? $code : ($other // sub { $_[0] });
    return;
}

sub register_standard_option {
    my ($name, $schema) = @_;
    die "standard option '$name' already registered\n" if $standard{$name};
    $standard{$name} = $schema;
    return;
}

sub get_standard_option {
    my ($name, $more) = @_;
    my $schema = $standard{$name} or die "no such standard option '$name'\n";
    return { %$schema, %{ $more // {} } };
}

sub parse_boolean {
    my ($value) = @_;
    return 1 if $value =~ m/^(?:1|on|yes|true)$/i;
    return 0 if $value =~ m/^(?:0|off|no|false)$/i;
    return undef;
}

sub parse_storage_id {
    my ($id, $noerr) = @_;
    return $id if $id =~ m/^[a-z][a-z0-9\-\_\.]*[a-z0-9]$/i;
    return undef if $noerr;
    die "storage ID '$id' contains illegal characters\n";
}

sub pve_verify_node_name {
    my ($name, $noerr) = @_;
    return $name if $name =~ m/^[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?$/;
    return undef if $noerr;
    die "value does not look like a valid node name\n";
}

# Adds to $errors what is wrong with $value.
sub check_prop {
    my ($value, $schema, $path, $errors) = @_;
    my $wrong = sub { $errors->{ $path || '_root' } //= $_[0]; return };
    return $wrong->("property is missing and it is not optional")
        if !defined $value && !$schema->{optional};
    return if !defined $value;
    my $type = $schema->{type} // 'string';
    if ($type eq 'boolean') {
        return $wrong->("type check ('boolean') failed - got '$value'")
            if !defined parse_boolean($value);
    } elsif ($type eq 'integer') {
        return $wrong->("type check ('integer') failed - got '$value'")
            if $value !~ m/^[+-]?\d+$/;
        return $wrong->("value must have a minimum value of $schema->{minimum}")
            if defined $schema->{minimum} && $value < $schema->{minimum};
    } else {
        return $wrong->("value may only be $schema->{maxLength} characters long")
            if defined $schema->{maxLength} && length($value) > $schema->{maxLength};
        return $wrong->("value does not match the regex pattern")
            if defined $schema->{pattern} && $value !~ m/^$schema->{pattern}$/;
    }
    if (my $words = $schema->{enum}) {
        return $wrong->("value '$value' does not have a value in the enumeration '"
                . join(', ', @$words) . "'")
            if !grep { $_ eq $value } @$words;
    }
    if (my $name = $schema->{format}) {
        return if ref $name;
        my $list = $name =~ s/-list$//;
        my $check = $format{$name} or return $wrong->("undefined format '$name'");
        for my $part ($list ? split(/[,;\s]+/, $value) : $value) {
            eval { $check->($part); 1 } or return $wrong->("invalid format - $@");
        }
    }
    return;
}

register_format('string', sub { $_[0] });
register_format('pve-storage-id', \&parse_storage_id);
register_format('pve-node', \&pve_verify_node_name);
register_standard_option('pve-storage-id',
    { description => 'The storage identifier.', type => 'string', format => 'pve-storage-id' });
register_standard_option('pve-node-list',
    { description => 'List of cluster node names.', type => 'string', format => 'pve-node-list' });
register_standard_option('bwlimit',
    { description => 'I/O bandwidth limits.', type => 'string', optional => 1 });

1;
