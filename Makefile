# Everyday commands. `make help` lists them; docs/testing.md explains the tiers.

CARGO ?= cargo
SMBGW_CACHE ?= $(CURDIR)/.cache
export SMBGW_CACHE

UML_RUN := $(CURDIR)/testing/guest/uml-run
QEMU_RUN := $(CURDIR)/testing/guest/qemu-run

# Names of test and bench files outside the tiers that need root: cargo has a
# pattern for "all that match", none for "all but those".
others = $(filter-out host_% guest_%,$(basename $(notdir $(wildcard */$(1)/*.rs examples/*/$(1)/*.rs))))
unit_tests := $(foreach name,$(call others,tests),--test $(name))
all_cluster_tests := $(basename $(notdir $(wildcard smbgw-ctdb/tests/host_*.rs)))
failover_tests := host_drill host_forecast host_soak
cluster_tests := $(filter-out $(failover_tests),$(all_cluster_tests))
host_tests := $(filter-out $(all_cluster_tests),$(sort $(basename $(notdir $(wildcard */tests/host_*.rs examples/*/tests/host_*.rs)))))
# Of the whole workspace in every tier, as cargo builds packages anew for another choice of them.
run_tests = $(CARGO) test --workspace --no-fail-fast $(foreach name,$(1),--test $(name))
benches := $(basename $(notdir $(wildcard */benches/*.rs examples/*/benches/*.rs)))

.DEFAULT_GOAL := help
.PHONY: help
help: ## Show this list.
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

## Preparing

.PHONY: deps
deps: ## Install the Debian packages needed (root; quick when they are there).
	@testing/deps

.PHONY: zfs
zfs: deps ## Build OpenZFS for the guest kernel into the cache (minutes, once).
	@testing/guest/build-zfs >/dev/null

.PHONY: container
container: deps ## Build the Debian with systemd into the cache (a minute, once).
	@testing/container/build >/dev/null

.PHONY: clean-cache
clean-cache: ## Remove everything that can be built again.
	rm -rf -- "$(SMBGW_CACHE)"

## Installing

PREFIX ?= /usr/local
bindir ?= $(PREFIX)/bin
docdir ?= $(PREFIX)/share/doc/smbgw
# systemd looks for units in /usr/local/lib too.
unitdir ?= $(PREFIX)/lib/systemd/system
release := $(or $(CARGO_TARGET_DIR),target)/release

.PHONY: install
install: ## Build, and install programs and units below DESTDIR and PREFIX.
	$(CARGO) build --release --locked -p pve-smbgateway --bins
	install -d "$(DESTDIR)$(bindir)" "$(DESTDIR)$(unitdir)" "$(DESTDIR)$(docdir)"
	install -m 755 "$(release)/pve-smbgateway" "$(release)/smbgw-dfree" "$(DESTDIR)$(bindir)"
	install -m 644 docs/active-directory.md docs/high-availability.md docs/monitoring.md \
		docs/forecast.md docs/virtual-machines.md "$(DESTDIR)$(docdir)"
	for unit in $(notdir $(wildcard examples/pve-smbgateway/systemd/*)); do \
		sed -e 's|/usr/bin/|$(bindir)/|' -e 's|/usr/share/doc/smbgw/|$(docdir)/|' \
			"examples/pve-smbgateway/systemd/$$unit" >"$(DESTDIR)$(unitdir)/$$unit" || exit; \
		chmod 644 "$(DESTDIR)$(unitdir)/$$unit"; \
	done

.PHONY: deb
deb: ## Build the Debian packages into target/debian/packages (root; installs debhelper).
	@testing/deb/deps
	@testing/deb/build

## Testing

.PHONY: test
test: deps container ## Run all tiers; those that wait a lot at the same time.
	$(CARGO) test --workspace --no-run
	@export SMBGW_UNIT_NEED="valgrind c++ pkg-config cloud-init qemu-guest-agent isoinfo"; status=0; \
	$(MAKE) --no-print-directory test-unit || status=1; \
	$(MAKE) --no-print-directory --jobs=4 --output-sync=target --keep-going \
		test-host test-cluster test-failover test-guest || status=1; \
	$(MAKE) --no-print-directory test-deb || status=1; \
	echo; \
	testing/tier --summary; \
	exit $$status

.PHONY: test-unit
test-unit: ## Fast tests that need no root.
	@SMBGW_NEED="$${SMBGW_NEED-$$SMBGW_UNIT_NEED}" testing/tier unit sh -ec ' \
		$(CARGO) test --workspace --no-fail-fast --lib --bins $(unit_tests); \
		$(CARGO) test --workspace --doc'

.PHONY: test-host
test-host: deps container ## Tests on this machine's kernel (root): tests/host_*.rs.
	@SMBGW_NEED="$${SMBGW_NEED-root samba systemd-container openssl exim domain-controller winbind krb5-user adcli faketime ctdb sshd libvirt qemu}" \
	testing/tier host $(call run_tests,$(host_tests))

.PHONY: test-cluster
test-cluster: deps ## Tests with clusters of ctdb on this machine (root): smbgw-ctdb/tests/host_*.rs.
	@SMBGW_NEED="$${SMBGW_NEED-root samba ctdb}" \
	testing/tier cluster $(call run_tests,$(cluster_tests))

.PHONY: test-failover
test-failover: deps ## The longest of those: nodes lost again and again (root).
	@SMBGW_NEED="$${SMBGW_NEED-root samba ctdb}" \
	testing/tier failover $(call run_tests,$(failover_tests))

# Where this machine's kernel has the quotas itself, it needs no guest.
.PHONY: test-guest
test-guest: deps ## Tests with real quotas (root; boots a kernel if needed): tests/guest_*.rs.
	@if $(UML_RUN) --native; then \
		echo "tier guest: this kernel has the quotas, no guest is booted"; \
		need="root samba ext4-prjquota xfs-pquota"; \
	else \
		export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="$(UML_RUN)"; \
		need="root samba ext4-prjquota xfs-pquota btrfs isofs"; \
		if [ "$$SMBGW_GUEST_ZFS" != no ]; then \
			testing/guest/build-zfs >/dev/null || exit; \
			need="$$need zfs"; \
		fi; \
	fi; \
	SMBGW_NEED="$${SMBGW_NEED-$$need}" \
	testing/tier guest $(CARGO) test --workspace --no-fail-fast --test 'guest_*'

.PHONY: test-deb
test-deb: deps ## Build the Debian packages, and install, use and remove them in small Debians (root).
	@testing/tier deb testing/deb/test

.PHONY: demo
demo: deps ## Show a share being made, used, filled and removed.
	examples/demo.sh

.PHONY: bench
bench: deps ## Run the benchmarks; those called guest_* in the guest.
	@set -e; for bench in $(benches); do \
		case $$bench in \
		guest_*) $(UML_RUN) --native || \
			export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="$(UML_RUN)";; \
		*) unset CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER;; \
		esac; \
		$(CARGO) bench --workspace --bench $$bench; \
	done

# First by instructions, which repeats exactly, then by time.
.PHONY: bench-quota-vm
bench-quota-vm: deps ## Run the quota benchmark in an emulated machine (root; installs QEMU).
	@set -e; $(QEMU_RUN) --prepare; \
	export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="$(QEMU_RUN)"; \
	for clock in instructions time; do \
		echo "clock: $$clock"; \
		SMBGW_GUEST_CLOCK=$$clock $(CARGO) bench -p smbgw-quota --bench guest_usage; \
	done

.PHONY: bench-guests
bench-guests: deps ## Measure templates and how soon guests answer (root; some ten minutes).
	smbgw-vm/benches/guests.sh

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZ_SECONDS (nightly; installs cargo-fuzz).
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --quiet --locked cargo-fuzz
	@set -e; for folder in $(wildcard */fuzz); do \
		cd "$(CURDIR)/$$(dirname $$folder)"; \
		dict=$$(ls fuzz/*.dict 2>/dev/null || true); \
		for target in $$($(CARGO) +nightly fuzz list); do \
			$(CARGO) +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) $${dict:+-dict=$$dict}; \
		done; \
	done

## Looking over

.PHONY: check
check: fmt-check clippy doc scripts ## Everything that is looked at without running it.

.PHONY: fmt
fmt: ## Format the Rust code.
	$(CARGO) fmt --all

.PHONY: fmt-check
fmt-check: ## Fail where the Rust code is not formatted.
	$(CARGO) fmt --all -- --check

.PHONY: clippy
clippy: ## Lint, warnings are errors.
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings

.PHONY: doc
doc: ## Build the documentation, warnings are errors.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps

scripts := testing/deps testing/qemu testing/tier testing/debian-mirror $(wildcard testing/deb/* testing/guest/uml-run testing/guest/guest-init \
	testing/guest/qemu-run testing/guest/build-zfs testing/container/build testing/src/*/*.sh examples/*.sh */benches/*.sh) .ci/run
maintainer_scripts := $(foreach when,preinst postinst prerm postrm,$(wildcard smbgw-ffi/debian/*.$(when))) smbgw-ffi/debian/manuals

.PHONY: deny
deny: ## Check dependencies: licences, sources, known flaws (installs cargo-deny).
	@command -v cargo-deny >/dev/null || $(CARGO) install --quiet --locked cargo-deny
	$(CARGO) deny check

.PHONY: scripts
scripts: ## Lint the shell scripts.
	shellcheck --shell=bash $(scripts)
	shellcheck --shell=dash $(maintainer_scripts)
