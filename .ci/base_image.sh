# shellcheck shell=bash
# Sourced by .ci/run: the base image of the container tests. No image can be pulled everywhere, Debian's packages can:
# debootstrap makes a root file system of this machine's own release, from the mirror this machine uses.

# What GitHub's runners have, and the workflows of the tests and examples use; the action's image needs Python alone.
readonly BASE_PACKAGES=ca-certificates,git,jq,python3,python3-venv

make_base_image() {
  local suite
  # shellcheck source=/dev/null # the machine's own, not ours
  suite="$(. /etc/os-release && echo "$VERSION_CODENAME")"
  # An image that was kept from before another list of packages has another name.
  BASE_IMAGE="zekt-ci-base:$suite-$(printf '%s' "$BASE_PACKAGES" | sha256sum | cut -c 1-8)"
  if docker image inspect "$BASE_IMAGE" >/dev/null 2>&1; then
    say "base image $BASE_IMAGE is there"
    return
  fi
  say "making base image $BASE_IMAGE"
  debootstrap --variant=minbase --include="$BASE_PACKAGES" \
    "$suite" "$SCRATCH/base" "$(debian_mirror "$suite")" >"$SCRATCH/debootstrap.log" 2>&1 ||
    { tail -n 40 "$SCRATCH/debootstrap.log" && return 1; }
  as_this_machine "$SCRATCH/base"
  tar --create --directory "$SCRATCH/base" --exclude ./var/cache/apt --exclude ./var/lib/apt/lists . |
    docker import - "$BASE_IMAGE"
  rm -rf --one-file-system "$SCRATCH/base"
}

# Where this machine gets the main component of that release from.
debian_mirror() {
  # shellcheck disable=SC2016 # apt's own variables, not the shell's
  apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v suite="$1" '$1 == suite && $2 == "main" { print $3; exit }'
}

# In the image, pip trusts whom this machine trusts and asks the index that this machine asks.
as_this_machine() {
  cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"
  {
    echo '[global]'
    [ -z "${PIP_INDEX_URL:-}" ] || echo "index-url = $PIP_INDEX_URL"
    echo 'cert = /etc/ssl/certs/ca-certificates.crt'
  } >"$1/etc/pip.conf"
}
