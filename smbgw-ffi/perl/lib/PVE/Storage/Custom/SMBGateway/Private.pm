package PVE::Storage::Custom::SMBGateway::Private;

use strict;
use warnings;

use Errno qw(EEXIST ENOENT);
use JSON ();

use PVE::Tools ();

# In the cluster's file system, where files below `priv` are for root alone.
my $DIR = '/etc/pve/priv/storage';

sub password_file { my ($storeid) = @_; return _file($storeid, 'pw') }

sub origin_file { my ($storeid) = @_; return _file($storeid, 'smbgw') }

sub keep_password {
    my ($storeid, $password) = @_;
    utf8::encode($password);
    return _write(password_file($storeid), "password=$password\n");
}

sub forget_password {
    my ($storeid) = @_;
    return _remove(password_file($storeid));
}

sub keep_origin {
    my ($storeid, $origin) = @_;
    my $text = JSON->new->canonical->utf8->encode({ version => 1, %$origin });
    return _write(origin_file($storeid), "$text\n");
}

sub origin {
    my ($storeid) = @_;
    my $file = origin_file($storeid);
    return if !-e $file;
    my $origin = eval { JSON->new->utf8->decode(PVE::Tools::file_get_contents($file)) };
    if (ref $origin ne 'HASH' || ($origin->{version} // 0) != 1) {
        die "'$file' cannot be read; if it is damaged, remove it, and the share stays when the storage "
            . "is removed\n";
    }
    return $origin;
}

sub forget_origin {
    my ($storeid) = @_;
    return _remove(origin_file($storeid));
}

sub _file {
    my ($storeid, $suffix) = @_;
    # The host has checked it; this is for the taint mode, and against a path in disguise.
    my ($name) = $storeid =~ m/\A([[:alpha:]][\w.-]*)\z/
        or die "'$storeid' is not the name of a storage\n";
    return "$DIR/$name.$suffix";
}

sub _write {
    my ($file, $text) = @_;
    for my $dir ($DIR =~ s{/[^/]+\z}{}r, $DIR) {
        mkdir $dir, oct '700' or $! == EEXIST or die "'$dir' cannot be made: $!\n";
    }
    PVE::Tools::file_set_contents($file, $text, oct '600');
    return;
}

sub _remove {
    my ($file) = @_;
    unlink $file or $! == ENOENT or die "'$file' cannot be removed: $!\n";
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::Storage::Custom::SMBGateway::Private - what is kept of a storage beside storage.cfg

=head1 DESCRIPTION

Two files in F</etc/pve/priv/storage>, which only root can read: F<ID.pw> has the password that was given,
F<ID.smbgw> where the share of the storage comes from.

=head1 FUNCTIONS

=head2 password_file

The path of the file with the password.

=head2 origin_file

The path of the file with the origin.

=head2 keep_password

Writes the password.

=head2 forget_password

Removes it.

=head2 origin

Reads the origin; nothing where none is kept. Dies where it cannot be read.

=head2 forget_origin

Removes it.

=head2 keep_origin

Writes the origin: a hash with C<node>, C<share>, C<path>; C<made>, whether adding the
storage makes it; C<since>, when that began; C<created_at>, the time in the record of the share, once it is
made; C<directory>, whether its directory was missing before.

=head1 LICENSE

AGPL-3.0-or-later

=cut
