#!/usr/bin/perl

# The plugin is loaded by every version of the loader, without a word, whatever else is missing.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use SMBGateway::Node qw(perl stand_in write_file);

my $ffi    = stand_in();
my $custom = "$ffi/perl/lib/PVE/Storage/Custom";
my $plugin = 'PVE::Storage::Custom::SMBGateway';
my $types  = 'print join ",", @{ PVE::Storage::Plugin->lookup_types() }';
my $ours   = 'cifs,dir,rbd,smbgateway';
my $scratch = tempdir(CLEANUP => 1);

sub loads_quietly {
    my ($what, @arguments) = @_;
    my $ran = perl(@arguments);
    is($ran->{status}, 0,     "$what: loads");
    is($ran->{err},    q{},   "$what: without a word");
    is($ran->{out},    $ours, "$what: is there");
    return;
}

# 8.2 to 9.1; then hosts to come.
for my $api ('10/1', '11/2', '12/3', '13/4', '14/5', '15/6') {
    local $ENV{PVE_STANDIN_API} = $api;
    loads_quietly("API $api", '-MPVE::Storage', '-e', $types);
    my $said = perl('-MPVE::Storage', '-e', "print $plugin->api()")->{out};
    is("$said", $api =~ s{/.*}{}r, "API $api: claims the version of the host");
}
{
    local $ENV{PVE_STANDIN_API} = '17/8';
    my $ran = perl('-MPVE::Storage', '-e', "print $plugin->api()");
    is($ran->{out}, 15, 'a newer host: claims what was tested');
    like($ran->{err}, qr/older storage API/, 'a newer host says so, and takes it');
    local $ENV{PVE_STANDIN_API} = '30/2';
    $ran = perl('-MPVE::Storage', '-e', $types);
    is($ran->{out}, 'cifs,dir,rbd', 'a host that has given up the version: goes on without it');
    like($ran->{err}, qr/API version too old/, 'a host that has given up the version says so');
}
is(perl("-M$plugin", '-e', "print $plugin->api()")->{out}, 15, 'claims what was tested without a host');

# Nothing of ours but the plugin itself is needed to load it.
mkdir "$scratch/alone";
write_file("$scratch/alone/PVE/Storage/Custom/SMBGateway.pm",
    SMBGateway::Node::content_of("$custom/SMBGateway.pm"));
{
    local $ENV{PERL5LIB} = "$scratch/alone:$ffi/tests/pve/lib";
    local $ENV{PVE_STANDIN_CUSTOM} = "$scratch/alone/PVE/Storage/Custom";
    my $ran = SMBGateway::Node::run_program($^X, '-w', '-MPVE::Storage', '-e', $types);
    is_deeply([ @$ran{qw(status err out)} ], [ 0, q{}, $ours ], 'the one file is enough to load');
    my $asked = SMBGateway::Node::run_program($^X, '-w', '-MPVE::Storage', '-e',
        "print join ',', $plugin->status('media', { path => '/srv/smb/media' }, {})");
    is_deeply([ @$asked{qw(status err out)} ], [ 0, q{}, '0,0,0,0' ], 'and to say that nothing works');
}
{
    my $ran = perl('-MPVE::Storage', '-e',
        'print join ",", sort grep { m{SMBGateway|Platypus} } keys %INC');
    is($ran->{out}, 'PVE/Storage/Custom/SMBGateway.pm', 'nothing else of ours is loaded with it');
}

# Taint mode, as the daemons have it.
{
    local $ENV{PERL5LIB};
    delete $ENV{PERL5LIB};
    loads_quietly('taint mode', '-T', '-MPVE::Storage', '-e', $types);
}

