package PVE::Storage::RBDPlugin;

# Stand-in, for tests: the properties that this type has given to all.

use strict;
use warnings;

use PVE::Storage::Plugin;

use base qw(PVE::Storage::Plugin);

sub type { return 'rbd' }

sub plugindata {
    return { content => [ { images => 1, rootdir => 1 }, { images => 1 } ] };
}

sub properties {
    return {
        monhost => { type => 'string' },
        pool => { type => 'string' },
        username => { type => 'string' },
        krbd => { type => 'boolean' },
        keyring => { type => 'string' },
    };
}

sub options {
    return { map { $_ => { optional => 1 } } qw(nodes disable content monhost pool username) };
}

sub status { return (0, 0, 0, 0) }

sub activate_storage { return }

1;
