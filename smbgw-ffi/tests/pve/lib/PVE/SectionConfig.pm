package PVE::SectionConfig;

# Stand-in, for tests: types of sections, their properties, and the file they are in.

use strict;
use warnings;

use Digest::SHA;
use PVE::JSONSchema;

sub private { die "overwrite me" }

sub type { die "overwrite me" }

sub properties { return {} }

sub options { return {} }

sub plugindata { return {} }

sub register {
    my ($class) = @_;
    my $type = $class->type();
    my $data = $class->private();
    die "duplicate plugin registration (type = $type)" if defined $data->{plugins}{$type};
    $data->{plugindata}{$type} = $class->plugindata();
    $data->{plugins}{$type} = $class;
    return;
}

# All properties share one namespace. Nothing catches what dies here: it ends every program.
sub init {
    my ($class) = @_;
    my $data = $class->private();
    $data->{$_} //= {} for qw(options plugins plugindata propertyList);
    my ($plugins, $known) = @$data{qw(plugins propertyList)};
    for my $type (keys %$plugins) {
        my $own = $plugins->{$type}->properties();
        for my $name (keys %$own) {
            die "duplicate property '$name'" if defined $known->{$name};
            $known->{$name} = { %{ $own->{$name} }, optional => 1 };
        }
    }
    for my $type (keys %$plugins) {
        my $options = $plugins->{$type}->options();
        for my $name (keys %$options) {
            die "undefined property '$name'" if !$known->{$name};
        }
        $data->{options}{$type} = {%$options};
    }
    $known->{type} = { %{ $known->{type} // {} }, type => 'string', enum => [ sort keys %$plugins ] };
    return;
}

# What may be given for a new section: all properties of all types.
sub createSchema {
    my ($class) = @_;
    my ($known, $options) = @{ $class->private() }{qw(propertyList options)};
    my %schema;
    for my $name (keys %$known) {
        my @without = grep { !$_->{$name} || $_->{$name}{optional} } values %$options;
        $schema{$name} = { %{ $known->{$name} } };
        $schema{$name}{optional} = 0 if !@without;
    }
    return \%schema;
}

# What may be given for one that is there: the properties that one type at least can change.
sub updateSchema {
    my ($class) = @_;
    my ($known, $options) = @{ $class->private() }{qw(propertyList options)};
    my %schema = map { $_ => { type => 'string', optional => 1 } } qw(delete digest);
    for my $name (grep { $_ ne 'type' } keys %$known) {
        my @changes = grep { $_->{$name} && !$_->{$name}{fixed} } values %$options;
        $schema{$name} = $known->{$name} if @changes || !$known->{$name}{optional};
    }
    return \%schema;
}

sub lookup {
    my ($class, $type) = @_;
    die "cannot lookup undefined type!" if !defined $type;
    return $class->private()->{plugins}{$type} // die "unknown section type '$type'\n";
}

sub lookup_types {
    my ($class) = @_;
    return [ sort keys %{ $class->private()->{plugins} } ];
}

sub decode_value { return $_[3] }

sub encode_value { return $_[3] }

sub check_value {
    my ($class, $type, $name, $value, $id, $skip_schema) = @_;
    my $data = $class->private();
    return $value if $name eq 'type' && $type eq $value;
    my $options = $data->{options}{$type} or die "unknown section type '$type'\n";
    die "unexpected property '$name'\n" if !defined $options->{$name};
    my $schema = $data->{propertyList}{$name} or die "unknown property type\n";
    my $kind = $schema->{type};
    $value = 1 if $kind eq 'boolean' && !defined $value;
    die "got undefined value\n" if !defined $value;
    die "property contains a line feed\n" if $value =~ m/[\n\r]/;
    if (!$skip_schema) {
        my %errors;
        PVE::JSONSchema::check_prop($value, $schema, '', \%errors);
        die "$errors{_root}\n" if %errors;
    }
    return $kind eq 'boolean' || $kind eq 'integer' || $kind eq 'number' ? $value + 0 : $value;
}

sub check_config {
    my ($class, $id, $config, $create, $skip_schema) = @_;
    my $type = $class->type();
    my $options = $class->private()->{options}{$type};
    my $settings = { type => $type };
    for my $name (keys %$config) {
        die "can't change value of fixed parameter '$name'\n"
            if !$create && defined $options->{$name} && $options->{$name}{fixed};
        die "got undefined value for option '$name'\n" if !defined $config->{$name};
        my $value = $class->check_value($type, $name, $config->{$name}, $id, $skip_schema);
        $settings->{$name} = $class->decode_value($type, $name, $value);
    }
    return $settings if !$create;
    for my $name (sort keys %$options) {
        die "missing value for required option '$name'\n"
            if !$options->{$name}{optional} && !defined $config->{$name};
    }
    return $settings;
}

sub parse_section_header {
    my ($class, $line) = @_;
    return ($1, $2, undef, {}) if $line =~ m/^(\S+):\s*(\S+)\s*$/;
    return;
}

sub parse_config {
    my ($class, $file, $text) = @_;
    my $data = $class->private();
    $text //= '';
    my (%ids, %order, @errors);
    my $number = 0;
    my @lines = map { [ ++$number, $_ ] } split /\n/, $text;
    @lines = grep { $_->[1] !~ m/^\s*#/ } @lines;
    while (my $entry = shift @lines) {
        my ($at, $line) = @$entry;
        next if $line eq '';
        my $where = "file $file line $at";
        my ($type, $id, $error, $config) = $class->parse_section_header($line);
        if (!$config) {
            warn "$where - ignore config line: $line\n";
            next;
        }
        my $plugin = $data->{plugins}{$type};
        if (defined $error) {
            chomp $error;
            warn "$where (skip section '$id'): $error\n";
        } elsif (!$plugin) {
            warn "$where (skip section '$id'): unsupported type '$type'\n";
        }
        my $skip = defined $error || !$plugin;
        while (@lines && $lines[0][1] ne '') {
            ($at, $line) = @{ shift @lines };
            next if $skip;
            $where = "file $file line $at";
            if ($line !~ m/^\s+(\S+)(?:\s+(.*\S))?\s*$/) {
                warn "$where (section '$id') - ignore config line: $line\n";
                next;
            }
            my ($name, $value) = ($1, $2);
            eval {
                die "duplicate attribute\n" if defined $config->{$name};
                $config->{$name} = $plugin->check_value($type, $name, $value, $id);
                1;
            } or do {
                warn "$where (section '$id') - unable to parse value of '$name': $@";
                push @errors, { context => $where, section => $id, key => $name, err => $@ };
            };
        }
        next if $skip;
        $config->{type} = $type;
        $config = eval { $plugin->check_config($id, $config, 1, 1) };
        warn "$where (skip section '$id'): $@" if $@;
        # As the real one does: an entry without a value is left, and whoever writes trips over it.
        $ids{$id} = $config;
        $order{$id} = 1 + keys %order;
    }
    return {
        ids => \%ids,
        order => \%order,
        digest => Digest::SHA::sha1_hex($text),
        @errors ? (errors => \@errors) : (),
    };
}

sub write_config {
    my ($class, $file, $cfg) = @_;
    my $data = $class->private();
    my ($ids, $order) = @$cfg{qw(ids order)};
    my ($last) = sort { $b <=> $a } grep { defined } 0, values %$order;
    $order->{$_} //= ++$last for sort keys %$ids;
    my $text = '';
    for my $id (sort { $order->{$a} <=> $order->{$b} } keys %$ids) {
        my $config = $ids->{$id};
        my $type = $config->{type} // '';
        my $options = $data->{options}{$type} or die "unknown section type '$type'\n";
        $text .= "$type: $id\n";
        $text .= "\tdisable\n" if $config->{disable};
        my @required = grep { !$options->{$_}{optional} } sort keys %$options;
        my @others = grep { $options->{$_}{optional} && $_ ne 'disable' } sort keys %$options;
        for my $name (@required, @others) {
            my $value = $config->{$name};
            if (!defined $value) {
                die "section '$id' - missing value for required option '$name'\n"
                    if !$options->{$name}{optional};
                next;
            }
            $value = $class->encode_value($type, $name, $value);
            die "property '$name' contains a line feed\n" if $value =~ m/[\n\r]/;
            $value = $value ? 1 : 0 if ($data->{propertyList}{$name}{type} // '') eq 'boolean';
            $text .= "\t$name $value\n" if $value ne '';
        }
        $text .= "\n";
    }
    return $text;
}

1;
