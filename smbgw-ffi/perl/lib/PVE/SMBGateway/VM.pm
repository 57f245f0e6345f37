package PVE::SMBGateway::VM;

use strict;
use warnings;

use PVE::SMBGateway;

sub check   { my (@given) = @_; return PVE::SMBGateway::Method::call('vm.check',   @given) }
sub create  { my (@given) = @_; return PVE::SMBGateway::Method::call('vm.create',  @given) }
sub list    { my (@given) = @_; return PVE::SMBGateway::Method::call('vm.list',    @given) }
sub recover { my (@given) = @_; return PVE::SMBGateway::Method::call('vm.recover', @given) }
sub remove  { my (@given) = @_; return PVE::SMBGateway::Method::call('vm.remove',  @given) }
sub resize  { my (@given) = @_; return PVE::SMBGateway::Method::call('vm.resize',  @given) }
sub restart { my (@given) = @_; return PVE::SMBGateway::Method::call('vm.restart', @given) }
sub start   { my (@given) = @_; return PVE::SMBGateway::Method::call('vm.start',   @given) }
sub status  { my (@given) = @_; return PVE::SMBGateway::Method::call('vm.status',  @given) }
sub stop    { my (@given) = @_; return PVE::SMBGateway::Method::call('vm.stop',    @given) }

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::VM - shares in virtual machines of their own

=head1 SYNOPSIS

    use PVE::SMBGateway::VM;

    PVE::SMBGateway::VM->create(
        name      => 'vault',
        quota     => '10G',
        users     => ['alice'],
        template  => 'bookworm',
        address   => '192.0.2.10/24,gw=192.0.2.1',
        passwords => { alice => $password },
        timeout   => 1800,
    );
    my $report = PVE::SMBGateway::VM->status(name => 'vault');

=head1 DESCRIPTION

Each share has a virtual machine of this node of Proxmox VE, which is called as the share is. Arguments, errors and
the rest are described in L<PVE::SMBGateway>. All methods are called as class methods. Of an image at C<root>, only
C<list> tells.

=head1 METHODS

=head2 check

Checks whether a share could be made, with the arguments of C<create>, and says what was chosen for it. Nothing is
changed.

=head2 create

Makes the share C<name> with a C<quota> (such as C<10G>) and a C<comment> in a virtual machine, and waits until it
answers. Its C<users> get the passwords of their names. C<template> is one of the store by its name or one of the
node by its number. C<vmid>, C<memory_mib>, C<balloon_mib>, C<cores>, C<linked>, C<storage>, C<bridge>, C<vlan>,
C<address>, C<name_servers>, C<starts_with_node> and C<highly_available> are about the machine; C<data_storage> and
C<filesystem> (C<xfs> or C<ext4>) about its disk for data; C<snippets> is the storage with the documents for its
cloud-init, C<ssh_keys> are lines of public keys of its administrators. What is left out is chosen on the node.

=head2 list

All C<guests> that were made here, as they are remembered.

=head2 recover

Undoes what was interrupted of the making of virtual machines, finishes the removal of others, and returns a list of
what was settled.

=head2 remove

Takes the virtual machine C<name> away with its share and ALL ITS DATA.

=head2 resize

Gives the share C<name> another C<quota>. With C<force>, that may be less than the share holds.

=head2 restart

Shuts the virtual machine C<name> down and starts it; with C<forced>, it is switched off where it does not shut down.

=head2 start

Starts the virtual machine C<name>.

=head2 status

How the virtual machine C<name> stands: C<record>, C<state>, C<agent_answers>, C<address>, C<smb_answers>, C<share>
and C<findings>, everything that is not as it should be, with codes, causes and remedies.

=head2 stop

Shuts the virtual machine C<name> down; with C<forced>, it is switched off where it does not.

=head1 SEE ALSO

F<docs/virtual-machines.md> has each code with its cause and what to do.

=head1 LICENSE

AGPL-3.0-or-later

=cut
