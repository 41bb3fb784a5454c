#!/bin/sh
# Makes an authority and a certificate for each node of the EventStoreDB cluster
# below the directory given, once: what is there stays. The nodes trust each
# other by the common name and the authority.
# https://developers.eventstore.com/server/v24.10/security/protocol-security.html
set -eu
directory=$1
shift
mkdir -p "$directory/ca"
cd "$directory"

if [ ! -s ca/ca.key ]; then
	openssl req -x509 -newkey rsa:2048 -nodes -days 1825 -subj "/O=Parley/CN=Parley EventStoreDB CA" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
		-keyout ca/ca.key -out ca/ca.crt
fi
# What the nodes trust is in a folder of its own, without the authority's key.
mkdir -p trusted
cp ca/ca.crt trusted/ca.crt

for node in "$@"; do
	[ ! -s "$node/node.crt" ] || continue
	mkdir -p "$node"
	openssl req -newkey rsa:2048 -nodes -subj "/CN=eventstoredb-node" -keyout "$node/node.key" -out "$node/node.csr"
	cat > "$node/extensions" <<-END
		basicConstraints=critical,CA:FALSE
		keyUsage=critical,digitalSignature,keyEncipherment
		extendedKeyUsage=serverAuth,clientAuth
		subjectAltName=DNS:$node,DNS:localhost,IP:127.0.0.1
	END
	openssl x509 -req -in "$node/node.csr" -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial -days 825 \
		-extfile "$node/extensions" -out "$node/node.crt"
	rm "$node/node.csr" "$node/extensions"
done

# The nodes run as user 1000.
chmod 700 ca
chown -R 1000:1000 trusted "$@" 2>/dev/null || echo "not root: the certificates stay yours"
chmod 755 . trusted "$@"
chmod 644 trusted/ca.crt
for node in "$@"; do
	chmod 600 "$node/node.key"
	chmod 644 "$node/node.crt"
done
