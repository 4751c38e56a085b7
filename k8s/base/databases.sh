#!/bin/bash
# Runs once, on an empty volume: one role and its databases each for MLflow and for the studies.
set -euo pipefail

role() {
  psql --username "$POSTGRES_USER" --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$1" --set password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
SQL
}

database() {
  psql --username "$POSTGRES_USER" --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$1" --set owner="$2" <<'SQL'
CREATE DATABASE :"name" OWNER :"owner";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

role mlflow "$MLFLOW_PASSWORD"
role paceline "$PACELINE_PASSWORD"
database mlflow mlflow
database mlflow_auth mlflow
database paceline paceline
