#!/usr/bin/perl

# Texts of all kinds, and what is none.

use strict;
use warnings;
use utf8;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use SMBGateway::Place qw(died tree);

binmode $_, ':encoding(UTF-8)' for *STDOUT, *STDERR, map { Test::More->builder->$_ } qw(output failure_output todo_output);

my $tree = tree();

sub not_found {
    my ($name, $what) = @_;
    my $error = died(sub { PVE::SMBGateway->share_status(name => $name, root => $tree) });
    is(ref $error && $error->code, 'share.not-found', "$what: the code");
    is(ref $error && $error->message, "there is no share `$name`", "$what: the same text comes back");
    return;
}

not_found('Bücher',         'letters of Latin 1');
not_found('Книги',          'letters beyond');
not_found('漫画 📚',        'characters beyond the first plane');
not_found("cafe\x{301}",    'a combining character');
{
    # The same text, as Perl keeps it in two ways.
    my ($octets, $characters) = ("B\xfccher") x 2;
    utf8::downgrade($octets);
    utf8::upgrade($characters);
    not_found($octets,     'a text of octets');
    not_found($characters, 'a text of characters');
}

# A root of that kind is a directory of that name.
my $directory = "$tree/Größe";
utf8::encode(my $octets_of_directory = $directory);
mkdir $octets_of_directory or die "mkdir: $!\n";
is_deeply(PVE::SMBGateway->share_list(root => $directory), [], 'a root of that kind');

# What is no name, and no text.
srand 5;
my $asked = 0;
my @strange;
for my $maximum (0x7f, 0xff, 0xffff, 0x10ffff, 0x7fff_ffff) {
    for (1 .. 300) {
        no warnings qw(non_unicode portable surrogate);
        my $name = join q{}, map { chr int rand $maximum + 1 } 1 .. 1 + int rand 40;
        for my $error (died(sub { PVE::SMBGateway->share_status(name => $name, root => $tree) }),
            died(sub { PVE::SMBGateway->call($name, { root => $tree }) }),
            died(sub { PVE::SMBGateway->call('share.status', { $name => $name, root => $tree }) }))
        {
            $asked++;
            push @strange, $error
                if ref $error ne 'PVE::SMBGateway::Error' || $error->code !~ m{\A[a-z0-9.-]+\z} || "$error" !~ m/\n\z/;
        }
    }
}
is($asked, 4500, 'garbage is asked for');
is_deeply(\@strange, [], 'each answer is an error with a code');

# What a name becomes that is no UTF-8 when it has been read from a file without decoding it.
not_found("B\xc3\xbccher", 'octets that nobody decoded');

my $deep = {};
my $inner = $deep;
$inner = $inner->{root} = {} for 1 .. 400;
is(died(sub { PVE::SMBGateway->call('share.list', $deep) })->code, 'call.not-a-request', 'a deep request');
$inner = $inner->{root} = {} for 1 .. 4000;
is(died(sub { PVE::SMBGateway->call('share.list', $deep) })->code, 'call.not-a-request', 'a deeper one');
my $circle = {};
$circle->{root} = $circle;
is(died(sub { PVE::SMBGateway->call('share.list', $circle) })->code, 'call.not-a-request', 'a circle');
delete $circle->{root};

done_testing();
