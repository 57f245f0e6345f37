#!/usr/bin/perl

# What is said of the source itself: its documentation and its form.

use strict;
use warnings;

use File::Find qw(find);
use FindBin;
use Pod::Checker qw(podchecker);
use Test::More;

my $top = "$FindBin::Bin/..";
my (@modules, @programs);
find(
    sub {
        push @modules,  $File::Find::name if m/[.]pm\z/ && $File::Find::name !~ m{\A\Q$top\E/t/};
        push @programs, $File::Find::name if m/[.](?:t|pl)\z/ || m/[.]pm\z/ && $File::Find::name =~ m{\A\Q$top\E/t/};
        push @programs, $File::Find::name if -f && $File::Find::name =~ m{\A\Q$top\E/bin/};
    },
    $top
);
cmp_ok(scalar @modules, '>', 5, 'there are modules');

sub text_of {
    my ($path) = @_;
    open my $file, '<:encoding(UTF-8)', $path or die "$path: $!\n";
    my $text = do { local $/ = undef; <$file> };
    close $file;
    return $text;
}

for my $path (sort @modules) {
    my $name = substr $path, length "$top/";
    my $report = q{};
    open my $to_report, '>', \$report or die "$!\n";
    is(podchecker($path, $to_report, '-warnings' => 1), 0, "$name: its documentation can be read") or diag $report;
    close $to_report;
    unlike($report, qr/WARNING/, "$name: without a warning");

    my ($code, $pod) = split m/^__END__$/m, text_of($path);
    my %described = map { $_ => 1 } $pod =~ m/^=head[23] +(?:\w+->)?(\w+)/mg;
    my @undescribed = grep { !m/\A_/ && !$described{$_} } $code =~ m/^sub (\w+)/mg;
    is_deeply(\@undescribed, [], "$name: each public function is described");
    for my $section (qw(NAME LICENSE)) {
        like($pod, qr/^=head1 $section$/m, "$name: has $section");
    }
}

my $has_critic = eval { require Perl::Critic; 1 };
SKIP: {
    skip 'Perl::Critic is not installed: libperl-critic-perl has it', 1 if !$has_critic;
    my $critic = Perl::Critic->new('-profile' => "$top/.perlcriticrc");
    for my $path (sort @modules, @programs) {
        my @said = map { "$_" } $critic->critique($path);
        is_deeply(\@said, [], substr $path, length "$top/");
    }
}

done_testing();
