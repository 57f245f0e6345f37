package PVE::Storage::CIFSPlugin;

# Stand-in, for tests: the properties that this type has given to all.

use strict;
use warnings;

use PVE::Storage::Plugin;

use base qw(PVE::Storage::Plugin);

sub type { return 'cifs' }

sub plugindata {
    return {
        content => [ { map { $_ => 1 } qw(images rootdir vztmpl iso backup snippets) },
            { images => 1 } ],
        format => [ { raw => 1, qcow2 => 1, vmdk => 1 }, 'raw' ],
        'sensitive-properties' => { password => 1 },
    };
}

sub properties {
    return {
        server => { type => 'string' },
        share => { type => 'string' },
        password => { type => 'string', maxLength => 256 },
        domain => { type => 'string', maxLength => 256 },
        smbversion => { type => 'string' },
    };
}

sub options {
    return {
        path => { fixed => 1 },
        server => { fixed => 1 },
        share => { fixed => 1 },
        map { $_ => { optional => 1 } }
            qw(subdir nodes disable content format username password domain smbversion options),
    };
}

1;
