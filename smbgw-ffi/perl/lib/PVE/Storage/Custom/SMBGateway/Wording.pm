package PVE::Storage::Custom::SMBGateway::Wording;

use strict;
use warnings;

use Scalar::Util qw(blessed);

# What the name of a field of a request is called among the options of a storage.
my %OPTION = (
    'comment'      => 'smbgw-comment',
    'create-user'  => 'username',
    'encrypt'      => 'smbgw-encrypt',
    'group'        => 'smbgw-groups',
    'guest'        => 'smbgw-guest',
    'min-protocol' => 'smbgw-min-protocol',
    'name'         => 'smbgw-share',
    'path'         => 'path',
    'quota'        => 'smbgw-quota',
    'user'         => 'smbgw-users',
);

sub of {
    my ($error) = @_;
    my $text = $error;
    if (blessed $error && $error->can('problems')) {
        my @problems = @{ $error->problems };
        $text = @problems ? join "\n", map { _problem($_) } @problems : "$error";
    }
    $text =~ s/\s+\z//;
    return $text;
}

sub is_of_library {
    my ($error) = @_;
    return 1 if !blessed $error || !$error->can('code');
    return $error->code =~ m/\Alibrary[.]/;
}

sub _problem {
    my ($problem) = @_;
    my $field = $OPTION{ $problem->{field} // q{} } // $problem->{field};
    my $text  = defined $field ? "$field: $problem->{message}" : $problem->{message};
    my $remedy = $problem->{remedy} // return $text;
    # An account is made with its password alone.
    $remedy =~ s/--create-user(?![\w-])/--username with --password/g;
    for my $option (keys %OPTION) {
        $remedy =~ s/--\Q$option\E(?![\w-])/--$OPTION{$option}/g;
    }
    return "$text ($remedy)";
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::Storage::Custom::SMBGateway::Wording - errors of the library, for people who know options of storages

=head1 FUNCTIONS

=head2 of

The text of an error, without a newline at its end. Options are called as those of a storage.

=head2 is_of_library

Whether it says that the library cannot be used at all: it is missing, or too old.

=head1 LICENSE

AGPL-3.0-or-later

=cut
