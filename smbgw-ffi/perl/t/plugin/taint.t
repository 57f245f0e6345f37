#!/usr/bin/perl

# The life of a storage where all that comes from outside is tainted, as in pvedaemon.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use SMBGateway::Node qw(needs_host run_program there_is_nothing_of write_file);

needs_host();

my $ffi    = SMBGateway::Node::stand_in();
my $folder = tempdir(CLEANUP => 1);
symlink $ENV{SMBGW_LIBRARY}, "$folder/libsmbgw.so.0" or die "$!\n";
write_file("$folder/life.pl", <<'PERL');
use strict;
use warnings;
use PVE::API2::Storage::Config;
use Scalar::Util qw(tainted);

my $tainted = substr $ENV{LD_LIBRARY_PATH}, 0, 0;
die "no taint checks\n" if !${^TAINT} || !tainted($tainted);
$ENV{PATH} = '/usr/sbin:/usr/bin:/sbin:/bin';
delete @ENV{qw(IFS CDPATH ENV BASH_ENV)};
my %all = (
    type => 'smbgateway', storage => 'tainted', content => 'iso,images', 'smbgw-quota' => '32M',
    username => 'dora', password => 'Tr0ub4dor&3',
);
$_ .= $tainted for values %all;
PVE::API2::Storage::Config->create({%all});
my $cfg = PVE::Storage::config();
$cfg->{ids}{tainted}{path} .= $tainted;
print PVE::Storage::storage_info($cfg)->{tainted}{total}, "\n";
PVE::API2::Storage::Config->update({ storage => "tainted$tainted", 'smbgw-quota' => "64M$tainted" });
print PVE::Storage::storage_info(PVE::Storage::config())->{tainted}{total}, "\n";
print -d '/srv/smb/tainted/template/iso' ? "directories\n" : "no directories\n";
PVE::API2::Storage::Config->remove({ storage => "tainted$tainted" });
PERL

local $ENV{LD_LIBRARY_PATH} = $folder;
my @lib = map {"-I$ffi/$_"} 'perl/lib', 'tests/pve/lib';
my $ran = run_program($^X, '-T', '-w', @lib, "$folder/life.pl");
is($ran->{err}, q{}, 'without a word');
is($ran->{out}, join("\n", 32 << 20, 64 << 20, 'directories', q{}), 'all of it');
is($ran->{status}, 0, 'to the end');
there_is_nothing_of('tainted', 'removed');

done_testing();
