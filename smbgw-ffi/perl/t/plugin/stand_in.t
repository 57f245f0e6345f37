#!/usr/bin/perl

# The stand-in refuses what the real loader refuses, and breaks where that breaks.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use SMBGateway::Node qw(perl stand_in write_file);

stand_in();
my $scratch = tempdir(CLEANUP => 1);
my $number  = 0;

# Loads the storage layer with one more plugin, made of these functions, and runs some code.
sub with_plugin {
    my ($functions, $code) = @_;
    my $name = 'Other' . ++$number;
    my $dir  = "$scratch/$name";
    my %all  = (
        api        => 'return PVE::Storage::APIVER()',
        type       => "return 'other'",
        plugindata => 'return { content => [ { images => 1, none => 1 }, { images => 1 } ] }',
        %$functions,
    );
    my $base = delete $all{base} // 'PVE::Storage::Plugin';
    write_file("$dir/PVE/Storage/Custom/$name.pm", join "\n",
        "package PVE::Storage::Custom::$name;",
        'use strict;', 'use warnings;', 'use PVE::Storage::Plugin;',
        "our \@ISA = '$base';",
        (map { defined $all{$_} ? "sub $_ { $all{$_} }" : () } sort keys %all), '1;');
    local $ENV{PERL5LIB} = "$dir:$ENV{PERL5LIB}";
    local $ENV{PVE_STANDIN_CUSTOM} = "$dir/PVE/Storage/Custom";
    return perl('-MPVE::Storage', '-e', $code // 'print "alive"');
}

sub goes_on_without_it {
    my ($functions, $saying, $what) = @_;
    my $ran = with_plugin($functions, 'print join ",", @{ PVE::Storage::Plugin->lookup_types() }');
    is($ran->{out}, 'cifs,dir,rbd', "$what: the others are there");
    like($ran->{err}, $saying, "$what: the reason");
    return;
}

sub ends_everything {
    my ($functions, $saying, $what, $code) = @_;
    my $ran = with_plugin($functions, $code);
    isnt($ran->{status}, 0, "$what: nothing runs");
    like($ran->{err}, $saying, "$what: the reason");
    return;
}

is(with_plugin({})->{out}, 'alive', 'a plugin as it should be');
goes_on_without_it({ api => 'return 99' }, qr/newer than current/, 'an API too new');
goes_on_without_it({ api => 'return 3' }, qr/too old/, 'an API too old');
goes_on_without_it({ api => undef }, qr/does not provide an api/, 'no API');
goes_on_without_it({ base => 'PVE::SectionConfig' }, qr/not derived from/, 'another base');
goes_on_without_it({ type => "return 'dir'" }, qr/duplicate plugin registration/, 'a type twice');
like(with_plugin({ api => 'return PVE::Storage::APIVER() - 1' })->{err}, qr/older storage API/,
    'an API before the last is remarked upon');

ends_everything({ properties => "return { path => { type => 'string' } }" },
    qr/duplicate property 'path'/, 'a property twice');
ends_everything({ options => "return { nonsense => {} }" }, qr/undefined property 'nonsense'/,
    'an option that is no property');

# What a list where a hash is meant does to all storages.
my $read = 'PVE::Storage::Plugin->parse_config("storage.cfg", "other: one\n\n"); print "alive"';
ends_everything({ plugindata => 'return { content => [ [ "images" ], [ "images" ] ] }' },
    qr/Not a HASH reference/, 'content that is a list', $read);
is(with_plugin({}, $read)->{out}, 'alive', 'content that is a hash');

# The file.
sub parsed {
    my ($text) = @_;
    return with_plugin({ options => 'return { content => { optional => 1 }, path => { fixed => 1 } }' },
        "my \$cfg = PVE::Storage::Plugin->parse_config('storage.cfg', qq{$text});"
            . 'print join ",", map { "$_=" . ($cfg->{ids}{$_}{path} // "") } sort keys %{ $cfg->{ids} };');
}
is(parsed("other: one\n\tpath /srv/one\n\n")->{out}, 'local=/var/lib/vz,one=/srv/one', 'a section');
like(parsed("other: one\n\tpath /srv/one\n\tpool x\n")->{err}, qr/unexpected property 'pool'/,
    'an option of another type');
like(parsed("nosuch: one\n")->{err}, qr/unsupported type 'nosuch'/, 'an unknown type');
like(parsed("other: one\n")->{err}, qr/missing value for required option 'path'/, 'what is missing');
like(parsed("other: one\n\tpath relative\n")->{err}, qr/valid absolute path/, 'a format');

# What may be given for a storage, and what of it later.
sub schema {
    my ($which, $name) = @_;
    my $options = 'return { path => { fixed => 1 }, "other-one" => { fixed => 1, optional => 1 }, '
        . '"other-two" => {} }';
    my $properties = 'return { map { $_ => { type => "string" } } qw(other-one other-two) }';
    return with_plugin({ options => $options, properties => $properties },
        "my \$schema = PVE::Storage::Plugin->$which(); my \$of = \$schema->{'$name'};"
            . 'print !$of ? "none" : $of->{optional} ? "optional" : "required"')->{out};
}
is(schema('createSchema', $_), 'required', "$_ for a new one") for qw(type storage);
is(schema('createSchema', $_), 'optional', "$_ for a new one") for qw(path other-one other-two nodes);
is(schema('updateSchema', $_), 'none', "$_ for one that is there") for qw(type path other-one);
is(schema('updateSchema', $_), 'optional', "$_ for one that is there") for qw(other-two nodes delete);

# The lock has an alarm, and what fails in it comes out.
SKIP: {
    skip('SKIPPED: /etc/pve is only there in a host of its own', 1) if !$ENV{SMBGW_INSIDE};
    local $ENV{PVE_STANDIN_ALARM} = 1;
    my $ran = with_plugin({}, 'mkdir "/etc/pve"; '
            . 'eval { PVE::Storage::lock_storage_config(sub { sleep 600 }, "it failed") }; print $@');
    is($ran->{out}, "it failed: 'file-storage_cfg'-locked command timed out - aborting\n", 'the alarm of the lock');
}

done_testing();
