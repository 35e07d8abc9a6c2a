# shellcheck shell=bash
# Sourced by .ci/run: the Debian packages that the tests of containers, of the console and of a release and the linters need.

readonly PACKAGES=(ca-certificates chromium debootstrap docker.io git iptables jq make python3 python3-venv shellcheck)

install_packages() {
  say "installing ${PACKAGES[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # A third party's broken package source must not stop us: what we need comes from Debian, and apt-get install says
  # so itself where it cannot be had.
  apt-get update --quiet --quiet || say "apt-get update had errors, going on with what it got"
  without_starting_services apt-get install --quiet --quiet --yes --no-install-recommends "${PACKAGES[@]}"
}

# Debian starts a daemon when it installs it, unless this file says no; the engine is started below, where it can
# be ended again. https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
without_starting_services() {
  local policy=/usr/sbin/policy-rc.d status=0
  if [ -e "$policy" ]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  "$@" || status=$?
  rm -f "$policy"
  return "$status"
}
