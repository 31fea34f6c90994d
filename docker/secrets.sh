#!/bin/sh
# Makes the secrets that docker/compose.yaml and docker/compose.scale.yaml mount as files. What is there is kept.
# The master tokens are read from standard input: docker/secrets.sh < my-tokens
set -eu
cd "$(dirname "$0")/secrets"

# The folder keeps other users of this machine out. The files themselves are readable, since the programs in the
# containers run as users of their own.
chmod 700 .
umask 022

random() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

keep() {
  if [ -s "$1" ]; then
    echo "kept  docker/secrets/$1"
  else
    printf '%s\n' "$2" > "$1"
    echo "made  docker/secrets/$1"
  fi
}

keep admin_key "$(random)"
keep metrics_key "$(random)"
keep postgres_password "$(random)"
keep database_url "postgres://tollgate:$(cat postgres_password)@postgres:5432/tollgate"
keep redis_password "$(random)"
keep redis_url "redis://:$(cat redis_password)@redis:6379"
keep redis_conf "requirepass $(cat redis_password)"

if [ ! -s upstream_tokens ]; then
  if [ -t 0 ]; then echo 'Master tokens, comma separated, on one line:' >&2; fi
  IFS= read -r tokens || true
  if [ -z "${tokens:-}" ]; then
    echo 'No master token was given: put it into docker/secrets/upstream_tokens.' >&2
    exit 1
  fi
  keep upstream_tokens "$tokens"
fi
chmod 0644 -- *
if [ ! -s tls.pem ]; then
  echo 'For compose.scale.yaml put certificate chain and private key, in this order, into docker/secrets/tls.pem.' >&2
fi
