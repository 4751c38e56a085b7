#!/usr/bin/env bash
# Prints every secret that the manifests refer to, with new random values. None of them is kept anywhere else:
#   k8s/secrets.sh [NAMESPACE] | kubectl create -f -
# `create`, not `apply`: new passwords for old databases would lock everyone out.
set -euo pipefail
namespace=${1:-paceline}

random() { head -c 32 /dev/urandom | base64 | tr -d '=\n' | tr '+/' '-_'; }

secret() {
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\nstringData:\n' "$1" "$namespace"
  shift
  printf '  %s: "%s"\n' "$@"
}

secret postgres postgres "$(random)" mlflow "$(random)" paceline "$(random)"
secret s3 access_key_id paceline secret_access_key "$(random)"
secret mlflow-admin password "$(random)" flask_secret_key "$(random)"
secret mlflow-sweeps username paceline password "$(random)"
secret valkey password "$(random)"
