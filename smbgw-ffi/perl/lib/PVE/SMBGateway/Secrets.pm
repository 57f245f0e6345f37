package PVE::SMBGateway::Secrets;

use strict;
use warnings;

use PVE::SMBGateway::Error;
use PVE::SMBGateway::Library;

sub new {
    my ($class, $secrets) = @_;
    if (ref $secrets ne 'HASH') {
        PVE::SMBGateway::Error->throw(
            kind    => 'invalid',
            code    => 'call.arguments',
            message => 'passwords are given as a hash of names and passwords',
        );
    }
    my $self = bless { address => PVE::SMBGateway::Library::secrets_new() }, $class;
    for my $name (sort keys %{$secrets}) {
        $self->_add($name, \$secrets->{$name});
    }
    return $self;
}

sub address { my ($self) = @_; return $self->{address} }

sub _add {
    my ($self, $name, $secret) = @_;
    my $octets_of_name = $name;
    utf8::encode($octets_of_name);
    if ($octets_of_name =~ m/\0/) {
        _refuse('the name of a password has a NUL in it');
    }
    my $given = ref ${$secret} ? ${$secret} : $secret;
    my $number;
    if (ref $given eq 'SCALAR' && defined ${$given}) {
        my $octets = ${$given};
        if (ref ${$secret}) {
            # A reference is to octets; characters beyond them are no octets.
            if (!utf8::downgrade($octets, 1)) {
                _wipe(\$octets);
                _refuse("the password of `$name` is not made of octets");
            }
        }
        else {
            utf8::encode($octets);
        }
        $number = PVE::SMBGateway::Library::secrets_add($self->{address}, $octets_of_name, \$octets);
        _wipe(\$octets);
    }
    elsif (defined(my $descriptor = _descriptor($given))) {
        $number = PVE::SMBGateway::Library::secrets_add_fd($self->{address}, $octets_of_name, $descriptor);
    }
    else {
        _refuse("the password of `$name` is neither a text nor a reference to one nor an open file");
    }
    if ($number) {
        die PVE::SMBGateway::Library::error_of($number, hint => "this is about the password of `$name`");
    }
    return;
}

sub _descriptor {
    my ($file) = @_;
    return if ref $file ne 'GLOB' && !eval { $file->isa('IO::Handle') };
    return fileno $file;
}

# Overwrites the octets where they are: the same length, so they do not move.
sub _wipe {
    my ($octets) = @_;
    my $length = length ${$octets};
    substr ${$octets}, 0, $length, "\0" x $length;
    return;
}

sub _refuse {
    my ($message) = @_;
    return PVE::SMBGateway::Error->throw(
        kind    => 'invalid',
        code    => 'call.arguments',
        message => $message,
    );
}

sub DESTROY {
    my ($self) = @_;
    my $address = delete $self->{address};
    PVE::SMBGateway::Library::secrets_free($address) if defined $address;
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::Secrets - passwords in the library's hands

=head1 DESCRIPTION

Passwords never are in a request. They go to the library by themselves, which wipes its copy as soon as
the call is over. The copy that is made here to encode a password is overwritten too; copies that Perl made
before, in the program's own variables, are the program's. A password that Perl has never seen is given as an
open file.

=head1 METHODS

=head2 new

Takes a reference to a hash of names and passwords. A password is a text; or a reference to a string of
octets, which are passed on as they are; or an open file, from which the library reads to the end, leaving out
one line break there. Dies with a L<PVE::SMBGateway::Error> where it is something else.

=head2 address

Where the library has the set.

=head2 DESTROY

Wipes and frees the set.

=head1 LICENSE

AGPL-3.0-or-later

=cut
