package PVE::Storage::Custom::SMBGateway::Look;

use strict;
use warnings;

# A disk that does not answer must not hold up the other storages for longer, in seconds.
my $PATIENCE = 5;

# Where it is in the cache of the host, which lives for one pass over all storages.
my $KEY = 'smbgateway';

sub shares {
    my ($cache) = @_;
    $cache //= {};
    return $cache->{$KEY} //= _ask();
}

sub share_of {
    my ($storeid, $scfg) = @_;
    return $scfg->{'smbgw-share'} // $storeid;
}

sub find {
    my ($storeid, $scfg, $cache) = @_;
    my $seen = shares($cache);
    return if defined $seen->{error};
    return $seen->{shares}->{ lc share_of($storeid, $scfg) };
}

sub numbers {
    my ($scfg, $storeid, $cache) = @_;
    my $share = find($storeid, $scfg, $cache) or return;
    my $usage = $share->{usage} or return;
    return if $share->{path} ne ($scfg->{path} // q{}) || !-d $share->{path};
    my ($used, $available) = @$usage{qw(bytes available)};
    # Without a limit in force (which the monitor tells), there is what the file system has.
    my $total = $usage->{limits}->{bytes} // $used + $available;
    return ($total, $available, $used);
}

sub ready {
    my ($storeid, $scfg, $cache) = @_;
    my $path = $scfg->{path} // q{};
    my $seen = shares($cache);
    if (defined $seen->{error}) {
        # Guests have to start without the library, too. A file system that is not mounted shows
        # an empty directory; where there is something, this is what was there before.
        return 0 if _holds_something($path);
        _die($storeid, "the share cannot be looked at: $seen->{error}");
    }
    my $name = share_of($storeid, $scfg);
    my $share = find($storeid, $scfg, $cache);
    if (!$share) {
        require PVE::INotify;
        my $node = PVE::INotify::nodename();
        _die($storeid, "there is no share '$name' on node '$node'; `pvesm set $storeid --nodes NODE`"
                . ' names the node that has it, `pve-smbgateway list` shows the shares');
    }
    if ($share->{path} ne $path) {
        _die($storeid, "the share '$name' is at '$share->{path}', not at '$path'");
    }
    if (!$share->{usage}) {
        my $why = $share->{problem} // {};
        _die($storeid, join '; ', grep { defined } $why->{message} // 'its usage cannot be read',
            $why->{remedy});
    }
    _die($storeid, "'$path' is a symbolic link") if -l $path;
    _die($storeid, "the directory '$path' is missing") if !-d $path;
    return 1;
}

sub _ask {
    my %shares;
    my $done = eval {
        local $SIG{__DIE__} = 'DEFAULT';
        require PVE::SMBGateway;
        my @how = (timeout => $PATIENCE);
        for my $record (@{ PVE::SMBGateway->call('share.list', {}, @how) }) {
            $shares{ lc $record->{spec}->{name} } = {
                name       => $record->{spec}->{name},
                path       => $record->{spec}->{path},
                created_at => $record->{created_at},
            };
        }
        for my $seen (%shares ? @{ PVE::SMBGateway->call('quota.status', {}, @how) } : ()) {
            my $share = $shares{ lc $seen->{name} } or next;
            @$share{qw(usage problem)} = @$seen{qw(usage problem)};
        }
        1;
    };
    return { shares => \%shares } if $done;
    require PVE::Storage::Custom::SMBGateway::Wording;
    return { error => PVE::Storage::Custom::SMBGateway::Wording::of($@) };
}

sub _holds_something {
    my ($path) = @_;
    return if -l $path;
    opendir my $dir, $path or return;
    my @names = grep { $_ ne q{.} && $_ ne q{..} } readdir $dir;
    closedir $dir;
    return scalar @names;
}

sub _die {
    my ($storeid, $why) = @_;
    die "unable to activate storage '$storeid' - $why\n";
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::Storage::Custom::SMBGateway::Look - the shares of this node, as storages see them

=head1 DESCRIPTION

Looks at all shares at once, in two calls of the library, and keeps what it saw in the cache that Proxmox
VE has for one pass over all storages.

=head1 FUNCTIONS

=head2 shares

Takes the cache. Gives C<shares>, a hash of all shares by their names in lower case, or C<error>, why they
could not be looked at.

=head2 share_of

The name of the share that belongs to a storage.

=head2 find

The share of a storage, or nothing.

=head2 numbers

Total, available and used bytes; an empty list where the share is not to be used.

=head2 ready

Dies unless the share can be used. Gives 0 where only its directory could be looked at, because the library
cannot be used, and 1 otherwise.

=head1 LICENSE

AGPL-3.0-or-later

=cut
