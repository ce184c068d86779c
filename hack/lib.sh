# Sourced by the scripts beside it, from the root of the checkout.
# shellcheck shell=bash

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# kubectl of the local cluster's own programs, where they were built; else that of the machine.
kubectl() {
	if [[ -x bin/k8s/kubectl ]]; then
		bin/k8s/kubectl "$@"
	else
		command kubectl "$@"
	fi
}

need_root() {
	[[ $EUID -eq 0 ]] || die "a Kubernetes node needs root (namespaces, mounts, control groups): sudo env PATH=\"\$PATH\" make $1"
}

need_programs() {
	local program
	for program in go gcc make git curl; do
		command -v "$program" >/dev/null || die "$program is needed (Go 1.26 or later; the others are packages of Debian)"
	done
}

# The images as `make images` has left them: tarballs, and NAME=REFERENCE of each.
image_tarballs() { printf '%s\n' "${IMAGES:-.local/images}"/*.tar; }
image_references() { cat "${IMAGES:-.local/images}/refs"; }

# limit_volumes STATE SIZE: all volumes of a local cluster get one file system in memory, which can be full. Before anything
# is deployed.
limit_volumes() {
	local state="$1" size="$2" volumes
	volumes="$(realpath "$state")/volumes"
	# shellcheck disable=SC2016
	bin/localcluster exec --dir "$state" -- sh -ec '
		folders=$(ls "$0")
		mount -t tmpfs -o "size=$1,mode=755" volumes "$0"
		cd "$0"
		mkdir -- $folders' "$volumes" "$size"
}

# start_cluster NAME FORWARD [SIZE]: a local cluster with khocr on it, state in .local/NAME; sets KUBECONFIG. With SIZE its
# volumes have no more than that, all together. With SEVERAL=true in the environment there are two gateways, an S3 server and a Redis.
start_cluster() {
	local name="$1" forward="$2" state=".local/$1" form=config/local
	export KUBECONFIG="$PWD/.local/$name.kubeconfig"
	bin/localcluster up --name "khocr-$name" --dir "$state" --bin bin/k8s --kubeconfig "$KUBECONFIG" --forward "$forward"
	[[ -z "${3:-}" ]] || limit_volumes "$state" "$3"
	mapfile -t tarballs < <(image_tarballs)
	bin/localcluster load --dir "$state" "${tarballs[@]}"
	mapfile -t references < <(image_references)
	if [[ ${SEVERAL:-} == true ]]; then
		hack/several.sh "$name"
		form=config/local-several
	fi
	hack/deploy.sh "$form" "${references[@]}"
}

# cluster_url NAME: where the public API of a local cluster is reached.
cluster_url() {
	printf 'http://%s\n' "$(bin/localcluster status --dir ".local/$1" --json | jq -r '.forwards[0].address')"
}
