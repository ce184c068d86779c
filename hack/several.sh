#!/usr/bin/env bash
# Runs an S3 server and a Redis as processes of a local cluster's node, those of them that do not run, and tells the cluster of them.
# They end with the cluster, and keep what they have stored when they are killed:
#   kill -9 "$(cat .local/NAME/several/s3.pid)"    and then this script again
# Usage: several.sh NAME    of the cluster whose state is in .local/NAME
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

state="$PWD/.local/$1"
own="$state/several"
node=10.240.0.1
export KUBECONFIG="$PWD/.local/$1.kubeconfig"

for program in openssl redis-server; do
	command -v "$program" >/dev/null || die "$program is needed: make packages"
done
[[ -x bin/k8s/versitygw ]] || die "bin/k8s/versitygw is needed: make cluster-programs"

# runs NAME tells whether the process of that name is there, and not another one with its number.
runs() {
	local pid
	pid="$(cat "$own/$1.pid" 2>/dev/null)" && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep --quiet --fixed-strings "$own"
}

# on_node NAME COMMAND... starts a process of the node in the background.
on_node() {
	local name="$1"
	shift
	setsid bin/localcluster exec --dir "$state" -- "$@" >>"$own/$name.log" 2>&1 </dev/null &
	echo $! >"$own/$name.pid"
}

# await PORT returns when somebody listens there.
await() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		bin/localcluster exec --dir "$state" -- bash -c "exec 3<>/dev/tcp/$node/$1" 2>/dev/null && return
		sleep 0.2
	done
	die "nobody listens at port $1 of the node: $own"
}

# The buckets are on the file system of the volumes, so that whoever fills that, or makes it read-only, does so to them.
store="$state/volumes/several"
bin/localcluster exec --dir "$state" -- mkdir -p "$store/buckets/khocr" "$store/metadata"
mkdir -p "$own/redis"
chmod 700 "$own"
if [[ ! -e $own/tls.key ]]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=khocr-s3 \
		-addext "subjectAltName=IP:$node" -keyout "$own/tls.key" -out "$own/tls.crt" 2>/dev/null
	openssl rand -hex 20 >"$own/secret"
fi
secret="$(cat "$own/secret")"

if ! runs s3; then
	ROOT_ACCESS_KEY_ID=khocr ROOT_SECRET_ACCESS_KEY="$secret" on_node s3 "$PWD/bin/k8s/versitygw" --port "$node:7070" --quiet \
		--cert "$own/tls.crt" --key "$own/tls.key" posix --sidecar "$store/metadata" "$store/buckets"
fi
if ! runs redis; then
	printf 'bind %s\nport 6379\nrequirepass %s\nappendonly yes\nsave ""\nset-proc-title no\ndir %s\n' "$node" "$secret" "$own/redis" >"$own/redis.conf"
	on_node redis redis-server "$own/redis.conf"
fi
await 7070
await 6379

# Server-side, so that it can be done again. A pipe keeps the secret from the command line.
apply() { kubectl apply --server-side --force-conflicts --field-manager=khocr-deploy --filename - >/dev/null; }
apply <config/default/namespace.yaml
jq --null-input --arg secret "$secret" --arg node "$node" --rawfile authority "$own/tls.crt" '
	def secret(name; content): {apiVersion: "v1", kind: "Secret", metadata: {namespace: "khocr-system", name: name}, stringData: content};
	secret("khocr-store"; {
		url: "s3://khocr?region=us-east-1&use_path_style=true&endpoint=https://\($node):7070",
		"access-key-id": "khocr", "secret-access-key": $secret, "ca.crt": $authority
	}),
	secret("khocr-rate-limit"; {url: "redis://:\($secret)@\($node):6379"})' | apply
