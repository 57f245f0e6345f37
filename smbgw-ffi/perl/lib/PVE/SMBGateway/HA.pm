package PVE::SMBGateway::HA;

use strict;
use warnings;

use PVE::SMBGateway;

sub adopt       { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.adopt',       @given) }
sub adopt_check { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.adopt.check', @given) }
sub check       { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.check',       @given) }
sub drain       { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.drain',       @given) }
sub events      { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.events',      @given) }
sub move        { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.move',        @given) }
sub node_add    { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.node.add',    @given) }
sub node_remove { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.node.remove', @given) }
sub plan        { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.plan',        @given) }
sub probe       { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.probe',       @given) }
sub recover     { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.recover',     @given) }
sub release     { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.release',     @given) }
sub reserve     { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.reserve',     @given) }
sub resume      { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.resume',      @given) }
sub setup       { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.setup',       @given) }
sub status      { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.status',      @given) }
sub teardown    { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.teardown',    @given) }
sub test        { my (@given) = @_; return PVE::SMBGateway::Method::call('ha.test',        @given) }

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::HA - the cluster that this machine is a node of

=head1 SYNOPSIS

    use PVE::SMBGateway::HA;

    my $cluster = PVE::SMBGateway::HA->status(timeout => 30);
    print "$_->{code}: $_->{message}\n" for @{ $cluster->{findings} };

    PVE::SMBGateway::HA->setup(
        nodes     => [ 'pve1=10.0.0.11', 'pve2=10.0.0.12' ],
        shared    => '/mnt/pve/cephfs/smb',
        addresses => ['10.0.0.100/24%vmbr0'],
        timeout   => 600,
    );

=head1 DESCRIPTION

Several machines serve the same shares with CTDB. Arguments, errors and the rest are described in
L<PVE::SMBGateway>. All methods are called as class methods. They work on this machine and, by ssh or whatever way the
record of the cluster has, on its other nodes.

=head1 METHODS

=head2 adopt

Takes over a cluster of C<nodes> that somebody else set up, and remembers it on all of them. C<reach>, C<name>, C<shared>,
C<pools> and C<dhcp_ranges> are as for C<setup>; C<name> and C<shared> are what its nodes say if they are not given. The
files of ctdb and Samba stay as they are.

=head2 adopt_check

What adopting a cluster would write, with the arguments of C<adopt>: C<record>, C<changes> of files, C<differences> between
nodes and C<problems>. Nothing is changed.

=head2 check

Checks whether machines can become a cluster, with the arguments of C<setup>, and says what that would be like:
C<request>, C<machines> and C<worst_cases>. Nothing is changed.

=head2 drain

Has C<node>, by its name or number, give its addresses away, and waits up to C<patience_seconds> until nobody is connected
to it: C<moved>, C<clients>, C<is_empty>. It takes no address before C<resume>.

=head2 events

What happened in the cluster: C<events> in the order of time, C<unread> logs and C<damaged_lines>. C<since> and
C<until> are moments, C<node>, C<address> and C<what> (a list of kinds, such as C<node-state>) choose some of them,
and C<last> so many of the last ones. With C<here>, only the log of this machine is read.

=head2 move

Moves C<address> to C<node>, and says whether it stays there: C<stay>.

=head2 node_add

Takes the machine C<node> into the cluster, such as C<pve4=10.0.0.14>, while clients are connected to the others;
C<reach> is the way to it, such as C<ct:104>. Everything is checked before anything is touched.

=head2 node_remove

Takes C<node> out of the cluster, and makes it the machine that it was. The numbers of the other nodes stay. One that is
lost for good may be one that is not reached.

=head2 plan

Where every address of the cluster goes when the nodes C<without> leave it and the nodes C<with> are healthy, by names
or numbers: C<addresses>, each with C<from> and C<to>, the load of C<nodes>, and those C<nowhere>. Nothing is changed.

=head2 probe

Asks on the network whether somebody has C<addresses>, such as C<10.0.0.100/24%eth0>. C<probes> has one entry for
each, with C<verdict>: C<is> is C<free>, C<held> or C<unknown>. C<pace> is C<thorough> or C<quick>.

=head2 recover

Finishes or undoes a change to a cluster that was interrupted, on the machine on which it was begun, and returns a list
of what was settled. Nodes C<without> are lost for good, and nobody waits for them.

=head2 release

Keeps an address for C<holder> no longer, and takes it away from the cluster where L</reserve> has brought it there;
not with a true C<keep_serving>.

=head2 reserve

Keeps an address for C<holder>, such as C<share media>: C<address>, or a free one of it where it is a pool such as
C<10.0.0.100-10.0.0.120/24>. With C<auto>, or without one, it is a free one from the pools of the cluster. The cluster
serves under it from then on, on the nodes C<on> or on all; with a true C<keep_only> it is only kept.

=head2 resume

Has C<node> take addresses again.

=head2 setup

Makes a cluster of C<nodes>, such as C<n1=10.0.0.11>, that share the folder C<shared>, and waits until it serves.
C<reach> has the ways to nodes, such as C<n2=ssh:root@n2>. C<name> is what clients know it as, C<addresses> move between
the nodes (each C<auto> among them is a free one of C<pools>), C<pools> are where further ones may come from later, and
C<dhcp_ranges> what a DHCP server gives away. C<lock> keeps two parts of the cluster apart. C<failover_within> (such as C<10s>), C<tunables>, C<leader_timeout_seconds> and
C<script_options> are ctdb's settings. With C<no_samba>, ctdb does not start smbd, and with C<winbind>, it starts winbindd,
too. C<keep_databases> has those used again that a former cluster has left. What fails on one node is taken back on all.

=head2 status

How the cluster stands: C<nodes>, C<leader>, C<addresses> and where they are, and C<findings>, everything that is not
as it should be, with codes, causes and remedies. Of the share C<share> it also says on which nodes that is. With
C<here>, only the ctdbd of this machine is asked.

=head2 teardown

Takes the cluster apart: its nodes become the machines that they were, and data in the shared folder stays. With a true
C<keep_databases>, which has to be given, users and the shares in the registry stay in F</var/lib/ctdb>; otherwise they
are removed for good.

=head2 test

Breaks C<nodes>, one a round, while clients log in as C<user> (with C<password>) to C<share> by C<address>, measures what
they see of it, and repairs the nodes. C<scenario> is C<disable>, C<kill>, C<hang>, C<cut> or C<poweroff-sim>;
C<count>, C<clients> and C<warm_up_seconds> are numbers. Refused where clients use the address, unless C<yes> is true.
Answers with C<rounds>, C<bytes_lost>, C<operations_failed>, C<ended_at> and more.

=head1 SEE ALSO

F<docs/high-availability.md> has each code with its cause and what to do.

=head1 LICENSE

AGPL-3.0-or-later

=cut
