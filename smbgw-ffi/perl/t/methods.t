#!/usr/bin/perl

# The functions here are the methods of the library, no more and no fewer, and take what those take.

use strict;
use warnings;

use FindBin;
use JSON;
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use PVE::SMBGateway::AD;
use PVE::SMBGateway::Alert;
use PVE::SMBGateway::HA;
use PVE::SMBGateway::Monitor;
use PVE::SMBGateway::Quota;
use PVE::SMBGateway::Template;
use PVE::SMBGateway::VM;
use SMBGateway::Place qw(died tree);

my $methods = PVE::SMBGateway->library_methods->{methods};
my @there = sort map { $_->{name} } @{$methods};
cmp_ok(scalar @there, '>', 5, 'the library has methods');
is_deeply([ PVE::SMBGateway::Method::names() ], \@there, 'each method of the library is here, and no other');

# share.create is PVE::SMBGateway->share_create, and quota.user.set is PVE::SMBGateway::Quota->user_set.
my %is_a_method;
for my $method (@there) {
    my ($family, $rest) = split /[.]/, $method, 2;
    my $name = $rest =~ tr/.-/__/r;
    my ($class, $function) = $family =~ m/\A(?:share|library)\z/
        ? ('PVE::SMBGateway', "${family}_$name")
        : ('PVE::SMBGateway::' . ($family =~ m/\A(?:ad|ha|vm)\z/ ? uc $family : ucfirst $family), $name);
    can_ok($class, $function);
    $is_a_method{"${class}::$function"} = 1;

    # With an argument that no method has, it comes to the method and no further.
    my $error = died(sub { $class->$function(root => tree(), nosuchargument => 1) });
    isa_ok($error, 'PVE::SMBGateway::Error', "$method with an argument that it does not have: the error");
    is(ref $error && $error->method, $method, "$class->$function calls $method");
    is(ref $error && $error->kind, 'invalid', "$method refuses it");
}

for my $class (qw(AD Alert HA Monitor Quota Template VM)) {
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    my @functions = grep { defined &{"PVE::SMBGateway::${class}::$_"} && !m/\A_/ }
        keys %{"PVE::SMBGateway::${class}::"};
    is_deeply([ grep { !$is_a_method{"PVE::SMBGateway::${class}::$_"} } @functions ],
        [], "$class has nothing but methods");
}

my $schemas = "$FindBin::Bin/../../schema";
for my $method (@there) {
    open my $file, '<', "$schemas/$method.request.json" or do {
        fail("$method has no schema: $!");
        next;
    };
    my $schema = decode_json(do { local $/ = undef; <$file> });
    close $file;
    my %shapes = map { $_ => shape($schema->{properties}{$_}, $schema) } keys %{ $schema->{properties} };
    is(delete $shapes{root}, 'text', "$method has a root");
    is_deeply(PVE::SMBGateway::Method::takes($method), \%shapes, "what $method takes");
}

# What shape of Perl value a property is.
sub shape {
    my ($property, $schema) = @_;
    if (my $reference = $property->{'$ref'}) {
        my ($name) = $reference =~ m{\A\#/\$defs/(.+)\z};
        return shape($schema->{'$defs'}{$name}, $schema);
    }
    if (my $any = $property->{anyOf} // $property->{oneOf}) {
        my %shapes = map { $_ => 1 } grep { $_ ne 'null' } map { shape($_, $schema) } @{$any};
        # Where a number may be a text too, it is given as one.
        return $shapes{text} ? 'text' : join '|', sort keys %shapes;
    }
    return 'text' if exists $property->{enum} || exists $property->{const};
    my $type = $property->{type} // 'any';
    ($type) = grep { $_ ne 'null' } @{$type} if ref $type;
    return $type if $type eq 'null';
    if ($type eq 'array') {
        return shape($property->{items}, $schema) eq 'text' ? 'texts' : 'array';
    }
    return { string => 'text' }->{$type} // $type;
}

done_testing();