# Beside others: a good one, one that is broken, and one that says that it is us.
my %other = (
    good => <<'PERL',
package PVE::Storage::Custom::Good;
use strict;
use warnings;
use base qw(PVE::Storage::Plugin);
sub api { return PVE::Storage::APIVER() }
sub type { return 'good' }
sub plugindata { return { content => [ { images => 1 }, { images => 1 } ] } }
sub properties { return { 'good-thing' => { type => 'string' } } }
sub options { return { 'good-thing' => { optional => 1 }, path => { optional => 1 } } }
1;
PERL
    broken => "package PVE::Storage::Custom::Broken;\ndie \"broken\\n\";\n",
    same   => <<'PERL',
package PVE::Storage::Custom::Same;
use base qw(PVE::Storage::Plugin);
sub api { return PVE::Storage::APIVER() }
sub type { return 'smbgateway' }
1;
PERL
);
my %said = (good => q{}, broken => qr/Error loading storage plugin .*Broken.*: broken/,
    same => qr/duplicate plugin registration/);
for my $name (sort keys %other) {
    my $dir  = "$scratch/$name";
    my $file = 'PVE/Storage/Custom/' . ucfirst($name) . '.pm';
    write_file("$dir/$file", $other{$name});
    local $ENV{PERL5LIB}            = "$dir:$ENV{PERL5LIB}";
    local $ENV{PVE_STANDIN_CUSTOM} = "$custom:$dir/PVE/Storage/Custom";
    my $ran = perl('-MPVE::Storage', '-e', $types);
    like($ran->{out}, qr/\bsmbgateway\b/, "beside a $name one: is there");
    is($ran->{status}, 0, "beside a $name one: all goes on");
    if (ref $said{$name}) {
        like($ran->{err}, $said{$name}, "beside a $name one: that one is named");
    } else {
        is($ran->{err}, q{}, "beside a $name one: without a word");
    }
}

# What it declares.
require PVE::Storage;
my $class      = PVE::Storage::Plugin->lookup('smbgateway');
my $properties = $class->properties();
my $options    = $class->options();
is($class, $plugin, 'the class');
is_deeply([ grep { !m/\Asmbgw-/ } keys %$properties ], [], 'all own properties have the prefix');
is_deeply([ grep { !$options->{$_} } keys %$properties ], [], 'all own properties are options');
is_deeply([ grep { !$_->{description} || !$_->{type} } values %$properties ], [],
    'all own properties are described');
# What the check of schemas knows (`pvesh verifyapi`), as far as options have it.
my %allowed = map { $_ => 1 } qw(default description enum format maxLength maximum minLength minimum optional
    pattern type typetext);
is_deeply([ grep { !$allowed{$_} } map { keys %$_ } values %$properties ], [], 'all own properties are of a known form');
my $create = PVE::Storage::Plugin->createSchema();
is_deeply([ grep { !$create->{$_}{optional} } keys %$create ] , [ grep { m/\A(?:storage|type)\z/ } keys %$create ],
    'nothing more is asked for of other types');
my $update = PVE::Storage::Plugin->updateSchema();
is_deeply([ grep { m/\Asmbgw-/ } keys %$update ], ['smbgw-quota'], 'only the quota can be given later');
my @changeable = grep { m/\Asmbgw-/ && !$options->{$_}{fixed} } keys %$options;
is_deeply(\@changeable, ['smbgw-quota'], 'only the quota of a share can be changed');
is_deeply($options->{path}, { fixed => 1 }, 'the path is fixed');
is_deeply($options->{username}, { fixed => 1, optional => 1 }, 'so is the account that may be made');
my $plugindata = $class->plugindata();
is(ref $plugindata->{content}[$_], 'HASH', "content $_ is a hash") for 0, 1;
is_deeply([ grep { !$plugindata->{content}[0]{$_} } keys %{ $plugindata->{content}[1] } ], [],
    'the content by default is possible');
is(ref $plugindata->{format}[0], 'HASH', 'formats are a hash');
ok($plugindata->{format}[0]{ $plugindata->{format}[1] }, 'the format by default is one of them');
is_deeply($plugindata->{'sensitive-properties'}, { password => 1 }, 'the password is sensitive');
for my $type (qw(images iso backup snippets rootdir vztmpl)) {
    ok($plugindata->{content}[0]{$type}, "content: $type");
}

