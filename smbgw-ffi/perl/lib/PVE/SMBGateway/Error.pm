package PVE::SMBGateway::Error;

use strict;
use warnings;

use overload
    '""'     => sub { my ($self) = @_; return $self->text },
    'bool'   => sub { return 1 },
    'fallback' => 1;

# What the number of each kind is; the same as in smbgw.h.
my %NUMBER = (
    'failed'          => 1,
    'invalid'         => 2,
    'not-found'       => 3,
    'conflict'        => 4,
    'unsupported'     => 5,
    'rolled-back'     => 6,
    'needs-attention' => 7,
    'null-argument'   => 64,
    'not-utf8'        => 65,
    'too-large'       => 66,
    'internal'        => 67,
);

sub new {
    my ($class, %fields) = @_;
    my $self = {
        kind    => $fields{kind}    // 'failed',
        code    => $fields{code}    // 'call.failed',
        message => $fields{message} // 'the call failed',
        hint    => $fields{hint},
        method  => $fields{method},
        reply   => $fields{reply} // {},
    };
    $self->{number} = $fields{number} // $NUMBER{ $self->{kind} } // $NUMBER{failed};
    return bless $self, $class;
}

sub from_reply {
    my ($class, $method, $number, $reply) = @_;
    return $class->new(
        kind    => $reply->{error},
        number  => $number,
        code    => $reply->{code},
        message => $reply->{message},
        hint    => $reply->{remedy},
        method  => $method,
        reply   => $reply,
    );
}

sub throw {
    my ($class, %fields) = @_;
    die $class->new(%fields);
}

sub code    { my ($self) = @_; return $self->{code} }
sub message { my ($self) = @_; return $self->{message} }
sub hint    { my ($self) = @_; return $self->{hint} }
sub kind    { my ($self) = @_; return $self->{kind} }
sub number  { my ($self) = @_; return $self->{number} }
sub method  { my ($self) = @_; return $self->{method} }
sub reply   { my ($self) = @_; return $self->{reply} }

sub checks      { my ($self) = @_; return $self->{reply}{checks}      // [] }
sub problems    { my ($self) = @_; return $self->{reply}{problems}    // [] }
sub left_behind { my ($self) = @_; return $self->{reply}{left_behind} // [] }

sub text {
    my ($self) = @_;
    my @parts = $self->{message};
    push @parts, $self->{hint} if defined $self->{hint};
    for my $left (@{ $self->left_behind }) {
        my @commands = map {"`$_`"} @{ $left->{commands} // [] };
        my $how = @commands ? ', which ' . join(' and ', @commands) . ' cleans up' : q{};
        push @parts, "left behind: $left->{what}$how";
    }
    return join('; ', @parts) . "\n";
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::Error - what PVE::SMBGateway dies with

=head1 SYNOPSIS

    eval { PVE::SMBGateway->share_delete(name => 'media'); 1 } or do {
        my $error = $@;
        die $error if !ref($error) || $error->code ne 'share.not-found';
    };

=head1 DESCRIPTION

Whatever fails in PVE::SMBGateway dies with an object of this class. As text it ends
with a newline, for C<warn>, C<die> and logs. As a condition it is always true.

=head1 METHODS

=head2 code

The stable, dotted code of what happened, such as C<share.not-found>. Programs decide by it.

=head2 message

What happened and to what, as a lower-case sentence without its full stop.

=head2 hint

What to do about it, or undef where that is not known.

=head2 kind

The kind of failure: C<invalid>, C<not-found>, C<conflict>, C<unsupported> (the machine is not ready),
C<rolled-back> (it failed, and the machine is as before), C<needs-attention> (it failed, and something
is left), C<failed>, or one of those of F<smbgw.h> that say that the call itself was not possible.
After C<invalid>, C<not-found>, C<conflict> and C<unsupported> nothing was touched.

=head2 number

The number of the kind, as F<smbgw.h> has it. It is also the exit status of the program
C<pve-smbgateway>.

=head2 problems

A reference to the list of all that is wrong with the request. Each is a hash with C<field>, C<code>,
C<kind>, C<message> and perhaps C<remedy>. Empty where there is no such list.

=head2 checks

A reference to the list of what was looked at on the machine before, and found wrong or right. Empty where there
is no such list.

=head2 left_behind

A reference to the list of what a failed operation left. Each is a hash with C<what> and C<commands>, the
commands that clean it up. Empty where nothing is left.

=head2 method

The method that was called, such as C<share.create>; undef where it did not come to a call.

=head2 reply

The whole reply of the library as a hash, which is empty where there is none.

=head2 text

The error as text: message, hint and what is left behind, with a newline at its end.

=head2 new

Makes an error of C<kind>, C<code>, C<message>, C<hint>, C<method>, C<reply> and C<number>.

=head2 from_reply

Makes an error of a method's name, the number that the library returned, and its reply.

=head2 throw

Dies with an error made of what C<new> takes.

=head1 LICENSE

AGPL-3.0-or-later

=cut
