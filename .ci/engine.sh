# shellcheck shell=bash
# Sourced by .ci/run: a Docker engine, the machine's own where one runs, else one of ours that ends with us.

ENGINE=""

start_engine() {
  if docker info >/dev/null 2>&1; then
    say "using the Docker engine that runs already"
    return
  fi
  say "starting a Docker engine"
  mkdir -p "$CACHE"
  export DOCKER_HOST="unix://$SCRATCH/docker.sock"
  dockerd --host "$DOCKER_HOST" --data-root "$CACHE/docker" --exec-root "$SCRATCH/exec" \
    --pidfile "$SCRATCH/docker.pid" >"$SCRATCH/dockerd.log" 2>&1 &
  ENGINE=$!
  wait_for_engine
}

wait_for_engine() {
  local tries
  for tries in $(seq 120); do
    if docker info >/dev/null 2>&1; then
      say "the engine answered at try $tries: $(docker version --format 'server {{.Server.Version}}')"
      return
    fi
    kill -0 "$ENGINE" 2>/dev/null || break
    sleep 0.5 # dockerd tells nobody but systemd when it is ready
  done
  say "the Docker engine did not start; the end of its log:"
  tail -n 40 "$SCRATCH/dockerd.log"
  return 1
}

stop_engine() {
  [ -n "$ENGINE" ] || return 0
  say "stopping the Docker engine"
  docker image prune --force >/dev/null 2>&1 || true # what builds left; the base image has a name and stays
  kill -TERM "$ENGINE" 2>/dev/null || true
  local tries
  for tries in $(seq 60); do
    kill -0 "$ENGINE" 2>/dev/null || break
    sleep 0.5 # bounded at 30 s: dockerd itself gives its containers 15
  done
  if kill -KILL "$ENGINE" 2>/dev/null; then
    say "the Docker engine outlasted $tries polite tries and was killed"
  fi
  # The network namespaces of its containers stay mounted.
  awk -v below="$SCRATCH/" 'index($2, below) == 1 { print $2 }' /proc/mounts | xargs --no-run-if-empty umount
}