# A host that has no directories for a content, as 8.2 for what is to be imported.
for my $case (['10/1', 0], ['11/2', 1]) {
    my ($api, $there) = @$case;
    local $ENV{PVE_STANDIN_API} = $api;
    my $ran = perl('-MPVE::Storage', '-e', "print exists $plugin->plugindata()->{content}[0]{import} ? 1 : 0;"
            . " eval { $plugin->get_import_metadata({}, 'import/a.ova', 'media') }; print \$@");
    like($ran->{out}, $there ? qr/\A1not supported by the stand-in$/ : qr/\A0this version of Proxmox VE imports nothing/,
        "API $api: import");
}

# A host that has given up an option takes the plugin without it.
{
    my $ran = perl('-e', <<'PERL');
use PVE::Storage::DirPlugin;
BEGIN {
    my $properties = \&PVE::Storage::DirPlugin::properties;
    my $options = \&PVE::Storage::DirPlugin::options;
    no warnings 'redefine';
    *PVE::Storage::DirPlugin::properties = sub { my $all = $properties->(@_); delete $all->{bwlimit}; $all };
    *PVE::Storage::DirPlugin::options = sub { my $all = $options->(@_); delete $all->{bwlimit}; $all };
}
require PVE::Storage;
my $options = PVE::Storage::Plugin->private()->{options}{smbgateway};
print join ',', map { $options->{$_} ? 1 : 0 } qw(bwlimit preallocation path);
PERL
    is_deeply([ @$ran{qw(status out)} ], [ 0, '0,1,1' ], 'an option that the host has given up is left out')
        or diag($ran->{err});
}

# A section that is wrong, or of an older plugin, neither stops nor spoils the others.
for my $section ("\tpath /srv/odd\n\tnodes a_b!\n\tsmbgw-quota 1G", "\tcontent none,iso\n\tpath /srv/odd\n\tsmbgw-quota 1G",
    "\tsharename x\n\tquota 10G\n\tmode lxc\n\tpath /srv/odd\n\tsmbgw-quota 1G", "\tpath relative\n\tsmbgw-quota 1G",
    "\tsmbgw-quota 1G\n\tsmbgw-guest perhaps\n\tsmbgw-comment F\xc3\xbcller", "\tsmbgw-quota 1G")
{
    my @warned;
    local $SIG{__WARN__} = sub { push @warned, @_ };
    my $text = "dir: one\n\tpath /srv/one\n\nsmbgateway: odd\n$section\n\ndir: two\n\tpath /srv/two\n\n";
    my ($what) = $section =~ m/\t(.*)/;
    my $cfg = eval { PVE::Storage::Plugin->parse_config('storage.cfg', $text) };
    ok($cfg, "$what: is read") or diag($@);
    is_deeply([ sort keys %{ $cfg->{ids} } ], [qw(local odd one two)], "$what: all are there");
    like($cfg->{ids}{odd}{path}, qr{\A/srv/(?:smb/)?odd\z}, "$what: with a path");
    is($cfg->{ids}{odd}{'smbgw-quota'}, '1G', "$what: and what was right");
    my $info = eval { PVE::Storage::storage_info($cfg) };
    is_deeply([ sort keys %{ $info // {} } ], [qw(local odd one two)], "$what: all have a status") or diag($@);
    is($info->{odd}{active}, 0, "$what: that one is inactive");
    my $written = eval { PVE::Storage::Plugin->write_config('storage.cfg', $cfg) };
    like($written, qr{^dir: two\n\tpath /srv/two$}m, "$what: the file can be written") or diag($@);
}

# The names of the older plugin.
for my $name (qw(_monitor_quota _join_ad_domain _setup_ctdb_cluster)) {
    can_ok($plugin, $name);
}

done_testing();
