#!/bin/bash
# Runs once, when the image of PostgreSQL has made an empty cluster: Isimud's role, which is no superuser, and its
# database. The password is the one in DATABASE_URL, which has no characters that a URL would escape.
set -euo pipefail

url=$(< "${DATABASE_URL_FILE:-/run/secrets/database-url}")
password=${url#*://isimud:}
password=${password%@*}

psql --set=ON_ERROR_STOP=1 --no-psqlrc --username="${POSTGRES_USER:-postgres}" --set=password="$password" <<'SQL'
CREATE ROLE isimud LOGIN PASSWORD :'password';
CREATE DATABASE isimud OWNER isimud ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE isimud FROM PUBLIC;
SQL
