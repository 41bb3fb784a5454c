#!/bin/sh
# Makes the secrets that compose.yaml wants, once: what is there stays. Keep a
# copy of secrets/master_key apart from everything else: without it nobody can
# read a name or a text again.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

# Containers read the files as their own users, so the files are open and the
# folder is closed.
make_secret() {
	[ -s "secrets/$1" ] || openssl rand "$2" 32 | tr -d '\n' > "secrets/$1"
	chmod 644 "secrets/$1"
}
make_secret master_key -base64
make_secret postgres_password -hex

[ -s .env ] || printf 'EVENTSTORE_PASSWORD=%s\nPARLEY_SITE=localhost\n' "$(openssl rand -hex 24)" > .env
echo "prepared: secrets/ and .env; now run: docker compose up --build --detach"
